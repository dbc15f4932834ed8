import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { grids, kindNumber } from "../src/format.js";
import { percent } from "../src/texts.js";
import { Button } from "./button.js";
import { type ClassStats, classStats } from "./class-stats.js";
import type { ReportData } from "./data.js";
import { heat } from "./draw.js";
import { FactList } from "./fact-list.js";
import { Choice } from "./filters.js";
import { type Bins, Histogram, SmallHistogram } from "./histogram.js";
import { has, ratioOf, type View } from "./view.js";
import { times } from "./words.js";

const linear = (from: number, to: number, bins: number): number[] =>
  Array.from({ length: bins + 1 }, (_, i) => from + ((to - from) * i) / bins);

const percents: Bins = { edges: linear(0, 1, 20), ticks: linear(0, 1, 5), label: (edge) => percent(edge) };
/** Bins of powers of two, from 1/16 to 1024. */
const powers: Bins = {
  edges: linear(-4, 10, 28),
  ticks: linear(-4, 10, 7),
  label: (edge) => (edge < 0 ? `1/${2 ** -edge}` : `${2 ** edge}×`),
};

const sorts: readonly (readonly [string, string, (one: ClassStats) => number])[] = [
  ["context", "most context first", (one) => one.context ?? -1],
  ["outside", "most often hotter outside", (one) => one.outside || 0],
  ["beside", "most heat on other boxes", (one) => one.beside?.share ?? -1],
  ["rows", "most detections first", (one) => one.rows],
];

interface ClassesViewProps {
  readonly data: ReportData;
  /** The rows that match the filters. */
  readonly rows: Uint32Array;
  readonly view: View;
  readonly change: (part: Partial<View>) => void;
  readonly showClass: (number: number) => void;
}

/** The mean map of each class, and the distributions of the rows. */
export function ClassesView({ data, rows, view, change, showClass }: ClassesViewProps) {
  const [sort, setSort] = useState("context");
  const stats = useMemo(() => classStats(data), [data]);
  const [, , key] = sorts.find(([id]) => id === sort)!;
  const sorted = stats.toSorted((a, b) => key(b) - key(a) || b.rows - a.rows);
  const filtered = rows.length < data.facts.rows;
  return (
    <div class="classes">
      <Distributions data={data} rows={rows} view={view} change={change} stats={stats} />
      {filtered && <p class="hint">Bars: the filtered detections. Line: all detections.</p>}
      <section aria-labelledby="classes-title">
        <div class="list-head">
          <h2 id="classes-title">Where the heat of each class is</h2>
          <Choice label="Order" value={sort} choices={sorts} choose={setSort} />
        </div>
        <p class="hint">
          The image shows the mean map of all detections of the class. The frame is the box. Heat outside the frame
          means that the detector uses the surroundings of the object. The chart shows the share of heat in the box,
          divided by the share of area, from 1/16 to 1024. The dashed line is a uniform map.
        </p>
        <ul class="class-cards">
          {sorted.map((one) => (
            <li key={one.class}>
              <ClassCard stats={one} show={() => showClass(one.class)} />
            </li>
          ))}
        </ul>
      </section>
    </div>
  );
}

function ClassCard({ stats, show }: { readonly stats: ClassStats; readonly show: () => void }) {
  return (
    <article class="class-card">
      <MeanMap mean={stats.mean} />
      <div class="class-text">
        <h3>{stats.name}</h3>
        <p>
          <Button class="link" onClick={show}>
            show {stats.rows.toLocaleString("en")}
            <span class="for-readers"> of {stats.name}</span>
          </Button>
          {errorsOf(stats)}
        </p>
        <FactList facts={factsOf(stats)} class="class-facts" />
        {stats.ratios.length > 1 && <SmallHistogram bins={powers} values={stats.ratios.map(Math.log2)} mark={0} />}
      </div>
    </article>
  );
}

/** ", 3 wrong, 2 missed" */
function errorsOf({ wrong, missed }: ClassStats): string {
  return `${wrong === 0 ? "" : `, ${wrong.toLocaleString("en")} wrong`}${missed === 0 ? "" : `, ${missed.toLocaleString("en")} missed`}`;
}

function factsOf({ context, inBox, ratio, outside, beside, score }: ClassStats): [string, string][] {
  const known = (value: number | null, show = percent) => (value === null || Number.isNaN(value) ? "–" : show(value));
  return [
    ["around the box", known(context)],
    ["in the box, median", known(inBox)],
    ["ratio to its area", known(ratio, times)],
    ["hotter outside", known(outside)],
    ...(beside === undefined ? [] : [[`on boxes of ${beside.name}`, percent(beside.share)] as [string, string]]),
    ["score, median", known(score)],
  ];
}

function MeanMap({ mean }: { readonly mean: Uint8Array | undefined }) {
  const ref = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const canvas = ref.current!;
    const side = Math.round(132 * devicePixelRatio);
    canvas.width = side;
    canvas.height = side;
    const context = canvas.getContext("2d")!;
    context.fillStyle = "#30302e";
    context.fillRect(0, 0, side, side);
    context.imageSmoothingQuality = "high";
    if (mean !== undefined) context.drawImage(heat(mean, grids.box, 1), 0, 0, side, side);
    const inner = side / grids.context;
    context.strokeStyle = "#fff";
    context.lineWidth = 1.5 * devicePixelRatio;
    context.strokeRect((side - inner) / 2, (side - inner) / 2, inner, inner);
  }, [mean]);
  return <canvas ref={ref} class="mean-map" />;
}

interface DistributionsProps extends Omit<ClassesViewProps, "showClass"> {
  readonly stats: readonly ClassStats[];
}

function Distributions({ data, rows, view, change, stats }: DistributionsProps) {
  const { columns, facts } = data;
  const classes = stats
    .map((one) => [String(one.class), one.name] as const)
    .toSorted(([, a], [, b]) => a.localeCompare(b));
  const values = useMemo(() => {
    const of = (list: ArrayLike<number>) => {
      // A missed object is not a detection. Its score is the model's score for the box of the ground truth.
      const found = Array.from(list).filter((row) => columns.kind[row] !== kindNumber("missed"));
      const warm = found.filter((row) => has(columns.flags[row]!, "heat"));
      return {
        score: found.map((row) => columns.score[row]!),
        inBox: warm.map((row) => columns.inBox[row]!),
        ratio: warm.map((row) => Math.log2(ratioOf(columns, row))).filter((value) => !Number.isNaN(value)),
      };
    };
    return { all: of(Array.from({ length: facts.rows }, (_, i) => i)), chosen: of(rows) };
  }, [rows]);
  const { all, chosen } = values;
  const inPowers = (value: number) => times(2 ** value);
  return (
    <section aria-labelledby="charts-title">
      <div class="list-head">
        <h2 id="charts-title">Distribution of the detections</h2>
        <Choice
          label="Class"
          value={view.class}
          choices={[["all", `all ${classes.length}`], ...classes]}
          choose={(value) => change({ class: value })}
        />
      </div>
      <div class="charts">
        <Histogram
          {...{ title: "Heat share / area share", bins: powers, mark: 0, format: inPowers }}
          {...{ all: all.ratio, chosen: chosen.ratio }}
        />
        <Histogram
          {...{ title: "Share of the heat in the box", bins: percents, format: percent }}
          {...{ all: all.inBox, chosen: chosen.inBox }}
        />
        <Histogram
          {...{ title: "Score", bins: percents, format: percent }}
          {...{ all: all.score, chosen: chosen.score }}
        />
      </div>
    </section>
  );
}
