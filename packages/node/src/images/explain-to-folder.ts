import { resolve } from "node:path";
import type { LoadOptions, ModelReport } from "../api.js";
import { stopIfAborted } from "../stop-if-aborted.js";
import type { ImageContext } from "./explain-image.js";
import { explainImages, type SourceOutcome } from "./explain-images.js";
import { createOutputFolder, defaultOutputParent, openOutputFolder } from "./output-folder.js";
import type { Services } from "./services.js";
import type { ImageSettings } from "./settings.js";
import type { Source } from "./sources.js";

export interface FolderWork extends Pick<ImageContext, "onProgress" | "onNote"> {
  readonly sources: readonly Source[];
  readonly settings: ImageSettings;
  /** Folder for the files. Undefined: a new numbered folder. */
  readonly out: string | undefined;
  /** Base of relative paths. */
  readonly cwd: string;
  readonly version: string;
  readonly signal: AbortSignal;
  loadServices(): Promise<Services>;
  readonly onDownload?: LoadOptions["onProgress"];
  /** The folder exists, and the model is not loaded yet. */
  onFolder?(folder: string): void;
  onLoaded?(model: ModelReport): void;
  onOutcome(outcome: SourceOutcome, folder: string): void;
}

/**
 * Explains the images with one detector and writes the files into one folder. The folder is opened first: one that cannot be written
 * should not cause a download. A failed image does not stop the others.
 * @returns The absolute path of the folder. A new one is removed again if it stays empty.
 * @throws as `explainImages`; errors of loading the model; output.
 */
export async function explainToFolder(work: FolderWork): Promise<string> {
  const { sources, settings, out, cwd, version, signal, onProgress, onNote } = work;
  const folder = await (out === undefined
    ? createOutputFolder(resolve(cwd, defaultOutputParent))
    : openOutputFolder(resolve(cwd, out)));
  try {
    work.onFolder?.(folder.path);
    const services = await work.loadServices();
    stopIfAborted(signal);
    const { weights, device, explain: prepare, ...others } = settings;
    const { threads, names, anchors, input } = others;
    const given = Object.entries({ threads, names, anchors, input, onProgress: work.onDownload });
    const options = Object.fromEntries(given.filter(([, value]) => value !== undefined));
    const detector = await services.loadDetector(weights, { device, signal, prepare, ...options });
    let disposing: Promise<void> | undefined;
    const dispose = (): Promise<void> => {
      disposing ??= detector.dispose();
      return disposing;
    };
    try {
      work.onLoaded?.(detector.report);
      const place = { folder: folder.path, existing: folder.existing };
      // The thread ends while the files are written. An error is reported at the end.
      const afterLast = () => void dispose().catch(() => undefined);
      const context = { detector, services, settings, version, signal, ...place, afterLast };
      const reporting = { ...context, ...(onProgress && { onProgress }), ...(onNote && { onNote }) };
      for await (const outcome of explainImages(sources, reporting)) work.onOutcome(outcome, folder.path);
    } finally {
      await dispose();
    }
  } finally {
    await folder.discardIfEmpty();
  }
  return folder.path;
}
