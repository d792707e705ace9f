import { isIP } from "node:net";

const LOOPBACK = "127.0.0.1";
/** Of every machine itself: no other can have them. */
const OWN = [LOOPBACK, "localhost", "[::1]"];
/** To listen there is to listen on all addresses. */
const ANY = ["0.0.0.0", "::"];

/**
 * The names under which the local cloud answers. A page of any site can have its name point to this machine (DNS rebinding):
 * for the browser it then reads its own site, and would see every frame of `/events`. What it cannot change is the `Host` that the
 * browser sends, which is its name. So only those names are answered that nobody else can have, or that were asked for.
 *
 * The `Origin` of an upgrade is not checked here: on AWS anyone may connect, and it is the application that says who may
 * (`cors.origin`). What the page reads has no CORS headers, so that no other origin can.
 */
export class Hosts {
  readonly #names: readonly string[];
  /** Where to listen. */
  readonly addresses: readonly string[];

  /** @param more names and addresses beside those of every machine; at those that are addresses it listens, too */
  constructor(more: readonly string[] = []) {
    this.#names = [...OWN, ...more.map(nameOf)];
    const addresses = more.filter((host) => isIP(host) !== 0);
    const any = addresses.find((address) => ANY.includes(address));
    this.addresses = any === undefined ? [...new Set([LOOPBACK, ...addresses])] : [any];
  }

  /** Whether a request with this `Host` is answered. Ports do not count: a tunnel changes them. */
  allows(host: string | undefined): boolean {
    return this.#names.includes(withoutPort(host));
  }

  /** What to tell who asked under another name. */
  refusal(host: string | undefined): string {
    const name = withoutPort(host).replace(/^\[(.*)\]$/, "$1");
    return (
      `The local cloud answers requests to ${this.#names.join(", ")}, and this one is to "${host ?? ""}". ` +
      `If that is your name for this machine, start it with --host ${isPlain(name) ? name : "NAME"}.`
    );
  }
}

const nameOf = (host: string): string => (isIP(host) === 6 ? `[${host}]` : host).toLowerCase();

const withoutPort = (host = ""): string => host.toLowerCase().replace(/:\d*$/, "");

/** A name or an address, as {@link Hosts} takes them. */
export const isPlain = (host: string): boolean =>
  isIP(host) !== 0 || /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(host);
