import { rm } from "node:fs/promises";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { type ExplainResult, type RgbImage, WhyboxError } from "@whybox/core";
import type { Detector } from "../api.js";
import { buildResultDocument, type ResultDocument } from "../io/result-json.js";
import { type ResultKind, resultSuffixes } from "./names.js";
import type { Services } from "./services.js";
import type { BatchSettings } from "./settings.js";
import type { Source } from "./sources.js";

/** What every source of a run shares. */
export interface SourceContext {
  readonly detector: Detector;
  readonly services: Services;
  readonly settings: BatchSettings;
  readonly folder: string;
  readonly version: string;
  readonly signal: AbortSignal;
}

/**
 * One picture from file to files: decode, explain, draw, write. All files of the picture are written, or none stays.
 * @throws what decoding, explaining and writing throw; aborted when the signal fires.
 */
export async function explainSource(source: Source, stem: string, context: SourceContext): Promise<ResultDocument> {
  const { detector, services, settings, signal, version } = context;
  const started = performance.now();
  const image = await services.decodeImage(source.location, { signal });
  const decode = performance.now() - started;
  const result = await detector.explain(image, { ...settings.explain, signal });
  stopIfAborted(signal);
  const drawing = performance.now();
  const outputs = await encodeOutputs(image, result, context);
  const render = performance.now() - drawing;
  const files = fileNames(stem, settings.save);
  const model = detector.report;
  const document = buildResultDocument({
    version,
    model,
    source: source.input,
    settings,
    result,
    files,
    decode,
    render,
  });
  if (files.json !== null) outputs.set("json", new TextEncoder().encode(`${JSON.stringify(document, null, 2)}\n`));
  await writeAll(outputs, stem, context);
  return document;
}

/** Throws `aborted` once the signal has fired. */
export function stopIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new WhyboxError("aborted", "Stopped.", { cause: signal.reason });
}

async function encodeOutputs(
  image: RgbImage,
  result: ExplainResult,
  { services, settings }: SourceContext,
): Promise<Map<ResultKind, Uint8Array>> {
  const outputs = new Map<ResultKind, Uint8Array>();
  if (settings.save.includes("png"))
    outputs.set("png", await services.encodePng(draw(image, result, services, settings)));
  if (settings.save.includes("npy")) {
    outputs.set("npy", services.encodeNpy(settings.frame === "image" ? result.heatmap : result.heatmapInput));
  }
  return outputs;
}

/** The overlay; the picture as it is when nothing was detected. A heatmap without heat leaves no veil, but the boxes. */
function draw(image: RgbImage, result: ExplainResult, services: Services, settings: BatchSettings): RgbImage {
  if (result.detections.length === 0) return image;
  const shown = result.explained.map((index) => result.detections[index]!);
  return services.renderOverlay(image, result.heatmap, {
    colormap: settings.colormap,
    opacity: settings.opacity,
    detections: shown.length === 0 ? result.detections : shown,
    boxes: !settings.hideBoxes,
    labels: !settings.hideLabels,
    sideBySide: settings.sideBySide,
  });
}

function fileNames(stem: string, save: readonly ResultKind[]): Record<ResultKind, string | null> {
  const name = (kind: ResultKind) => (save.includes(kind) ? stem + resultSuffixes[kind] : null);
  return { png: name("png"), npy: name("npy"), json: name("json") };
}

async function writeAll(
  outputs: ReadonlyMap<ResultKind, Uint8Array>,
  stem: string,
  { services, folder, signal }: SourceContext,
): Promise<void> {
  const written: string[] = [];
  try {
    for (const [kind, bytes] of outputs) {
      stopIfAborted(signal);
      const path = join(folder, stem + resultSuffixes[kind]);
      await services.writeFile(path, bytes);
      written.push(path);
    }
  } catch (error) {
    // A disk that refuses to write may refuse to remove; the first failure is the one to tell.
    await Promise.allSettled(written.map((path) => rm(path, { force: true })));
    throw error;
  }
}
