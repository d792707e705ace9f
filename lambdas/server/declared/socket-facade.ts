/** What the application sees of a socket, as far as it matters below api/, where the class is. */
export interface SocketFacade {
  readonly conn: object;
}
