import { type EChartsOption, init } from "echarts";

export interface Curve {
  readonly name: string;
  readonly points: readonly (readonly [number, number])[];
}

export interface Plot {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly curves: readonly Curve[];
}

const SIZE = { width: 720, height: 400 };

/** As SVG text; both axes are logarithmic, so that what grows in proportion is a straight line. */
export function draw({ title, x, y, curves }: Plot): string {
  const option: EChartsOption = {
    animation: false,
    backgroundColor: "#fff",
    title: { text: title, left: "center" },
    legend: { bottom: 0, itemGap: 28 },
    grid: { left: 80, right: 30, top: 50, bottom: 80 },
    xAxis: { type: "log", name: x, nameLocation: "middle", nameGap: 28 },
    yAxis: { type: "log", name: y, nameLocation: "middle", nameGap: 55 },
    series: curves.map(({ name, points }) => ({
      ...{ name, type: "line" as const, symbolSize: 7 },
      data: points.map((point) => [...point]),
    })),
  };
  const chart = init(null, null, { renderer: "svg", ssr: true, ...SIZE });
  try {
    chart.setOption(option);
    return `${chart.renderToSVGString()}\n`;
  } finally {
    // Otherwise its timers keep the process.
    chart.dispose();
  }
}
