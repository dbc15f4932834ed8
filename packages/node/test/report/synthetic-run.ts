import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import {
  boxGrid,
  imageGrid,
  type Manifest,
  type MapLine,
  manifestSchema,
  mapLineSchema,
  type ResultLine,
  type RunDetection,
  resultLineSchema,
} from "../../src/runs/schema.js";

export const classNames = ["person", "dog", "</script><b>", "boat"];

/** Makes a new temporary folder. */
export async function emptyFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), "whybox-report-"));
}

/** A valid manifest. */
export function manifestOf(root: string, count: number, changes: Partial<Manifest> = {}): Manifest {
  const manifest = {
    schemaVersion: 1,
    versions: { whybox: "9.9.9", onnxruntime: "1.30.0", sharp: "0.35.5" },
    model: {
      ...{ sha256: "ab".repeat(32), bytes: 1000, format: "onnx", opset: 17, licence: null, task: "detect" },
      ...{ hasObjectness: false, classNames },
      levels: [
        { name: "P3", stride: 8 },
        { name: "P4", stride: 16 },
      ],
    },
    options: {
      ...{ weights: "/models/best.onnx", names: null, device: "cpu", threads: 1, input: null },
      explain: { method: "GradCAM", layer: "auto", confidence: 0.25, iou: 0.45, per: "detection" },
      ...{ save: [], frame: "image", vidStride: 1, mapStride: 1, maxFrames: null, allowPrivate: false },
      draw: { colormap: "jet", opacity: 0.5, hideBoxes: false, hideLabels: false, sideBySide: false, crop: null },
    },
    root,
    inputs: [{ given: "photos", kind: "folder", path: root }],
    listing: { recursive: true, split: null, images: null },
    items: { count, sha256: "cd".repeat(32) },
    ...changes,
  };
  return manifestSchema.parse(manifest);
}

export interface Shown {
  readonly class?: number;
  readonly score?: number;
  readonly box: [number, number, number, number];
  readonly inBox?: number;
  readonly area?: number;
  readonly level?: number;
  readonly heat?: null;
}

/** A detection whose map is hot around its middle. */
export function detectionOf({ class: number = 0, score = 0.5, box, level = 0, ...given }: Shown): RunDetection {
  const [x1, y1, x2, y2] = box;
  const { inBox = 0.5, area = 0.1 } = given;
  const peak: [number, number] = [(x1 + x2) / 2, (y1 + y2) / 2];
  const heat = { inBox, area, ratio: inBox / area, peak, peakInBox: true, maximum: 0.4 };
  return {
    ...{ class: number, name: classNames[number]!, score, objectness: 1, probability: score, box, level },
    ...{ explained: given.heat !== null, blind: [], files: null, heat: given.heat === null ? null : heat },
  };
}

export interface FakeImage {
  readonly source: string;
  readonly size?: [number, number];
  readonly detections: readonly RunDetection[];
  /** Hot position of all its maps, in shares of the image. Default: the middle of each box. */
  readonly hot?: readonly [number, number];
}

export function imageLine(item: number, { source, size = [48, 64], detections }: FakeImage): ResultLine {
  const line = { v: 1, item, source, kind: "picture", size, detections, empty: null, messages: [] };
  return resultLineSchema.parse({ ...line, files: { png: null, sheet: null, npy: null } });
}

export function mapLine(item: number, { size = [48, 64], detections, hot }: FakeImage): MapLine {
  const maps = detections.flatMap((detection, i) => {
    if (detection.heat === null) return [];
    const [x1, y1, x2, y2] = detection.box;
    const [x, y] = hot ?? [(x1 + x2) / 2 / size[1], (y1 + y2) / 2 / size[0]];
    const inBox = (share: number, low: number, high: number, side: number) =>
      ((share * side - (low + high) / 2) / (high - low)) * 0.5 + 0.5;
    const place = [inBox(x, x1, x2, size[1]), inBox(y, y1, y2, size[0])] as const;
    return [{ detections: [i], picture: blob(imageGrid, x, y), box: blob(boxGrid, ...place) }];
  });
  return mapLineSchema.parse({ v: 1, item, maps });
}

/** A round spot. */
function blob(side: number, x: number, y: number): string {
  const bytes = Uint8Array.from({ length: side * side }, (_, i) => {
    const [dx, dy] = [((i % side) + 0.5) / side - x, (Math.floor(i / side) + 0.5) / side - y];
    return Math.round(255 * Math.exp(-(dx * dx + dy * dy) / 0.02));
  });
  return Buffer.from(bytes).toString("base64");
}

export interface RunParts {
  readonly manifest?: Partial<Manifest>;
  readonly lines: readonly { readonly result: ResultLine; readonly maps: MapLine }[];
  readonly finished?: boolean;
  /** Number of items, if it is larger than the number of lines. */
  readonly count?: number;
}

/** Writes a run's folder. @returns its path. */
export async function writeRun(root: string, { manifest, lines, finished = true, count }: RunParts): Promise<string> {
  const folder = join(root, "night");
  const text = (values: readonly unknown[]) => values.map((value) => `${JSON.stringify(value)}\n`).join("");
  await mkdir(folder, { recursive: true });
  const { length } = lines;
  await writeFile(join(folder, "manifest.json"), JSON.stringify(manifestOf(root, count ?? length, manifest)));
  await writeFile(join(folder, "results.jsonl"), text(lines.map(({ result }) => result)));
  await writeFile(join(folder, "maps.jsonl"), text(lines.map(({ maps }) => maps)));
  if (finished) await writeFile(join(folder, "_SUCCESS"), "{}");
  return folder;
}

/** The lines of images. */
export function linesOf(images: readonly FakeImage[]): RunParts["lines"] {
  return images.map((image, item) => ({ result: imageLine(item, image), maps: mapLine(item, image) }));
}

/** Writes an image of noise as a source of a run. */
export async function putImage(path: string, [height, width]: readonly [number, number] = [48, 64]): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const noise = Uint8Array.from({ length: height * width * 3 }, (_, i) => (i * 7919 + ((i * i) % 251)) % 256);
  await sharp(noise, { raw: { width, height, channels: 3 } })
    .jpeg()
    .toFile(path);
}
