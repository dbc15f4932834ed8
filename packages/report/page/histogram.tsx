import type { RefObject } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import uPlot from "uplot";
import { percent } from "../src/texts.js";

/** Values sorted into bins of equal width. */
export interface Bins {
  /** The lower edge of each bin, then the upper edge of the last one. */
  readonly edges: readonly number[];
  /** The edges that have a number on the axis. */
  readonly ticks: readonly number[];
  readonly label: (edge: number) => string;
}

interface HistogramProps {
  readonly title: string;
  readonly bins: Bins;
  readonly all: ArrayLike<number>;
  readonly chosen: ArrayLike<number>;
  /** The value of a uniform map. */
  readonly mark?: number;
  readonly format: (value: number) => string;
}

/** The distribution of values of all rows (line) and of the filtered rows (bars), each as shares of their number. */
export function Histogram({ title, bins, all, chosen, mark, format }: HistogramProps) {
  const ref = useRef<HTMLDivElement>(null);
  const [lines, bars] = useMemo(() => [shares(bins.edges, all), shares(bins.edges, chosen)], [all, chosen]);
  const middle = useMemo(() => quartiles(chosen), [chosen]);
  usePlot(ref, (host) => drawPlot(host, bins, lines, bars, mark), [lines, bars]);
  return (
    <figure class="chart">
      <h3>{title}</h3>
      <div ref={ref} class="plot" aria-hidden="true" />
      <figcaption class="faint">
        {middle === undefined
          ? "No values."
          : `Median ${format(middle[1])}; half of the values are from ${format(middle[0])} to ${format(middle[2])}.`}
      </figcaption>
    </figure>
  );
}

/** The small distribution of a class, without axes. */
export function SmallHistogram({ bins, values, mark }: Pick<HistogramProps, "bins" | "mark"> & SmallValues) {
  const ref = useRef<HTMLDivElement>(null);
  const bars = useMemo(() => shares(bins.edges, values), [values]);
  usePlot(ref, (host) => drawPlot(host, bins, undefined, bars, mark), [bars]);
  return <div ref={ref} class="small-plot" aria-hidden="true" />;
}

interface SmallValues {
  readonly values: readonly number[];
}

/** Draws a plot in an element. It is drawn again when the data, the element's size or the colours change. */
function usePlot(
  ref: RefObject<HTMLDivElement | null>,
  make: (host: HTMLElement) => uPlot,
  inputs: readonly unknown[],
): void {
  useEffect(() => {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    let plot: uPlot | undefined;
    const host = ref.current!;
    const draw = () => {
      plot?.destroy();
      plot = make(host);
    };
    const resized = new ResizeObserver(draw);
    resized.observe(host);
    dark.addEventListener("change", draw);
    return () => {
      resized.disconnect();
      dark.removeEventListener("change", draw);
      plot?.destroy();
    };
  }, inputs);
}

function shares(edges: readonly number[], values: ArrayLike<number>): number[] {
  const counts = new Array<number>(edges.length - 1).fill(0);
  const [low, high] = [edges[0]!, edges.at(-1)!];
  for (let i = 0; i < values.length; i++) {
    const at = Math.floor(((values[i]! - low) / (high - low)) * counts.length);
    counts[Math.min(Math.max(at, 0), counts.length - 1)]!++;
  }
  return counts.map((one) => (values.length === 0 ? 0 : one / values.length));
}

function quartiles(values: ArrayLike<number>): [number, number, number] | undefined {
  if (values.length === 0) return undefined;
  const sorted = Float64Array.from(values).sort();
  const at = (part: number) => sorted[Math.floor(part * (sorted.length - 1))]!;
  return [at(0.25), at(0.5), at(0.75)];
}

/** @param all the line. Undefined makes a small plot of the bars only. */
function drawPlot(
  host: HTMLElement,
  bins: Bins,
  all: number[] | undefined,
  chosen: number[],
  mark: number | undefined,
): uPlot {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const [ink, line, accent] = [colour("--faint"), colour("--line"), colour("--accent")];
  const axis = {
    show: all !== undefined,
    stroke: ink,
    grid: { stroke: line, width: 1 },
    ticks: { stroke: line, width: 1 },
    font: "12px system-ui",
  };
  // Each value belongs to the bin between its edge and the next one.
  const series = [[...chosen.map((one) => one || null), null], ...(all === undefined ? [] : [[...all, all.at(-1)!]])];
  const looks: uPlot.Series[] = [
    {
      ...{ fill: `${accent}99`, stroke: accent, width: 1, points: { show: false } },
      paths: uPlot.paths.bars!({ size: [0.86, 100], align: 1 }),
    },
    { stroke: ink, width: 1.5, paths: uPlot.paths.stepped!({ align: 1 }), points: { show: false } },
  ];
  return new uPlot(
    {
      width: Math.max(all === undefined ? 60 : 200, host.clientWidth),
      height: host.clientHeight,
      ...(all === undefined ? { padding: [2, 1, 1, 1] } : {}),
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false, range: [bins.edges[0]!, bins.edges.at(-1)!] },
        y: { range: (_, __, max) => [0, Math.max(max * 1.08, 0.01)] },
      },
      axes: [
        { ...axis, size: 32, values: (_, splits) => splits.map(bins.label), splits: () => [...bins.ticks] },
        { ...axis, size: 46, values: (_, splits) => splits.map((value) => percent(value)) },
      ],
      series: [{}, ...looks.slice(0, series.length)],
      hooks: { draw: mark === undefined ? [] : [(plot) => drawMark(plot, mark, ink)] },
    },
    [[...bins.edges], ...series],
    host,
  );
}

/** Draws a dashed line at the value of a uniform map. */
function drawMark(plot: uPlot, mark: number, ink: string): void {
  const x = plot.valToPos(mark, "x", true);
  plot.ctx.save();
  plot.ctx.strokeStyle = ink;
  plot.ctx.setLineDash([4, 4]);
  plot.ctx.beginPath();
  plot.ctx.moveTo(x, plot.bbox.top);
  plot.ctx.lineTo(x, plot.bbox.top + plot.bbox.height);
  plot.ctx.stroke();
  plot.ctx.restore();
}
