import { type ResultDocument, WhyboxError, type WhyboxErrorCode } from "@whybox/core";
import { stopIfAborted } from "../stop-if-aborted.js";
import { explainImage, type ImageContext } from "./explain-image.js";
import { createFileNamer, type FileNamer } from "./output-names.js";
import type { Source } from "./sources.js";

/** What became of one source. */
export type SourceOutcome =
  | { readonly source: Source; readonly document: ResultDocument }
  | { readonly source: Source; readonly error: unknown };

/** Errors that the next source would meet again. All others but `runtime` concern one picture. */
export const concernsAll: ReadonlySet<WhyboxErrorCode> = new Set([
  "usage",
  "unsupported-model",
  "no-gradient",
  "output",
  "aborted",
]);

/**
 * Explains source after source and yields what became of each. A picture that fails does not stop the others.
 * @param existing names of files already in the folder; they are not overwritten.
 * @throws what ends the run: a wrong option, a model that cannot be explained or run, an unwritable folder, an abort.
 */
export async function* explainImages(
  sources: readonly Source[],
  existing: readonly string[],
  context: ImageContext,
): AsyncGenerator<SourceOutcome> {
  const namer = createFileNamer(existing, context.settings.explain.per !== "image");
  let worked = false;
  for (const source of sources) {
    stopIfAborted(context.signal);
    const outcome = await tryOne(source, namer, context);
    // A device or a model that the runtime has refused before anything worked will be refused for every picture.
    if (!worked && "error" in outcome && isRuntimeError(outcome.error)) throw outcome.error;
    worked ||= "document" in outcome;
    yield outcome;
  }
}

function isRuntimeError(error: unknown): boolean {
  return error instanceof WhyboxError && error.code === "runtime";
}

/** A file that is too large for the disk, or whose name is too long, does not stop the next one; a full disk does. */
function endsTheRun(error: unknown): boolean {
  return error instanceof WhyboxError && concernsAll.has(error.code) && error.details.concerns !== "file";
}

async function tryOne(source: Source, namer: FileNamer, context: ImageContext): Promise<SourceOutcome> {
  try {
    return { source, document: await explainImage(source, namer, context) };
  } catch (error) {
    // Whatever an abort made fail, the abort is the reason.
    stopIfAborted(context.signal);
    if (endsTheRun(error)) throw error;
    return { source, error };
  }
}
