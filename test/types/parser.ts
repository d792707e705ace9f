// Compiled, never run: what the server's option `parser` takes.
import { type Parser, Server } from "skysocket";
import * as msgpack from "socket.io-msgpack-parser";
import * as json from "socket.io-parser";

/** One of the application's own, as Socket.IO's documentation shows it. */
class OwnEncoder {
  encode(packet: json.Packet): string[] {
    return [JSON.stringify(packet)];
  }
}
class OwnDecoder {
  readonly #listeners: ((packet: json.Packet) => void)[] = [];
  on(_event: "decoded", listener: (packet: json.Packet) => void): void {
    this.#listeners.push(listener);
  }
  add(text: string): void {
    for (const listener of this.#listeners) listener(JSON.parse(text));
  }
}

export const parsers: readonly Parser[] = [msgpack, json, { Encoder: OwnEncoder, Decoder: OwnDecoder }];
export const servers = [...parsers, undefined].map((parser) => new Server({ parser }));

// @ts-expect-error an encoder alone is no parser
export const half = new Server({ parser: { Encoder: OwnEncoder } });
