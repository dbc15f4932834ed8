import { rm } from "node:fs/promises";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import type { ResultDocument } from "@whybox/core";
import type { Detector } from "../api.js";
import { checkedDocument } from "../io/result-schema.js";
import { stopIfAborted } from "../stop-if-aborted.js";
import type { FileNamer } from "./output-names.js";
import { type OutputFile, planOutputs } from "./plan-outputs.js";
import type { Services } from "./services.js";
import type { ImageSettings } from "./settings.js";
import type { Source } from "./sources.js";

/** What every source of a run shares. */
export interface ImageContext {
  readonly detector: Detector;
  readonly services: Services;
  readonly settings: ImageSettings;
  readonly folder: string;
  readonly version: string;
  readonly signal: AbortSignal;
}

/**
 * One picture from file to files: decode, explain, draw, write. All files of the picture are written, or none stays.
 * @throws what decoding, explaining and writing throw; aborted when the signal fires.
 */
export async function explainImage(source: Source, namer: FileNamer, context: ImageContext): Promise<ResultDocument> {
  const { detector, services, settings, signal, version } = context;
  const stem = namer.stem(source);
  const started = performance.now();
  const image = await services.decodeImage(source.location, { signal });
  const decode = performance.now() - started;
  const result = await detector.explain(image, { ...settings.explain, signal });
  stopIfAborted(signal);
  const { outputs, ...names } = planOutputs({ image, result, stem, namer, services, settings });
  const where = { model: detector.report, source: source.input, device: settings, look: settings };
  const parts = { version, ...where, options: settings.explain, result, ...names };
  let document: ResultDocument | undefined;
  await writeAll(context, outputs, (render) => {
    document = checkedDocument({ ...parts, timings: { decode, render } });
    const { json } = names.files;
    const bytes = (): Uint8Array => new TextEncoder().encode(`${JSON.stringify(document, null, 2)}\n`);
    return json === null ? [] : [{ name: json, bytes }];
  });
  return document!;
}

/**
 * Makes and writes one file after the other, so that memory holds one of them, and those that tell of them last. When one fails
 * those before it go.
 * @param last gets the milliseconds that making the others took.
 */
async function writeAll(
  { services, folder, signal }: ImageContext,
  outputs: readonly OutputFile[],
  last: (render: number) => readonly OutputFile[],
): Promise<void> {
  const written: string[] = [];
  let render = 0;
  const write = async ({ name, bytes }: OutputFile): Promise<void> => {
    stopIfAborted(signal);
    const started = performance.now();
    const made = await bytes();
    render += performance.now() - started;
    stopIfAborted(signal);
    const path = join(folder, name);
    await services.writeFile(path, made);
    written.push(path);
  };
  try {
    for (const output of outputs) await write(output);
    for (const output of last(render)) await write(output);
  } catch (error) {
    // A disk that refuses to write may refuse to remove; the first failure is the one to tell.
    await Promise.allSettled(written.map((path) => rm(path, { force: true })));
    throw error;
  }
}
