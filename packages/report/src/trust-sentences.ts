import { EQUAL } from "./measure-sentence.js";
import type { Comparison, Estimate, MeasurementSummary } from "./measurements.js";
import { count } from "./texts.js";

/** What the figures of a sample say, in plain words. */
export function trustSentences(summary: Omit<MeasurementSummary, "sentences">): string[] {
  const { overall, measured, failed, images, candidates, isSmall } = summary;
  if (candidates === 0)
    return ["The run has no detection that can be measured: only those of images, with their own maps, can."];
  const drawn = `${measured.toLocaleString("en")} of ${count(candidates, "detection")} ${measured === 1 ? "was" : "were"} measured, in ${count(images, "image")}.`;
  const failures = failed === 0 ? [] : [`${count(failed, "detection")} of the sample could not be measured.`];
  if (overall.figures === null)
    return [drawn, ...failures, "So this report cannot say how far the maps can be trusted."];
  const { image, withinBox } = overall.figures;
  return [
    drawn,
    ...failures,
    againstGaussian(image, withinBox),
    `They are ${verdict(image.overRandom)} random maps (${difference(image.overRandom)}).`,
    conclusion(image, withinBox),
    ...(isSmall ? [smallSample(measured, images)] : []),
  ];
}

function againstGaussian(image: Comparison, withinBox: Comparison): string {
  const [whole, within] = [image.overGaussian, withinBox.overGaussian];
  return `On average, the maps are ${verdict(whole)} a blob at the box (${difference(whole)}), and ${verdict(within)} it within the box (${difference(within)}), where knowing the box is no advantage.`;
}

function conclusion(image: Comparison, withinBox: Comparison): string {
  if (!isAbove(image.overRandom)) return "So do not rely on these maps: a random map may be as good.";
  if (isAbove(image.overGaussian) || isAbove(withinBox.overGaussian)) {
    return "So the maps show more of what the network uses than the place of the box does.";
  }
  return "So the maps may show no more than where the box is.";
}

function smallSample(measured: number, images: number): string {
  return `The sample is small (${count(measured, "detection")} in ${count(images, "image")}): the intervals are rough, and the figures by size and confidence are only a hint.`;
}

/** How maps compare with others, by the interval of the difference. */
export function verdict({ mean, low, high }: Estimate): string {
  if (low === null || high === null) return "not clearly more or less faithful than";
  if (low > 0) return "more faithful than";
  if (high < 0) return "less faithful than";
  if (Math.abs(mean) <= EQUAL && low >= -2 * EQUAL && high <= 2 * EQUAL) return "about as faithful as";
  return "not clearly more or less faithful than";
}

function isAbove({ low }: Estimate): boolean {
  return low !== null && low > 0;
}

/** "+0.03, 95 % interval 0.01 to 0.05". */
function difference(estimate: Estimate): string {
  return `${signed(estimate.mean)}, ${intervalText(estimate)}`;
}

/** "95 % interval −0.02 to 0.05". */
export function intervalText({ low, high }: Estimate): string {
  return low === null || high === null ? "no interval from one image" : `95 % interval ${score(low)} to ${score(high)}`;
}

/** "+0.03", "−0.10", "0.00". */
export function signed(value: number): string {
  const text = score(value);
  return Number(value.toFixed(2)) > 0 ? `+${text}` : text;
}

/** Two digits, with a minus sign instead of a hyphen. */
export function score(value: number): string {
  const text = value.toFixed(2);
  return text === "-0.00" ? "0.00" : text.replace("-", "−");
}
