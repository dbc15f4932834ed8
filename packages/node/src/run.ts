import { resolve } from "node:path";
import { WhyboxError } from "@whybox/core";
import { loadServices } from "./batch/default-services.js";
import { explainBatch } from "./batch/explain-batch.js";
import { createRunFolder, defaultRunParent, openRunFolder } from "./batch/run-folder.js";
import { expandSources, type SourceFailure } from "./batch/sources.js";
import type { ResultDocument } from "./io/result-schema.js";
import { defined, type RunOptions, settingsOf } from "./run-settings.js";
import { packageVersion } from "./version.js";

export type { RunOptions } from "./run-settings.js";

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
  const settings = settingsOf(options);
  const inputs = typeof options.source === "string" ? [options.source] : options.source;
  const cwd = process.cwd();
  const { sources, failures } = await expandSources(inputs, { cwd });
  if (options.box !== undefined && sources.length > 1) {
    throw new WhyboxError("usage", `box asks about one picture; the source is ${sources.length} of them.`);
  }
  const folder = await (options.out === undefined
    ? createRunFolder(resolve(cwd, defaultRunParent))
    : openRunFolder(resolve(cwd, options.out)));
  const results: ResultDocument[] = [];
  const failed: SourceFailure[] = [...failures];
  try {
    const services = await loadServices();
    const detector = await services.loadDetector(settings.weights, {
      device: settings.device,
      ...defined({
        threads: settings.threads,
        names: settings.names,
        input: settings.input,
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
