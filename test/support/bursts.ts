import type { Socket } from "socket.io-client";

/** The arguments of the next `count` events of this name. */
export const next = (socket: Socket, event: string, count: number): Promise<readonly unknown[][]> =>
  new Promise((resolve) => {
    const heard: unknown[][] = [];
    socket.on(event, (...args) => {
      if (heard.push(args) === count) resolve(heard);
    });
  });

export const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, n) => n);
