import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { grids, kindNumber } from "../../../node/src/report/format.js";
import { type ClassStats, classStats } from "./class-stats.js";
import type { ReportData } from "./data.js";
import { heat } from "./draw.js";
import { Choice } from "./filters.js";
import { type Bins, Histogram } from "./histogram.js";
import { has, ratioOf } from "./view.js";
import { percent, times } from "./words.js";

const linear = (from: number, to: number, bins: number): number[] =>
  Array.from({ length: bins + 1 }, (_, i) => from + ((to - from) * i) / bins);

const percents: Bins = { edges: linear(0, 1, 20), ticks: linear(0, 1, 5), label: (edge) => percent(edge) };
/** Powers of two, from a sixteenth to 1024 times. */
const powers: Bins = {
  edges: linear(-4, 10, 28),
  ticks: linear(-4, 10, 7),
  label: (edge) => (edge < 0 ? `1/${2 ** -edge}` : `${2 ** edge}×`),
};

const sorts: readonly (readonly [string, string, (one: ClassStats) => number])[] = [
  ["context", "most context first", (one) => one.context ?? -1],
  ["outside", "most often hotter outside", (one) => one.outside || 0],
  ["rows", "most frequent first", (one) => one.rows],
];

interface ClassesViewProps {
  readonly data: ReportData;
  /** Those that the filters leave. */
  readonly rows: Uint32Array;
  readonly showClass: (number: number) => void;
}

/** How each class is looked at, and how the rows are distributed. */
export function ClassesView({ data, rows, showClass }: ClassesViewProps) {
  const [sort, setSort] = useState("context");
  const stats = useMemo(() => classStats(data), [data]);
  const [, , key] = sorts.find(([id]) => id === sort)!;
  const sorted = stats.toSorted((a, b) => key(b) - key(a) || b.rows - a.rows);
  const filtered = rows.length < data.facts.rows;
  return (
    <div class="classes">
      <Distributions data={data} rows={rows} />
      {filtered && <p class="hint">Bars: what the filters leave. Line: all detections.</p>}
      <section aria-labelledby="classes-title">
        <div class="list-head">
          <h2 id="classes-title">Where each class is looked for</h2>
          <Choice label="Order" value={sort} choices={sorts} choose={setSort} />
        </div>
        <p class="hint">
          The mean map around the box (the frame), over all detections of the class. Heat outside of it is context: what
          stands around an object carries the decision.
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
          <button type="button" class="link" onClick={show}>
            show {stats.rows.toLocaleString("en")}
            <span class="for-readers"> of {stats.name}</span>
          </button>
        </p>
        <dl class="class-facts">
          <Fact name="around the box" value={stats.context === null ? "–" : percent(stats.context)} />
          <Fact name="in the box, median" value={Number.isNaN(stats.inBox) ? "–" : percent(stats.inBox)} />
          <Fact name="ratio to its area" value={Number.isNaN(stats.ratio) ? "–" : times(stats.ratio)} />
          <Fact name="hotter outside" value={Number.isNaN(stats.outside) ? "–" : percent(stats.outside)} />
          <Fact name="score, median" value={Number.isNaN(stats.score) ? "–" : percent(stats.score)} />
        </dl>
      </div>
    </article>
  );
}

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
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

function Distributions({ data, rows }: Pick<ClassesViewProps, "data" | "rows">) {
  const { columns, facts } = data;
  const values = useMemo(() => {
    const of = (list: ArrayLike<number>) => {
      // What was missed is no detection: its score is what the model gave to the box when it was asked.
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
      <h2 id="charts-title">How the detections are distributed</h2>
      <div class="charts">
        <Histogram
          {...{ title: "Share of the heat over share of the picture", bins: powers, mark: 0, format: inPowers }}
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
