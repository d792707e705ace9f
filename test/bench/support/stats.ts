/** The middle one, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/** Of each run's value to that of the one beside it: the machine may be busier at one time than at another. */
export function pairedRatio(values: readonly number[], beside: readonly number[]): number {
  return median(values.map((value, run) => value / (beside[run] ?? Number.NaN)));
}

/** The value that this share of all does not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
}

/** So that noise far below what is measured does not fill a table. */
export function round(value: number, digits = 1): number {
  return Number(value.toFixed(digits));
}

/** Microseconds of CPU that this process spends on each of `count` calls of `work`, `parallel` of them at once. */
export async function cpuMicros(
  work: (n: number) => Promise<unknown>,
  { count, parallel }: { readonly count: number; readonly parallel: number },
): Promise<number> {
  let started = 0;
  const before = process.cpuUsage();
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      while (started < count) await work(started++);
    }),
  );
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}
