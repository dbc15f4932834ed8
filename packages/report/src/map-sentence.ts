import { percent } from "./texts.js";

/** What a sentence about the map of one detection is made from. */
export interface SentenceFacts {
  readonly className: string;
  /** Share of the heat inside the box, 0..1. */
  readonly inBox: number;
  /** Share of the image that the box covers, 0..1. */
  readonly area: number;
  /** Whether the hottest pixel is in the box. */
  readonly peakInBox: boolean;
  /** False for methods whose map does not depend on the detection. */
  readonly dependsOnScore: boolean;
  /** The class that the detection is compared with. Default: none. */
  readonly versus?: string | undefined;
  /** The scores that are explained. Default: the method's own. */
  readonly scores?: readonly NamedScore[];
}

interface NamedScore {
  readonly id: string;
  readonly title: string;
}

/** Scores that are the confidence to a reader. */
const confidences: ReadonlySet<string> = new Set(["class", "class_confidence", "row"]);

/** With this share of its heat inside the box or more, a map counts as inside. */
export const mostlyInside = 0.5;
const NEARLY_ALL = 0.8;

/** One sentence for people: what a detection depends on, by the place of the heat in its map. */
export function mapSentence(facts: SentenceFacts): string {
  if (!facts.dependsOnScore) return ofLayer;
  return `${claim(facts)} ${place(facts)}.`;
}

/** One sentence on the map of a class of the whole image, which has no box. */
export function classSentence({
  className,
  dependsOnScore,
  versus,
}: Pick<SentenceFacts, "className" | "dependsOnScore" | "versus">): string {
  if (!dependsOnScore) return ofLayer;
  return `The heat shows which parts of the image support the class ${className}${versus === undefined ? "" : ` rather than ${versus}`}.`;
}

const ofLayer = "Where this layer is most active.";

function claim({ className, versus, scores = [] }: SentenceFacts): string {
  if (versus !== undefined) return `The preference for ${className} over ${versus} depends`;
  if (scores.every(({ id }) => confidences.has(id))) return `The detector's confidence in this ${className} depends`;
  const titles = scores.map(({ title }) => `“${title}”`).join(" and ");
  return scores.length === 1
    ? `The score ${titles} of this ${className} depends`
    : `The scores ${titles} of this ${className} depend`;
}

function place({ className, inBox, area, peakInBox }: SentenceFacts): string {
  // In such a box, nearly all heat of a uniform map is inside too.
  if (area >= NEARLY_ALL) return `on the area of its box, which is ${percent(area)} of the image`;
  if (inBox >= NEARLY_ALL) return `on the ${className} itself`;
  if (inBox >= mostlyInside) return "mostly on the area inside its box, and partly on its surroundings";
  // A cell of a layer is often larger than a small object, so heat on it reaches beyond its box.
  return peakInBox ? `on the ${className} and its surroundings` : "mostly on the surroundings of its box";
}
