import { jsonText, mapHeats, type ResultDocument, WhyboxError } from "@whybox/core";
import type { Detector } from "../api.js";
import { stopIfAborted } from "../stop-if-aborted.js";
import { endsTheRun, explainImage, type ImageContext } from "./explain-image.js";
import { createFileNamer, type FileNamer } from "./output-names.js";
import type { Source } from "./sources.js";

export type SourceOutcome =
  | { readonly source: Source; readonly document: ResultDocument }
  | { readonly source: Source; readonly error: unknown };

export interface ImagesContext extends ImageContext {
  readonly detector: Detector;
  /** Absolute path of the folder for the files. */
  readonly folder: string;
  /** Names of files already in the folder. They are not overwritten. */
  readonly existing: readonly string[];
  readonly version: string;
  /** Called when the detector is no longer needed: after the last explanation, before its files are written. */
  readonly afterLast?: () => void;
}

/**
 * Explains the sources one by one and yields the outcome of each. A failed image does not stop the others.
 * @throws errors that end the run: an invalid option, a model that cannot be explained or run, an unwritable folder, an abort.
 */
export async function* explainImages(
  sources: readonly Source[],
  context: ImagesContext,
): AsyncGenerator<SourceOutcome> {
  const namer = createFileNamer({ taken: context.existing, sheets: context.settings.explain.per !== "image" });
  let hasSucceeded = false;
  const { afterLast, ...shared } = context;
  for (const [i, source] of sources.entries()) {
    stopIfAborted(context.signal);
    const isLast = i === sources.length - 1;
    const outcome = await tryOne(source, namer, isLast ? context : shared);
    // If the runtime fails before the first success, the device or the model is the reason, and each image would fail.
    if (!hasSucceeded && "error" in outcome && isRuntimeError(outcome.error)) throw outcome.error;
    hasSucceeded ||= "document" in outcome;
    yield outcome;
  }
}

function isRuntimeError(error: unknown): boolean {
  return error instanceof WhyboxError && error.code === "runtime";
}

async function tryOne(source: Source, namer: FileNamer, context: ImagesContext): Promise<SourceOutcome> {
  try {
    return { source, document: await explainSource(source, namer, context) };
  } catch (error) {
    // After an abort, report the abort, not the error that it caused.
    stopIfAborted(context.signal);
    if (endsTheRun(error)) throw error;
    return { source, error };
  }
}

/** Writes the image's files. The document, which lists them, is the last one. */
async function explainSource(
  { input, location }: Source,
  namer: FileNamer,
  context: ImagesContext,
): Promise<ResultDocument> {
  const { detector, settings, folder, version, afterLast } = context;
  const explain: Detector["explain"] = async (image, options) => {
    const explaining = detector.explain(image, options);
    // While the image is explained: what the document needs. If it fails, it fails again below.
    loadSchema()
      .then(() => detector.report.sha256)
      .catch(() => undefined);
    const result = await explaining;
    afterLast?.();
    return result;
  };
  let document: ResultDocument | undefined;
  await explainImage(
    {
      ...{ location, folder, stem: namer.stem(location), namer, sheet: settings.save.includes("png") },
      async *last({ result, files, mapFiles, ms }) {
        const { checkedDocument } = await loadSchema();
        const where = { model: detector.report, source: input, device: settings, look: settings };
        const timings = { decode: ms.decode, render: ms.render };
        const maps = { mapFiles, heats: mapHeats(result) };
        document = checkedDocument({ version, ...where, options: settings.explain, result, files, ...maps, timings });
        const text = `${jsonText(document, 2)}\n`;
        if (files.json !== null) yield { name: files.json, bytes: () => new TextEncoder().encode(text) };
      },
    },
    { ...context, detector: { explain } },
  );
  return document!;
}

/** Loads the schema of documents on first use, because zod takes long to load. */
function loadSchema() {
  return import("../io/result-schema.js");
}
