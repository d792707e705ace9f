import type { Log } from "../ports/environment.ts";
import { callingTimer } from "./timers.ts";

/** How much of a function's text names it in the log. */
const NAME_LENGTH = 60;

interface Interval {
  /** Calls that its turns have begun and that are not over. */
  going: number;
  /** Some of them had to wait for an event: then it is not for its period that they are not over. */
  delayed: boolean;
  /** The function is running: all that it calls belongs to one turn. */
  calling: boolean;
  /** This turn came before the last one was over. */
  overlapping: boolean;
  warned: boolean;
}

/**
 * Timers of the module that call again and again. On stock a turn costs nothing; here it is some requests, which can take longer than
 * the period. Turns would pile up without end then, so one that comes before the last one is over is left out.
 */
export class Intervals {
  readonly #intervals = new WeakMap<object, Interval>();

  /** An interval's call begins, if one is calling. @returns what to call when it is over */
  enter(delayed: boolean): () => void {
    const interval = this.#calling()?.[1];
    if (!interval) return () => undefined;
    interval.going++;
    interval.delayed ||= delayed;
    return () => {
      interval.going--;
      if (interval.going === 0) interval.delayed = false;
    };
  }

  overlaps(what: string, log: Log): boolean {
    const [timer, interval] = this.#calling() ?? [];
    if (!timer || !interval?.overlapping) return false;
    if (interval.warned || interval.delayed) return true;
    interval.warned = true;
    log.warn(
      "SKY_TIMER_OVERLAPS",
      `${nameOf(timer)} called ${what} before what its last turn had called was over: this call is left out, and so are others to come, without another warning. Give the timer a longer period: what it sends is some requests, which take longer than sending it does on a server.`,
    );
    return true;
  }

  #calling(): readonly [NodeJS.Timeout, Interval] | undefined {
    const timer = callingTimer();
    if (!timer) return undefined;
    const known = this.#intervals.get(timer);
    const interval = known ?? { going: 0, delayed: false, calling: false, overlapping: false, warned: false };
    if (!known) this.#intervals.set(timer, interval);
    if (!interval.calling) {
      interval.calling = true;
      interval.overlapping = interval.going > 0;
      // Node runs these between two timers: the function has returned then, or waits for something.
      queueMicrotask(() => {
        interval.calling = false;
      });
    }
    return [timer, interval];
  }
}

/** As far as Node tells: its members with an underscore are nothing to rely on. */
function nameOf(timer: object): string {
  const period =
    "_repeat" in timer && typeof timer._repeat === "number" ? ` (every ${timer._repeat} ms)` : "";
  const fn = "_onTimeout" in timer && typeof timer._onTimeout === "function" ? timer._onTimeout : undefined;
  const text = fn?.toString().replaceAll(/\s+/g, " ") ?? "";
  const short = text.length > NAME_LENGTH ? `${text.slice(0, NAME_LENGTH)}…` : text;
  return `a timer of the module${period}${short ? `, ${short},` : ""}`;
}
