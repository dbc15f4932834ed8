import { didYouMean, WhyboxError } from "../../errors.js";
import { widened } from "../../onnx/half.js";
import { DataType, type Graph, type Model } from "../../onnx/model.js";
import { floatsOf } from "../../onnx/tensors.js";

/** Widths and heights of the anchors in input pixels: one list of pairs for each level, finest first. */
export type Anchors = readonly (readonly (readonly [width: number, height: number])[])[];

/** The anchors of a head, and where they are from. */
export interface FoundAnchors {
  readonly anchors: Anchors;
  /** What was assumed, for display. Undefined for anchors of the options. */
  readonly note: string | undefined;
}

const V5 = [10, 13, 16, 30, 33, 23, 30, 61, 62, 45, 59, 119, 116, 90, 156, 198, 373, 326];
const P6 = [
  ...[19, 27, 44, 40, 38, 94, 96, 68, 86, 152, 180, 137],
  ...[140, 301, 303, 264, 238, 542, 436, 615, 739, 380, 925, 792],
];

const V7 = [12, 16, 19, 36, 40, 28, 36, 75, 76, 55, 72, 146, 142, 110, 192, 243, 459, 401];
/** Of YOLOv2, in cells of 32 pixels: Darknet's yolov2.cfg and yolov2-tiny-voc.cfg. */
const V2 = [0.57273, 0.677385, 1.87446, 2.06253, 3.33843, 5.47434, 7.88282, 3.52778, 9.77052, 9.16828];
const V2_VOC = [1.08, 1.19, 3.42, 4.41, 6.63, 11.38, 9.42, 5.11, 16.62, 10.52];
const inPixels = (cells: readonly number[]): readonly number[] => cells.map((side) => 32 * side);

/** Anchors of published models: number of levels, and widths and heights, finest level first. */
const TABLES: Readonly<Record<string, readonly [levels: number, sides: readonly number[]]>> = {
  yolov5: [3, V5],
  "yolov5-p6": [4, P6],
  "yolov5-face": [3, [4, 5, 8, 10, 13, 16, 23, 29, 43, 55, 73, 105, 146, 217, 231, 300, 335, 433]],
  yolov7: [3, V7],
  yolov3: [3, V5],
  yolov4: [3, V7],
  "yolov3-tiny": [2, [10, 14, 23, 27, 37, 58, 81, 82, 135, 169, 344, 319]],
  "yolov4-tiny": [2, [23, 27, 37, 58, 81, 82, 81, 82, 135, 169, 344, 319]],
  yolov2: [1, inPixels(V2)],
  "tiny-yolov2-voc": [1, inPixels(V2_VOC)],
  "yolo-fastestv2": [2, [12.64, 19.39, 37.88, 51.48, 55.71, 138.31, 126.91, 78.23, 131.57, 214.55, 279.92, 258.87]],
};

/** Names of the tables of anchors. */
export const anchorTableNames: readonly string[] = Object.keys(TABLES);

/** How boxes are computed with anchors: as in YOLOv5, or as in one of Darknet's models. */
export type AnchorForm = "yolov5" | "yolov2" | "yolov3" | "yolov4" | "yolov4-tiny";

/** The form that belongs to a table of anchors; undefined for anchors in numbers, which have none. */
export function anchorForm(given: string | readonly number[] | undefined): AnchorForm | undefined {
  const name = typeof given === "string" ? given.trim() : "";
  if (!Object.hasOwn(TABLES, name)) return undefined;
  if (name.includes("yolov2")) return "yolov2";
  if (name === "yolov4" || name === "yolov4-tiny") return name;
  return name.startsWith("yolov3") ? "yolov3" : "yolov5";
}

/** The anchors of a published model. */
export function knownAnchors(name: string): Anchors {
  const [levels, sides] = TABLES[name]!;
  return inLevels(sides, levels);
}

const MAX_TEXT = 4000;
const MAX_NUMBERS = 512;
const MAX_SIDE = 16_384;

/** The widths and heights of the option `anchors`: numbers, numbers in a text, or the name of a table. @throws usage */
export function anchorNumbers(given: string | readonly number[]): readonly number[] {
  if (typeof given === "string") {
    const text = given.trim();
    if (Object.hasOwn(TABLES, text)) return TABLES[text]![1];
    if (text.length > MAX_TEXT || !/^[\d.,;\s[\]()]+$/.test(text)) throw invalid(given);
    return checked(
      text
        .split(/[^\d.]+/)
        .filter((word) => word !== "")
        .map(Number),
      given,
    );
  }
  if (!Array.isArray(given)) throw invalid(given);
  return checked(given, given);
}

function checked(numbers: readonly number[], given: unknown): readonly number[] {
  const isSide = (side: unknown): boolean => typeof side === "number" && side > 0 && side <= MAX_SIDE;
  const isValid = numbers.length >= 2 && numbers.length <= MAX_NUMBERS && numbers.length % 2 === 0;
  if (!isValid || !numbers.every(isSide)) throw invalid(given);
  return numbers;
}

function invalid(given: unknown): WhyboxError {
  const shown = String(given).slice(0, 80);
  const hint = typeof given === "string" ? didYouMean(shown, anchorTableNames) : "";
  return new WhyboxError(
    "usage",
    `The anchors are "${shown}"; expected widths and heights in pixels, finest level first, or one of ${anchorTableNames.join(", ")}.${hint}`,
    { details: { option: "anchors", found: shown } },
  );
}

/**
 * The anchors of a head with `levels` levels: those of the option, else of the file, else of the first of the `usual` tables that fits. Returns the reason as a string if there are none.
 * @throws usage when the number of given anchors does not fit.
 */
export function anchorsFor(
  model: Model,
  wanted: {
    readonly strides: readonly number[];
    readonly perCell: number;
    readonly usual: readonly string[];
    readonly given: string | readonly number[] | undefined;
  },
): FoundAnchors | string {
  const { strides, perCell, usual, given } = wanted;
  const size = 2 * strides.length * perCell;
  if (given !== undefined) {
    const numbers = anchorNumbers(given);
    if (numbers.length === size) return { anchors: inLevels(numbers, strides.length), note: undefined };
    throw new WhyboxError(
      "usage",
      `The anchors have ${numbers.length} numbers. The head has ${strides.length} levels with ${perCell} anchors per cell: expected ${size} numbers.`,
      { details: { option: "anchors", found: numbers.length, expected: size } },
    );
  }
  const own = anchorsInFile(model.graph, size);
  if (own !== undefined) {
    // YOLOv5 also stores anchors in cells instead of pixels.
    const inCells = Math.max(...own) < 2 * strides.at(-1)!;
    const perLevel = size / strides.length;
    const sides = inCells ? own.map((side, i) => side * strides[Math.floor(i / perLevel)]!) : own;
    return { anchors: inLevels(sides, strides.length), note: "anchors from the file" };
  }
  const fits = usual.find((name) => {
    const [levels, sides] = TABLES[name]!;
    return sides.length === size && levels === strides.length;
  });
  if (fits === undefined) {
    return `its ${strides.length} levels with ${perCell} anchors per cell have no known anchors. Give their widths and heights with the option anchors`;
  }
  return { anchors: knownAnchors(fits), note: `anchors of ${fits}, as none are in the file` };
}

function inLevels(sides: readonly number[], levels: number): Anchors {
  const per = sides.length / levels / 2;
  return Array.from({ length: levels }, (_, level) =>
    Array.from({ length: per }, (_, a): [number, number] => {
      const at = 2 * (level * per + a);
      return [sides[at]!, sides[at + 1]!];
    }),
  );
}

/** A constant that is called anchors and has the right number of values. */
function anchorsInFile({ initializers }: Graph, size: number): readonly number[] | undefined {
  for (const [name, tensor] of initializers) {
    const wide = widened(tensor);
    if (!/anchor/i.test(name) || wide.dataType !== DataType.FLOAT) continue;
    if (tensor.dims.reduce((product, side) => product * side, 1) !== size) continue;
    const sides = [...floatsOf(wide)];
    if (sides.every((side) => side > 0 && side <= MAX_SIDE)) return sides;
  }
  return undefined;
}
