import { type ReportFacts, rowKinds } from "../src/format.js";
import { count } from "../src/texts.js";
import { FactList } from "./fact-list.js";

/** The run's options and failures, and the meaning of the numbers. */
export function RunView({ facts }: { readonly facts: ReportFacts }) {
  const { items, truth, trust, failures, hasBoxes } = facts;
  return (
    <div class="run-view">
      <section aria-labelledby="run-title">
        <h2 id="run-title">The run</h2>
        <FactList
          facts={[
            ["Items", `${items.done} of ${items.count} done, ${items.failures} failed`],
            ...facts.run,
            ["Report by", facts.tool],
            ["Ground truth", truth === null ? "none" : truthLine(truth)],
            ["Faithfulness", trust === null ? "not measured (whybox run --measure)" : "measured, see “Trust”"],
          ]}
        />
      </section>
      <section aria-labelledby="words-title">
        <h2 id="words-title">Meaning of the numbers</h2>
        {hasBoxes && (
          <>
            <p>
              <b>Heat in the box.</b> “61 % of the heat on 13 % of the image: 4.7×” gives the share of the map's energy
              inside the box, the share of the image that the box covers, and their ratio. A uniform map gives 1×.
            </p>
            <p>
              <b>Suspicion</b> orders the detections: confident ones with their heat elsewhere come first. The detector
              may use a shortcut, or it recognises the object by its surroundings. Its number is score × min(1, out /
              √in) × concentration, from 0 to 1: high from 0.5, medium from 0.2, low below. It is no probability. In and
              out are the mean heat inside and outside the box, each divided by the mean heat of the whole image. The
              concentration is 0 for a uniform map, which says nothing about the place, and 1 if the hottest tenth of
              the image has 30 % of the heat or more. A map that is completely inside the box gives 0.
            </p>
          </>
        )}
        <p>
          <b>A map shows what the score depends on</b>, as measured by the method of this run.
          {hasBoxes && " Maps of small boxes are coarse."}
        </p>
      </section>
      {truth !== null && (
        <section aria-labelledby="kinds-title">
          <h2 id="kinds-title">Comparison with the ground truth</h2>
          <FactList facts={rowKinds.map(({ title, about }) => [title, about])} />
        </section>
      )}
      {failures.length > 0 && (
        <section aria-labelledby="failures-title">
          <h2 id="failures-title">Failures</h2>
          <FactList facts={failures.map(({ source, message }) => [source, message])} class="row-facts wide-facts" />
          {items.failures > failures.length && <p class="hint">… and {items.failures - failures.length} more.</p>}
        </section>
      )}
    </div>
  );
}

function truthLine({ from, objects, images }: NonNullable<ReportFacts["truth"]>): string {
  return `${from}: ${count(objects, "object")} in ${count(images, "image")}`;
}
