import type { CheckDocument, Estimate, MeasuredGroup, MeasurementSummary } from "@whybox/report";
import { escapeHtml } from "../report/html.js";
import { type Cell, table } from "./page-parts.js";

/** The figures of the measured sample. */
export function measurementSection(measured: MeasurementSummary | undefined): string {
  if (measured === undefined)
    return "<p>Not measured. <code>whybox run --measure</code> measures a random sample of the run’s detections.</p>\n";
  const groups = [measured.overall, ...measured.bySize, ...measured.byConfidence].filter(
    (group): group is MeasuredGroup & { figures: NonNullable<MeasuredGroup["figures"]> } => group.figures !== null,
  );
  const widest = Math.max(
    0.05,
    ...groups.flatMap(({ figures: { image, withinBox } }) =>
      [image.overGaussian, withinBox.overGaussian, image.overRandom].flatMap(({ mean, low, high }) =>
        [mean, low ?? 0, high ?? 0].map(Math.abs),
      ),
    ),
  );
  const rows = groups.map(({ title, detections, images, figures }): Cell[] => [
    title,
    `${detections} / ${images}`,
    estimateCell(figures.image.overGaussian, widest),
    estimateCell(figures.withinBox.overGaussian, widest),
    estimateCell(figures.image.overRandom, widest),
    `${figures.sufficientOverBox.map.toFixed(2)} / ${figures.sufficientOverBox.gaussian.toFixed(2)}`,
  ]);
  const columns = [
    { title: "detections" },
    { title: "n / images", align: "right" },
    { title: "map − blob" },
    { title: "map − blob, within the box" },
    { title: "map − random" },
    { title: "smallest region, map / blob", align: "right" },
  ] as const;
  const sentences = measured.sentences.map((sentence) => `<p>${escapeHtml(sentence)}</p>`).join("\n");
  return `${sentences}
${table(columns, rows)}<p class="hint">Differences of over-all scores (area under insertion minus area under deletion, −1 to 1): the mean, and its 95 % bootstrap interval over images. Above 0 the map is the more faithful one. The blob is a Gaussian at the box, which knows nothing of the network. The smallest region restores half of the score; its median, as a multiple of the area of the box. Sample of ${measured.sampled} of ${measured.candidates} detections, seed ${measured.seed}.</p>\n`;
}

function estimateCell({ mean, low, high }: Estimate, widest: number): Cell {
  const interval = low === null || high === null ? "no interval" : `${signed(low)} to ${signed(high)}`;
  return {
    html: `<b>${signed(mean)}</b> <span class="faint flag">${interval}</span>${plot({ mean, low, high }, widest)}`,
  };
}

/** The interval on a line from −widest to widest. */
function plot({ mean, low, high }: Estimate, widest: number): string {
  const x = (value: number) => (60 + (56 * value) / widest).toFixed(1);
  const range =
    low === null || high === null ? "" : `<line class="range" x1="${x(low)}" x2="${x(high)}" y1="7" y2="7"/>`;
  return `<svg class="plot" viewBox="0 0 120 14" width="120" height="14" aria-hidden="true"><line class="axis" x1="2" x2="118" y1="7" y2="7"/><line class="zero" x1="60" x2="60" y1="1" y2="13"/>${range}<circle cx="${x(mean)}" cy="7" r="3"/></svg>`;
}

/** "+0.03", "−0.10", "0.00". */
function signed(value: number): string {
  const text = value.toFixed(2);
  if (/^-?0\.00$/.test(text)) return "0.00";
  return value > 0 ? `+${text}` : text.replace("-", "−");
}

/** The sanity checks. */
export function checkSection(check: CheckDocument | undefined): string {
  if (check === undefined)
    return "<p>Not checked. <code>whybox check</code> checks it, and <code>--check FILE</code> adds its JSON to a bundle.</p>\n";
  const columns = [{ title: "method" }, ...check.rules.map(({ title }) => ({ title })), { title: "verdict" }];
  const rows = check.methods.map((method): Cell[] => [
    method.isControl ? `${method.title} (control, must fail)` : method.title,
    ...check.rules.map(({ check: id }) => verdictCell(method.checks[id]?.verdict ?? "not-possible")),
    verdictCell(method.verdict),
  ]);
  const sentences = check.methods.map(({ sentence }) => `<li>${escapeHtml(sentence)}</li>`).join("\n");
  const rules = check.rules.map(
    ({ title, question, rule }) => `<dt>${escapeHtml(title)}</dt><dd>${escapeHtml(`${question} ${rule}`)}</dd>`,
  );
  return `${table(columns, rows)}<ul class="plain">${sentences}</ul>
<dl class="facts">${rules.join("")}</dl>
<p class="hint">${escapeHtml(check.images.chosenBy)} Seed ${check.options.seed}. ${check.images.checked.length} images, ${check.detections.length} detections. ${escapeHtml(check.limits.join(" "))}</p>\n`;
}

function verdictCell(verdict: string): Cell {
  const words: Record<string, string> = { pass: "pass", fail: "fail", undecided: "undecided" };
  return {
    html: `<span class="verdict is-${words[verdict] === undefined ? "none" : verdict}">${words[verdict] ?? "not possible"}</span>`,
  };
}
