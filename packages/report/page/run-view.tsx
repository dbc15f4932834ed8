import { type ReportFacts, rowKinds } from "../src/format.js";
import { count } from "./words.js";

/** What was run, what failed, and what the numbers mean. */
export function RunView({ facts }: { readonly facts: ReportFacts }) {
  const { items, truth, failures } = facts;
  return (
    <div class="run-view">
      <section aria-labelledby="run-title">
        <h2 id="run-title">The run</h2>
        <dl class="row-facts">
          {[
            ["Items", `${items.done} of ${items.count} done, ${items.failures} failed`],
            ...facts.run,
            ["Report by", facts.tool],
            ["Ground truth", truth === null ? "none" : truthLine(truth)],
          ].map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      </section>
      <section aria-labelledby="words-title">
        <h2 id="words-title">What the numbers mean</h2>
        <p>
          <b>Heat on a share of the picture.</b> “61 % of the heat on 13 % of the picture: 4.7×” says how much of the
          map's energy lies inside the box, how much of the picture the box takes, and the ratio of both. A uniform map
          gives 1×.
        </p>
        <p>
          <b>Suspicion</b> is score × out / √in, at most the score, where in and out are the mean heat inside and
          outside of the box, each over that of the whole picture. A uniform map gives the score, one wholly inside the
          box 0. What is confident and looks elsewhere comes first: it may be a shortcut, or an object that is known by
          what stands around it.
        </p>
        <p>
          <b>A map shows what the score depends on</b>, as the method of this run measures it, and no more; small boxes
          get coarse maps.
        </p>
      </section>
      {truth !== null && (
        <section aria-labelledby="kinds-title">
          <h2 id="kinds-title">Against the ground truth</h2>
          <dl class="row-facts">
            {rowKinds.map(({ id, title, about }) => (
              <div key={id}>
                <dt>{title}</dt>
                <dd>{about}</dd>
              </div>
            ))}
          </dl>
        </section>
      )}
      {failures.length > 0 && (
        <section aria-labelledby="failures-title">
          <h2 id="failures-title">What could not be explained</h2>
          <dl class="row-facts wide-facts">
            {failures.map(({ source, message }) => (
              <div key={source}>
                <dt>{source}</dt>
                <dd>{message}</dd>
              </div>
            ))}
          </dl>
          {items.failures > failures.length && <p class="hint">… and {items.failures - failures.length} more.</p>}
        </section>
      )}
    </div>
  );
}

function truthLine({ from, objects, pictures }: NonNullable<ReportFacts["truth"]>): string {
  return `${from}: ${count(objects, "object")} in ${count(pictures, "picture")}`;
}
