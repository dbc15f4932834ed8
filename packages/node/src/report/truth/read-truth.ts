import { extname, resolve } from "node:path";
import { WhyboxError } from "@whybox/core";
import type { OpenRun } from "../read-run.js";
import { readCocoTruth } from "./coco.js";
import type { Truth } from "./truth.js";
import { readYoloTruth } from "./yolo.js";

/** Finds the ground truth for a run. It uses the given file (a COCO JSON or a YOLO dataset.yaml), else the dataset of the run, else YOLO's
 * label files if they exist.
 * @param given path, or "none" for no ground truth. @param cwd folder for a relative path.
 * @throws bad-input if the file is not ground truth. usage if its extension is unknown.
 */
export async function findTruth(run: OpenRun, given: string | undefined, cwd: string): Promise<Truth | undefined> {
  if (given === "none") return undefined;
  if (run.manifest.model.task === "classify") {
    if (given === undefined) return undefined;
    throw new WhyboxError("usage", "--truth: the model of this run is a classifier, so there are no boxes to compare.");
  }
  const classes = run.manifest.model.classNames;
  if (given !== undefined) return read(resolve(cwd, given), classes, given);
  const dataset = run.manifest.inputs.find(({ kind, path }) => path !== null && (kind === "coco" || kind === "yolo"));
  if (dataset === undefined) return readYoloTruth(undefined, classes);
  return dataset.kind === "coco" ? readCocoTruth(dataset.path!, classes) : readYoloTruth(dataset.path!, classes);
}

async function read(path: string, classes: readonly string[], given: string): Promise<Truth> {
  const ending = extname(path).toLowerCase();
  if (ending === ".json") return readCocoTruth(path, classes);
  if (ending === ".yaml" || ending === ".yml") return readYoloTruth(path, classes);
  throw new WhyboxError(
    "usage",
    `--truth: expected a COCO .json, a YOLO dataset.yaml or "none", got "${given}". YOLO's label files are found automatically.`,
  );
}
