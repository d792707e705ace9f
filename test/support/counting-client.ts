import { parser } from "skysocket/client";
import { type Packet, PacketType } from "socket.io-parser";

/** The frames of a client with `skysocket/client`, as they go over the wire. */
export class CountingClient {
  readonly #encoder = new parser.Encoder();

  connect(nsp = "/", data: object = {}): readonly string[] {
    return this.#frames({ type: PacketType.CONNECT, nsp, data });
  }

  disconnect(nsp = "/"): readonly string[] {
    return this.#frames({ type: PacketType.DISCONNECT, nsp });
  }

  event(...data: readonly unknown[]): readonly string[] {
    return this.eventTo("/", ...data);
  }

  eventTo(nsp: string, ...data: readonly unknown[]): readonly string[] {
    return this.#frames({ type: PacketType.EVENT, nsp, data: [...data] });
  }

  answer(id: number, ...data: readonly unknown[]): readonly string[] {
    return this.#frames({ type: PacketType.ACK, nsp: "/", id, data: [...data] });
  }

  #frames(packet: Packet): readonly string[] {
    return this.#encoder
      .encode(packet)
      .map((part: unknown) =>
        part instanceof Uint8Array ? `b${Buffer.from(part).toString("base64")}` : `4${String(part)}`,
      );
  }
}
