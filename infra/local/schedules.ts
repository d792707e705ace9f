import type { LocalLambda } from "./lambda/lambda.ts";
import type { ScheduleModel } from "./model.ts";

/** Beyond it Node fires a timer at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The schedules of the template, as timers. */
export class Schedules {
  readonly #lambda: Pick<LocalLambda, "invokeAsync">;
  readonly #timeScale: number;
  #timers: NodeJS.Timeout[] = [];

  /**
   * @param lambda is invoked asynchronously, as EventBridge does it
   * @param timeScale how many times faster than the clock they run
   */
  constructor(lambda: Pick<LocalLambda, "invokeAsync">, timeScale: number) {
    this.#lambda = lambda;
    this.#timeScale = timeScale;
  }

  /** Runs these from now on, and those of before no more. */
  start(schedules: readonly ScheduleModel[]): void {
    this.stop();
    this.#timers = schedules.map(({ everySec, functionId, input, source }) =>
      setInterval(
        () => this.#lambda.invokeAsync(functionId, input, source),
        Math.min((everySec * 1000) / this.#timeScale, MAX_TIMER_MS),
      ),
    );
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers = [];
  }
}
