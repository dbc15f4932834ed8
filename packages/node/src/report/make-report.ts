import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { defaultMethodId, detectDefaults, type RgbImage } from "@whybox/core";
import { kindNumber, type MissAnswer, type ReportFacts, reportVersion, type TagsFile } from "@whybox/report";
import type { Detector, LoadOptions } from "../api.js";
import { writeParts } from "../export/write-parts.js";
import { stopIfAborted } from "../stop-if-aborted.js";
import { count } from "../words.js";
import { askMisses } from "./ask-misses.js";
import { type Collected, collect } from "./collect.js";
import { type PageParts, pageText, readPageParts } from "./page.js";
import { type OpenRun, openRun } from "./read-run.js";
import { findTags, TagIndex } from "./tags.js";
import { type TakenImages, takeImages } from "./take-images.js";
import { type FoundTrust, findTrust } from "./trust.js";
import { findTruth } from "./truth/read-truth.js";
import type { Truth } from "./truth/truth.js";

export interface ReportOptions {
  /** Folder of the run. */
  readonly folder: string;
  /** Path of the output file. */
  readonly out: string;
  /** A COCO .json, a YOLO dataset.yaml, or "none". Undefined uses the ground truth that it finds. */
  readonly truth: string | undefined;
  /** Path of a file of tags, or "none". Undefined uses the one in the run's folder, if there is one. */
  readonly tags?: string | undefined;
  /** Folder for a relative `truth`. */
  readonly cwd: string;
  /** Maximum number of missed objects to explain. */
  readonly misses: number;
  /** Maximum size of the thumbnails and crops in the page, in bytes. */
  readonly budget: number;
  /** Version of this program. */
  readonly version: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (stage: "reading" | "asking" | "drawing", done: number, total: number) => void;
}

export interface ReportServices {
  decodeImage(source: string): Promise<RgbImage>;
  loadDetector(weights: string, options: LoadOptions): Promise<Detector>;
  /** Reads every n-th frame of a video. */
  readVideo(
    location: string,
    options: { readonly stride: number; readonly signal: AbortSignal | undefined },
  ): AsyncIterable<{ readonly frame: number; readonly image: RgbImage }>;
  readPageParts?: () => Promise<PageParts>;
}

export interface WrittenReport {
  readonly path: string;
  readonly bytes: number;
  readonly facts: ReportFacts;
}

/**
 * Makes the page of a run.
 * @throws bad-input if the folder is not a run or the ground truth is invalid. Also limit, output and aborted.
 */
export async function makeReport(options: ReportOptions, services: ReportServices): Promise<WrittenReport> {
  const { folder, out, signal, onProgress = () => {} } = options;
  const run = await openRun(folder);
  const truth = await findTruth(run, options.truth, options.cwd);
  const tags = await findTags(folder, options.tags);
  const parts = await (services.readPageParts ?? readPageParts)();
  const total = run.manifest.items.count;
  const collected = await collect(run, truth, (done) => {
    stopIfAborted(signal);
    onProgress("reading", done, total);
  });
  const measured = await findTrust(folder, collected);
  const asked = await askMisses(run, collected, {
    loadDetector: services.loadDetector,
    max: options.misses,
    ...(signal === undefined ? {} : { signal }),
    onMiss: (done, all) => onProgress("asking", done, all),
  });
  const taken = await takeImages(collected, {
    decodeImage: services.decodeImage,
    readVideo: (location) => services.readVideo(location, { stride: run.manifest.options.vidStride, signal }),
    budget: options.budget,
    ...(signal === undefined ? {} : { signal }),
    onImage: (done, all) => onProgress("drawing", done, all),
  });
  const notes = [...unfinished(run, collected), ...(collected.truth.images > 0 ? truth!.notes() : []), ...asked.notes];
  const tagged = tagsOf(run, collected, tags);
  const more = [
    ...notes,
    ...imageNotes(taken, options.budget),
    ...mapNotes(collected, run),
    ...measured.notes,
    ...tagged.notes,
  ];
  const facts = factsOf(run, collected, {
    ...{ truth, answers: asked.answers, notes: more, version: options.version, tags: tagged.tags },
    trust: measured.trust,
  });
  await writeParts(out, pageText(facts, collected, taken.of, parts));
  return { path: out, bytes: (await stat(out)).size, facts };
}

function factsOf(
  run: OpenRun,
  collected: Collected,
  made: {
    readonly truth: Truth | undefined;
    readonly answers: readonly MissAnswer[];
    readonly notes: readonly string[];
    readonly version: string;
    readonly tags: ReportFacts["tags"];
    readonly trust: FoundTrust["trust"];
  },
): ReportFacts {
  const { rows, images, classMaps, done, failures, firstFailures } = collected;
  const { model, items } = run.manifest;
  return {
    version: reportVersion,
    tool: `whybox ${made.version}`,
    title: basename(resolve(run.folder)),
    run: runFacts(run),
    rows: rows.length,
    images: images.length,
    hasBoxes: model.task !== "classify",
    items: { count: items.count, done, failures },
    notes: made.notes,
    classes: model.classNames,
    levels: model.levels.map(({ name, stride }) => `${name} (stride ${stride})`),
    perClass: classMaps.facts(),
    truth: collected.truth.images === 0 ? null : { from: made.truth!.from, ...collected.truth },
    misses: made.answers,
    root: run.manifest.root,
    model: model.sha256,
    tags: made.tags,
    trust: made.trust,
    failures: firstFailures,
  };
}

/** The tags of the rows, and a note on tags of objects that the run does not have. */
function tagsOf(run: OpenRun, { rows, images }: Collected, file: TagsFile | undefined) {
  if (file === undefined) return { tags: [], notes: [] };
  const { classNames } = run.manifest.model;
  const index = new TagIndex(file);
  const missed = kindNumber("missed");
  const tags = images.flatMap((image) => {
    const objects = image.rows.map((row) => {
      const { x1, y1, x2, y2, kind, place, class: number } = rows[row]!;
      const box = [x1, y1, x2, y2] as const;
      return { name: classNames[number] ?? "", box, detection: kind === missed ? null : place };
    });
    const found = index.of(image.source, image.frame, objects);
    return found.flatMap((entry, i) =>
      entry === undefined ? [] : [{ row: image.rows[i]!, tags: entry.tags, note: entry.note }],
    );
  });
  const { left } = index;
  const notes =
    left === 0
      ? []
      : [`${count(left, "tagged object is", "tagged objects are")} not in this run, so their tags are not shown.`];
  return { tags, notes };
}

function runFacts({ manifest: { model, options, inputs, versions } }: OpenRun): [string, string][] {
  const { method, layer, confidence = detectDefaults(model.task).confidence, iou } = options.explain;
  const value = (one: unknown) => (typeof one === "string" ? one : JSON.stringify(one));
  const facts: [string, unknown][] = [
    ["Model", basename(options.weights)],
    ["SHA-256", model.sha256],
    ["Task", model.task],
    ["Classes", model.classNames.length],
    ["Method", method ?? defaultMethodId({ per: "detection", ...options.explain })],
    ["Layers", layer],
    ["Minimum confidence", confidence],
    ["IoU of NMS", iou],
    ["Sources", inputs.map(({ given }) => given).join(", ")],
    ["Made with", `whybox ${versions.whybox}, ONNX Runtime ${versions.onnxruntime}`],
  ];
  return facts.filter(([, one]) => one !== undefined).map(([name, one]) => [name, value(one)]);
}

function unfinished(run: OpenRun, { done, failures }: Collected): string[] {
  const notes = [];
  if (!run.finished)
    notes.push(
      `The run is not finished. The report has the ${done} of ${run.manifest.items.count} items that are done.`,
    );
  if (failures > 0) notes.push(`${failures} of ${count(done, "item", "items")} could not be explained. See “Run”.`);
  return notes;
}

function imageNotes({ gone, left, complaints }: TakenImages, budget: number): string[] {
  const notes = complaints.map((complaint) => `Some frames are shown without their image. ${complaint}`);
  if (gone.length > 0)
    notes.push(
      `${count(gone.length, "image is", "images are")} missing, unreadable or changed since the run, for example ${gone[0]}. Only the maps are shown.`,
    );
  if (left > 0)
    notes.push(
      `${count(left, "image is", "images are")} not in the page, with the lowest suspicion. The limit is ${Math.round(budget / 2 ** 20)} MB of images (--budget).`,
    );
  return notes;
}

/** Notes on detections without a map. The classes of a classifier have maps and no heat in boxes. */
function mapNotes({ rows, withoutMap }: Collected, run: OpenRun): string[] {
  const { task } = run.manifest.model;
  const shared = rows.length > 0 && rows.every(({ inBox, score }) => Number.isNaN(inBox) || Number.isNaN(score));
  if (shared && task !== "classify")
    return [
      "No detection has its own map, so the detections have no suspicion. Run with --per detection (the default) to get a map for each.",
    ];
  return withoutMap === 0 ? [] : [`${count(withoutMap, "detection has", "detections have")} no map.`];
}
