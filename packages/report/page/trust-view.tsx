import { useMemo } from "preact/hooks";
import type { TrustFacts } from "../src/format.js";
import type { Estimate, GroupFigures, MeasuredGroup } from "../src/measurements.js";
import { count } from "../src/texts.js";
import { score, signed } from "../src/trust-sentences.js";
import { Button } from "./button.js";
import type { ReportData } from "./data.js";
import { FactList } from "./fact-list.js";
import { type Bins, Histogram } from "./histogram.js";
import { nameOf, sourceOf, times } from "./words.js";

const bins = (from: number, to: number, step: number): Bins => ({
  edges: Array.from({ length: Math.round((to - from) / step) + 1 }, (_, i) => from + i * step),
  ticks: Array.from({ length: 5 }, (_, i) => from + (i * (to - from)) / 4),
  label: score,
});
const scores = bins(-1, 1, 0.1);
const differences = bins(-0.5, 0.5, 0.05);

/** Number of detections in the list of the least faithful maps. */
const WORST = 10;

interface TrustViewProps {
  readonly data: ReportData;
  readonly trust: TrustFacts;
  /** Opens the large view of a row. */
  readonly open: (row: number) => void;
}

/** How far the maps can be trusted, by the measurements of a sample. */
export function TrustView({ data, trust, open }: TrustViewProps) {
  const { summary, failures } = trust;
  return (
    <div class="run-view trust-view">
      <section aria-labelledby="trust-title">
        <h2 id="trust-title">Can these maps be trusted?</h2>
        {summary.sentences.map((sentence, i) => (
          <p key={sentence} class={summary.isSmall && i === summary.sentences.length - 1 ? "care" : undefined}>
            {sentence}
          </p>
        ))}
      </section>
      {summary.overall.figures !== null && (
        <>
          <Figures trust={trust} />
          <Distributions trust={trust} />
          <Worst data={data} trust={trust} open={open} />
        </>
      )}
      <Meaning trust={trust} />
      {failures.length > 0 && (
        <section aria-labelledby="unmeasured-title">
          <h2 id="unmeasured-title">Not measured</h2>
          <FactList
            facts={failures.map(({ source, name, message }) => [`${name} in ${source}`, message])}
            class="row-facts wide-facts"
          />
          {summary.failed > failures.length && <p class="hint">… and {summary.failed - failures.length} more.</p>}
        </section>
      )}
    </div>
  );
}

/** Extent of the plotted intervals, on both sides of 0. */
const REACH = 0.3;

function Figures({ trust: { summary } }: Pick<TrustViewProps, "trust">) {
  const { overall, bySize, byConfidence } = summary;
  const groups: readonly MeasuredGroup[] = [{ ...overall, title: "all measured" }, ...bySize, ...byConfidence];
  return (
    <section aria-labelledby="figures-title">
      <h2 id="figures-title">Figures by size and confidence</h2>
      <p class="hint" id="figures-about">
        Over-all scores from −1 to 1 of the maps, the blob at the box and a random map; higher is better. They are
        means, with 95 % bootstrap intervals over images in brackets. The lines show these intervals from −{REACH} to{" "}
        {REACH}.
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: A region that scrolls must be reachable with the keyboard. */}
      <section class="wide-table" aria-label="Table of figures" tabIndex={0}>
        <table aria-describedby="figures-about">
          <thead>
            <tr>
              <th scope="col">Detections</th>
              <th scope="col">Map</th>
              <th scope="col">Blob</th>
              <th scope="col">Random</th>
              <th scope="col">Map minus blob</th>
              <th scope="col">The same within the box</th>
              <th scope="col">Smallest region, map (blob)</th>
            </tr>
          </thead>
          <tbody>
            {groups.map((group) => (
              <GroupRow key={group.title} group={group} />
            ))}
          </tbody>
        </table>
      </section>
    </section>
  );
}

function GroupRow({ group: { title, detections, images, figures } }: { readonly group: MeasuredGroup }) {
  return (
    <tr>
      <th scope="row">
        {title}
        <span class="faint">
          {count(detections, "detection")} in {count(images, "image")}
        </span>
      </th>
      {figures === null ? (
        <td colSpan={6} class="faint">
          none in the sample
        </td>
      ) : (
        <Cells figures={figures} />
      )}
    </tr>
  );
}

function Cells({ figures: { image, withinBox, sufficientOverBox } }: { readonly figures: GroupFigures }) {
  return (
    <>
      <td>{score(image.map.mean)}</td>
      <td>{score(image.gaussian.mean)}</td>
      <td>{score(image.random.mean)}</td>
      <Difference estimate={image.overGaussian} />
      <Difference estimate={withinBox.overGaussian} />
      <td>
        {times(sufficientOverBox.map)} ({times(sufficientOverBox.gaussian)}) box
      </td>
    </>
  );
}

function Difference({ estimate }: { readonly estimate: Estimate }) {
  const { mean, low, high } = estimate;
  const x = (value: number) => 50 + 50 * Math.max(-1, Math.min(1, value / REACH));
  const known = low !== null && high !== null;
  return (
    <td class="difference">
      <span>{signed(mean)}</span>
      <svg viewBox="0 0 100 16" width="100" height="16" aria-hidden="true">
        <line class="zero" x1="50" x2="50" y1="0" y2="16" />
        {known && <line class="range" x1={x(low)} x2={x(high)} y1="8" y2="8" />}
        <circle cx={x(mean)} cy="8" r="4" />
      </svg>
      {known && (
        <span class="faint">
          [{score(low)}, {score(high)}]
        </span>
      )}
    </td>
  );
}

function Distributions({ trust: { measured } }: Pick<TrustViewProps, "trust">) {
  const values = useMemo(() => {
    const of = (area: "image" | "withinBox", i: 0 | 1) => measured.map((one) => one[area][i]);
    const minus = (area: "image" | "withinBox") => measured.map((one) => one[area][0] - one[area][1]);
    const places = ["image", "withinBox"] as const;
    return places.map((area) => ({ map: of(area, 0), blob: of(area, 1), difference: minus(area) }));
  }, [measured]);
  const [image, within] = values as [(typeof values)[number], (typeof values)[number]];
  return (
    <section aria-labelledby="spread-title">
      <h2 id="spread-title">Distribution over the detections</h2>
      <p class="hint">
        The first two charts: the maps (bars) and the blob at the box (line). The third: the map minus the blob, in the
        image (bars) and within the box (line); the dashed line is 0.
      </p>
      <div class="charts">
        <Histogram
          title="Over-all score in the image"
          bins={scores}
          all={image.blob}
          chosen={image.map}
          format={score}
        />
        <Histogram
          title="Over-all score within the box"
          bins={scores}
          all={within.blob}
          chosen={within.map}
          format={score}
        />
        <Histogram
          {...{ title: "Map minus blob", bins: differences, all: within.difference, chosen: image.difference }}
          {...{ mark: 0, format: signed }}
        />
      </div>
    </section>
  );
}

function Worst({ data, trust: { measured }, open }: TrustViewProps) {
  const difference = ({ image: [map, gaussian] }: TrustFacts["measured"][number]) => map - gaussian;
  const worst = measured.toSorted((a, b) => difference(a) - difference(b)).slice(0, WORST);
  return (
    <section aria-labelledby="worst-title">
      <h2 id="worst-title">Least faithful maps</h2>
      <p class="hint">Compared with the blob, in the image. A click shows the map.</p>
      <ul class="worst">
        {worst.map((one) => (
          <li key={one.row}>
            <Button class="link" onClick={() => open(one.row)}>
              {nameOf(data, one.row)}
            </Button>{" "}
            <span class="faint">
              {sourceOf(data, one.row)}, {signed(difference(one))}
            </span>
            <p>{one.sentence}</p>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Meaning({ trust: { summary } }: Pick<TrustViewProps, "trust">) {
  return (
    <section aria-labelledby="measured-title">
      <h2 id="measured-title">What was measured</h2>
      <p>
        <b>The over-all score</b> of a map is the area under its insertion curve minus the area under its deletion
        curve. Deletion makes the hottest pixels grey, and insertion restores them in the blurred image. Both follow the
        best confidence of the class at the box. A map that marks what the network uses has a high score.
      </p>
      <p>
        <b>The blob at the box</b> is a Gaussian. It knows the box and nothing of the network, and it is hard to beat:
        the object is usually what the network looks at. <b>Within the box</b>, only pixels of the box are changed, so
        knowing the box is no advantage. <b>The smallest region</b> restores half of the confidence in the blurred
        image: its area over that of the box, the median.
      </p>
      <p>
        <b>The sample</b> is random (seed {summary.seed}), stratified by class, size and confidence:{" "}
        {summary.sampled.toLocaleString("en")} of {count(summary.candidates, "detection")}, so the means are estimates
        for the run. The intervals draw whole images, because the detections of one image are not independent.
      </p>
      <p>
        <b>What this cannot show:</b> changed images are unlike those that the network knows, and a faithful map is no
        proof that the network uses the right evidence.
      </p>
    </section>
  );
}
