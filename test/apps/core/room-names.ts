/** A socket's rooms for people to read: its own first, then the others by name (ids are random, so is their order). */
export function roomNames(socket: { readonly id: string; readonly rooms: Set<string> }): string[] {
  const others = [...socket.rooms].filter((room) => room !== socket.id).sort();
  return socket.rooms.has(socket.id) ? ["(own)", ...others] : others;
}
