import {
  type DetectOptions,
  type DrawingOptions,
  detectOptions,
  drawingOptions,
  type ExplainOptions,
  explainOptions,
  namesIn,
  type OptionKind,
  type OptionRows,
} from "@whybox/core";

const explaining: OptionRows = explainOptions;
const drawing: OptionRows = drawingOptions;

/** Options of the drawing that a page with CSS does itself, and those of the library alone but `measure`, have no attribute. */
const shown = ["colormap", "opacity", "hideBoxes", "hideLabels"];

/** The attribute of each option: `maxDetections` is `max-detections`. */
export const optionAttributes: ReadonlyMap<string, string> = new Map(
  [
    ...Object.entries(explaining).filter(([name, { libraryOnly }]) => !libraryOnly || name === "measure"),
    ...Object.entries(drawing).filter(([name]) => shown.includes(name)),
  ].map(([name]) => [name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`), name]),
);

/** The options in the attributes of an element. The engine checks their values. */
export function attributeOptions(element: Element): {
  readonly explain: ExplainOptions;
  readonly look: DrawingOptions;
} {
  const explain: Record<string, unknown> = {};
  const look: Record<string, unknown> = {};
  for (const [attribute, name] of optionAttributes) {
    const text = element.getAttribute(attribute);
    if (text === null) continue;
    const row = explaining[name] ?? drawing[name]!;
    const options = explaining[name] === undefined ? look : explain;
    options[name] = optionValue(row, text.trim());
  }
  return { explain, look };
}

/** The value of an attribute. A value that does not fit stays as it is, so that the engine's message names it. */
function optionValue(kind: OptionKind, text: string): unknown {
  switch (kind.kind) {
    case "flag":
      return text !== "false";
    case "number":
      return numberOf(text);
    case "list":
      return parts(text, ",").map((part) => (kind.of.kind === "number" ? numberOf(part) : part));
    case "scores":
      return parts(text, ",");
    case "layers":
      return text === "auto" ? text : parts(text, ",").map((part) => (/^-?\d+$/.test(part) ? Number(part) : part));
    case "size": {
      const sides = parts(text, " ").map(numberOf);
      return sides.length === 1 ? sides[0] : sides;
    }
    case "box": {
      const [x1, y1, x2, y2, ...words] = parts(text, " ");
      return { ...corners({ x1, y1, x2, y2 }), className: words.join(" ") };
    }
    default:
      return text;
  }
}

function corners(given: Readonly<Record<string, string | undefined>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(given).map(([name, text]) => [name, numberOf(text ?? "")]));
}

function numberOf(text: string): number | string {
  return text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

function parts(text: string, separator: string): string[] {
  return text
    .split(separator)
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

/** The options of an explanation that its detection has too. */
export function detectionOptions(options: ExplainOptions): DetectOptions {
  const names = namesIn(detectOptions);
  return Object.fromEntries(
    Object.entries(options).filter(([name, value]) => names.includes(name) && value !== undefined),
  );
}
