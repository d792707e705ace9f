import type { LambdaService, ScheduleModel } from "./model.ts";

/** Beyond it Node fires a timer at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The schedules of the template, as timers. */
export class Schedules {
  readonly #lambda: LambdaService;
  readonly #timeScale: number;
  readonly #track: (work: Promise<unknown>) => void;
  #timers: NodeJS.Timeout[] = [];

  /**
   * @param timeScale how many times faster than the clock they run
   * @param track takes what a schedule has started and nobody here waits for
   */
  constructor(lambda: LambdaService, timeScale: number, track: (work: Promise<unknown>) => void) {
    this.#lambda = lambda;
    this.#timeScale = timeScale;
    this.#track = track;
  }

  /** Runs these from now on, and those of before no more. */
  start(schedules: readonly ScheduleModel[]): void {
    this.stop();
    this.#timers = schedules.map(({ everySec, functionId, input, source }) =>
      setInterval(
        () => this.#track(this.#lambda.invoke(functionId, input, source)),
        Math.min((everySec * 1000) / this.#timeScale, MAX_TIMER_MS),
      ),
    );
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers = [];
  }
}
