import type { CheckDocument, CheckedMethod } from "./check-document.js";
import type { CheckFigures } from "./check-figures.js";
import { type CheckId, checkIds, checkRules, commonReason } from "./check-rules.js";

/** A table of texts: the titles of its columns, and its rows. */
export interface TextTable {
  readonly titles: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const verdicts = { pass: "pass", fail: "FAIL", undecided: "?", "not-possible": "–" } as const;

/** One row for each method: the verdict and the figure of each check. */
export function checkTable({ methods }: CheckDocument): TextTable {
  return {
    titles: ["method", ...checkIds.map((id) => checkRules[id].title), "verdict"],
    rows: methods.map((method) => [
      name(method),
      ...checkIds.map((id) => cell(id, method.checks[id])),
      verdictOf(method),
    ]),
  };
}

/** One row for each method: the correlation over the image when more and more weights are random. Undefined if none were. */
export function stageTable({ methods, randomisation }: CheckDocument): TextTable | undefined {
  if (randomisation.stages.length === 0) return undefined;
  return {
    titles: ["random weights", ...randomisation.stages.map(({ name }) => name), "all, in the box"],
    rows: methods.map((method) => {
      const { stages, beyondBox } = method.checks.weights;
      return [name(method), ...[...(stages ?? []), beyondBox].map((interval) => interval?.mean.toFixed(2) ?? "–")];
    }),
  };
}

/** In the last column there is room for the reason. */
function verdictOf({ verdict, checks }: CheckedMethod): string {
  if (verdict !== "undecided") return verdicts[verdict];
  const reason = commonReason(Object.values(checks));
  return `undecided${reason === null ? "" : ` (${reason})`}`;
}

function name({ method, isControl }: CheckedMethod): string {
  return isControl ? `${method} (control)` : method;
}

/** The verdict, with the figure that people know: a correlation, or the number of equal maps. */
function cell(id: CheckId, { verdict, correlation, beyondBox, same, maps }: CheckFigures): string {
  if (verdict === "not-possible") return verdicts[verdict];
  if (id === "repeat") return `${verdicts[verdict]} ${same}/${maps}`;
  const figure = id === "weights" ? beyondBox : correlation;
  return `${verdicts[verdict]} ${figure!.mean.toFixed(2)}`;
}
