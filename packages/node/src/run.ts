import { resolve } from "node:path";
import type { ExplainOptions, Frame } from "@whybox/core";
import type { Device, DownloadProgress } from "./api.js";
import { loadServices } from "./batch/default-services.js";
import { explainBatch } from "./batch/explain-batch.js";
import { createRunFolder, defaultRunParent, openRunFolder } from "./batch/run-folder.js";
import type { BatchSettings } from "./batch/settings.js";
import { expandSources, type SourceFailure } from "./batch/sources.js";
import type { ResultDocument } from "./io/result-json.js";
import { packageVersion } from "./version.js";

/** Options of `run`: the Python reference's, by the names that JavaScript has for them. */
export interface RunOptions extends Omit<ExplainOptions, "imageSize"> {
  /** Files, folders, globs, http(s) URLs. */
  readonly source: string | readonly string[];
  /** Model file or a known name. Default "yolov5s". */
  readonly weights?: string;
  /** A file of class names: text with one a line, or a YOLO data.yaml. */
  readonly names?: string;
  /** Default −2: the input of the last detection level, as in the reference. `explain` has "auto". */
  readonly layer?: NonNullable<ExplainOptions["layer"]>;
  /** Size of the network's input, one number or `[h, w]`. Default 640, or the model's own. */
  readonly imgsz?: number | readonly [height: number, width: number];
  readonly device?: Device;
  readonly threads?: number;
  /** Folder for the results. Default: a new runs/explain/exp, exp2, … under the current folder. */
  readonly out?: string;
  /** Files for each picture. Default png and json. */
  readonly save?: readonly ("png" | "npy" | "json")[];
  /** Pixels of the saved `.npy`. Default "image". */
  readonly frame?: Frame;
  readonly colormap?: string;
  readonly opacity?: number;
  readonly hideBoxes?: boolean;
  readonly hideLabels?: boolean;
  readonly sideBySide?: boolean;
  readonly onProgress?: (progress: DownloadProgress) => void;
}

/** What `run` did. */
export interface RunResult {
  /** Absolute path of the folder with the results. */
  readonly folder: string;
  /** One document for each explained picture: what `<stem>.json` holds. */
  readonly results: readonly ResultDocument[];
  /** Sources that gave no picture or could not be explained; they did not stop the others. */
  readonly failures: readonly SourceFailure[];
}

/**
 * Explains pictures and writes the results, as the Python reference's `run` does (its defaults: Grad-CAM at layer −2, all
 * classes, the class score).
 * @throws usage, unsupported-model, no-gradient, output, download, aborted: what every picture would meet again.
 */
export async function run(options: RunOptions): Promise<RunResult> {
  const inputs = typeof options.source === "string" ? [options.source] : options.source;
  const cwd = process.cwd();
  const { sources, failures } = await expandSources(inputs, { cwd });
  const folder = await (options.out === undefined
    ? createRunFolder(resolve(cwd, defaultRunParent))
    : openRunFolder(resolve(cwd, options.out)));
  const results: ResultDocument[] = [];
  const failed: SourceFailure[] = [...failures];
  try {
    const services = await loadServices();
    const settings = settingsOf(options);
    const detector = await services.loadDetector(settings.weights, {
      device: settings.device,
      ...defined({
        threads: settings.threads,
        names: settings.names,
        signal: options.signal,
        onProgress: options.onProgress,
      }),
    });
    try {
      const signal = options.signal ?? new AbortController().signal;
      const context = { detector, services, settings, folder: folder.path, version: packageVersion(), signal };
      for await (const outcome of explainBatch(sources, folder.existing, context)) {
        if ("error" in outcome) failed.push({ source: outcome.source.input, error: outcome.error });
        else results.push(outcome.document);
      }
    } finally {
      await detector.dispose();
    }
  } finally {
    await folder.discardIfEmpty();
  }
  return { folder: folder.path, results, failures: failed };
}

function settingsOf(options: RunOptions): BatchSettings {
  const { imgsz } = options;
  const layer = options.layer ?? -2;
  return {
    weights: options.weights ?? "yolov5s",
    names: options.names,
    device: options.device ?? "cpu",
    threads: options.threads,
    explain: {
      method: options.method ?? "GradCAM",
      layer: layer === "auto" || Array.isArray(layer) ? layer : [layer as number | string],
      classNames: options.classNames ?? [],
      backprop: options.backprop?.length ? options.backprop : ["class"],
      backwardPerClass: options.backwardPerClass ?? false,
      topk: options.topk ?? 10,
      confidence: options.confidence ?? 0.25,
      iou: options.iou ?? 0.45,
      maxDetections: options.maxDetections ?? 1000,
      agnostic: options.agnostic ?? false,
      ...defined({ imageSize: typeof imgsz === "number" ? ([imgsz, imgsz] as const) : imgsz }),
    },
    save: options.save ?? ["png", "json"],
    frame: options.frame ?? "image",
    colormap: options.colormap ?? "jet",
    opacity: options.opacity ?? 0.5,
    hideBoxes: options.hideBoxes ?? false,
    hideLabels: options.hideLabels ?? false,
    sideBySide: options.sideBySide ?? false,
  };
}

/** The entries that are not undefined. */
function defined<T extends object>(entries: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined)) as never;
}
