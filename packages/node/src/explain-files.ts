import { type ResultDocument, WhyboxError } from "@whybox/core";
import { type ExplainFilesOptions, settingsOf } from "./explain-files-settings.js";
import { explainToFolder } from "./images/explain-to-folder.js";
import { loadServices } from "./images/load-services.js";
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
  const results: ResultDocument[] = [];
  const failed: SourceFailure[] = [...failures];
  const folder = await explainToFolder({
    ...{ sources, settings, out: options.out, cwd, version: packageVersion(), loadServices },
    signal: options.signal ?? new AbortController().signal,
    ...(options.onProgress && { onDownload: options.onProgress }),
    ...(options.onNote && { onNote: options.onNote }),
    onOutcome: (outcome) => {
      if ("error" in outcome) failed.push({ source: outcome.source.input, error: outcome.error });
      else results.push(outcome.document);
    },
  });
  return { folder, results, failures: failed };
}

/** `explainFiles` under its name in the Python reference. */
export const run: typeof explainFiles = explainFiles;

/** `ExplainFilesOptions` under its name in the Python reference. */
export type RunOptions = ExplainFilesOptions;

/** `ExplainFilesResult` under its name in the Python reference. */
export type RunResult = ExplainFilesResult;
