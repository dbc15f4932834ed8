import { join } from "node:path";
import { fileName } from "@whybox/core";
import { isAddress } from "../images/named-source.js";
import { fileKey } from "../images/output-names.js";
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
 * path, the item's number is added. Names of addresses, and on Windows all, are made valid there. Elsewhere a label file keeps the name
 * of its image, because loaders find it by that.
 */
export function labelPath(
  { source, frame, item }: Pick<RunImage, "source" | "frame" | "item">,
  taken: Set<string>,
  platform: NodeJS.Platform = process.platform,
): string[] {
  const makesValid = isAddress(source) || platform === "win32";
  const valid = (name: string) => (makesValid ? fileName(name, { fallback: "_" }) : name);
  const given = isAddress(source) ? source : source.replace(/^([a-z]):(?=[/\\])/i, "$1");
  const parts = given.split(/[/\\]+/).filter((part) => part !== "" && part !== "." && part !== "..");
  const stem = (parts.pop() ?? "").replace(/\.[^.]*$/, "") || "picture";
  const name = valid(frame === undefined ? stem : `${stem}_${frame}`);
  const folders = parts.map(valid);
  const path = (ending: string) => [...folders, `${name}${ending}.txt`];
  const isTaken = (ending: string) => taken.has(fileKey(path(ending).join("/")));
  let ending = "";
  while (isTaken(ending)) ending += `-${item}`;
  taken.add(fileKey(path(ending).join("/")));
  return path(ending);
}
