import { resolve } from "node:path";
import { type ResultDocument, WhyboxError } from "@whybox/core";
import { type ExplainFilesOptions, settingsOf } from "./explain-files-settings.js";
import { explainImages } from "./images/explain-images.js";
import { loadServices } from "./images/load-services.js";
import { createOutputFolder, defaultOutputParent, openOutputFolder } from "./images/output-folder.js";
import { expandSources, type SourceFailure } from "./images/sources.js";
import { packageVersion } from "./version.js";

export type { ExplainFilesOptions } from "./explain-files-settings.js";

/** The result of `explainFiles`. */
export interface ExplainFilesResult {
  /** Absolute path of the folder with the results. */
  readonly folder: string;
  /** One document per explained image: the content of `<stem>.json`. */
  readonly results: readonly ResultDocument[];
  /** Sources that could not be read or explained. They did not stop the others. */
  readonly failures: readonly SourceFailure[];
}

/**
 * Explains image files, folders, globs and URLs, and writes the results to a folder. Its defaults are those of the Python
 * reference's `run`: Grad-CAM at layer −2, all classes, the class score.
 * @throws usage, unsupported-model, no-gradient, output, download, aborted: errors that concern all images.
 */
export async function explainFiles(options: ExplainFilesOptions): Promise<ExplainFilesResult> {
  const settings = settingsOf(options);
  const inputs = typeof options.source === "string" ? [options.source] : options.source;
  const cwd = process.cwd();
  const { sources, failures } = await expandSources(inputs, { cwd });
  if (options.box !== undefined && sources.length > 1) {
    throw new WhyboxError("usage", `box needs exactly one image; the source has ${sources.length}.`);
  }
  const folder = await (options.out === undefined
    ? createOutputFolder(resolve(cwd, defaultOutputParent))
    : openOutputFolder(resolve(cwd, options.out)));
  const results: ResultDocument[] = [];
  const failed: SourceFailure[] = [...failures];
  try {
    const services = await loadServices();
    const detector = await services.loadDetector(settings.weights, {
      device: settings.device,
      ...defined({
        threads: settings.threads,
        names: settings.names,
        anchors: settings.anchors,
        input: settings.input,
        signal: options.signal,
        onProgress: options.onProgress,
      }),
    });
    try {
      const signal = options.signal ?? new AbortController().signal;
      const context = {
        detector,
        services,
        settings,
        version: packageVersion(),
        signal,
        folder: folder.path,
        existing: folder.existing,
      };
      for await (const outcome of explainImages(sources, context)) {
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

/** `explainFiles` under its name in the Python reference. */
export const run: typeof explainFiles = explainFiles;

/** `ExplainFilesOptions` under its name in the Python reference. */
export type RunOptions = ExplainFilesOptions;

/** `ExplainFilesResult` under its name in the Python reference. */
export type RunResult = ExplainFilesResult;

/** The entries that are not undefined. */
function defined<T extends object>(entries: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined)) as never;
}
