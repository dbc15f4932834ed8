import { join } from "node:path";
import { isAddress } from "../images/named-source.js";
import type { OpenRun, RunImage } from "../report/read-run.js";
import type { RunDetection } from "../runs/schema.js";
import { imagesIn } from "./run-images.js";
import { writeParts } from "./write-parts.js";

/**
 * Writes YOLO's label files (docs.ultralytics.com/datasets/detect), one per image, in the same folders as the images, and data.yaml
 * with the class names. The sixth number is the confidence, as `save_txt save_conf` writes it. Rotated boxes have their four corners
 * (docs.ultralytics.com/datasets/obb).
 * @throws output.
 */
export async function writeYolo(folder: string, run: OpenRun): Promise<void> {
  const { stringify } = await import("yaml");
  const taken = new Set<string>();
  for await (const image of imagesIn(run, { withMaps: false })) {
    const lines = image.detections.map((detection) => `${labelLine(detection, image)}\n`);
    await writeParts(join(folder, "labels", ...labelPath(image, taken)), lines);
  }
  const names = Object.fromEntries(run.manifest.model.classNames.map((name, i) => [i, name]));
  await writeParts(join(folder, "data.yaml"), [stringify({ names })]);
}

/** Class, centre and size of the box (or its corners) relative to the image size, confidence. */
function labelLine({ class: number, box, corners, score }: RunDetection, { size: [height, width] }: RunImage): string {
  const [x1, y1, x2, y2] = box;
  const [cx, cy] = [(x1 + x2) / 2 / width, (y1 + y2) / 2 / height];
  const centred = [cx, cy, (x2 - x1) / width, (y2 - y1) / height];
  const numbers = corners === undefined ? centred : corners.flatMap(([x, y]) => [x / width, y / height]);
  return [number, ...numbers.map((value) => Number(value.toFixed(6))), score].join(" ");
}

/**
 * The path of an image's label file: the image's path with another extension, always inside the folder. If another image has the same
 * path, the item's number is added.
 */
function labelPath({ source, frame, item }: RunImage, taken: Set<string>): string[] {
  // Replaces characters of URLs that are invalid in file names on some systems.
  const path = isAddress(source) ? source.replace(/[:?#*"<>|]/g, "_") : source.replace(/^([a-z]):/i, "$1");
  const parts = path.split(/[/\\]+/).filter((part) => part !== "" && part !== "." && part !== "..");
  const stem = (parts.pop() ?? "").replace(/\.[^.]*$/, "") || "picture";
  const name = frame === undefined ? stem : `${stem}_${frame}`;
  const wanted = [...parts, `${name}.txt`];
  const isFree = !taken.has(wanted.join("/").toLowerCase());
  const chosen = isFree ? wanted : [...parts, `${name}-${item}.txt`];
  taken.add(chosen.join("/").toLowerCase());
  return chosen;
}
