/** What commits of shared variables remember of sockets. */

/** Its connection listeners have run for the first time. */
export const connectNote = (socketId: string): string => `connect ${socketId}`;

/** Its `disconnect` listeners have run. */
export const endNote = (socketId: string): string => `end ${socketId}`;
