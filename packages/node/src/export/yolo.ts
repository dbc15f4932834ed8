import { join } from "node:path";
import { stringify } from "yaml";
import { isAddress } from "../images/named-source.js";
import type { OpenRun, RunPicture } from "../report/read-run.js";
import type { RunDetection } from "../runs/schema.js";
import { picturesOf } from "./pictures.js";
import { writeParts } from "./write-parts.js";

/**
 * Writes YOLO's label files (docs.ultralytics.com/datasets/detect; the sixth number is the confidence, as `save_txt save_conf` writes it): one for each
 * picture, in the pictures' folders, and data.yaml with the names. Turned boxes have their four corners (docs.ultralytics.com/datasets/obb).
 * @returns how many files.
 * @throws output.
 */
export async function writeYolo(folder: string, run: OpenRun): Promise<number> {
  const taken = new Set<string>();
  let files = 0;
  for await (const picture of picturesOf(run, { withMaps: false })) {
    const lines = picture.detections.map((detection) => `${labelLine(detection, picture)}\n`);
    await writeParts(join(folder, "labels", ...labelPath(picture, taken)), lines);
    files++;
  }
  const names = Object.fromEntries(run.manifest.model.classNames.map((name, i) => [i, name]));
  await writeParts(join(folder, "data.yaml"), [stringify({ names })]);
  return files;
}

/** Class, then centre and size of the box (or its corners) in shares of the picture, then the confidence. */
function labelLine(
  { class: number, box, corners, score }: RunDetection,
  { size: [height, width] }: RunPicture,
): string {
  const [x1, y1, x2, y2] = box;
  const [cx, cy] = [(x1 + x2) / 2 / width, (y1 + y2) / 2 / height];
  const centred = [cx, cy, (x2 - x1) / width, (y2 - y1) / height];
  const numbers = corners === undefined ? centred : corners.flatMap(([x, y]) => [x / width, y / height]);
  return [number, ...numbers.map((value) => Number(value.toFixed(6))), score].join(" ");
}

/**
 * Where the labels of a picture go: its own path with another ending, never outside of the folder. What another picture has taken gets the item's
 * number.
 */
function labelPath({ source, frame, item }: RunPicture, taken: Set<string>): string[] {
  // What an address may have in it and a file's name may not, on some systems.
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
