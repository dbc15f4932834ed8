import { type ExplainResult, type ModelFacts, modelFormat, plainResult, WhyboxError } from "@whybox/core";
import type { DocumentRequest, Provider } from "../protocol.js";
import type { ModelFile } from "./weights.js";

/** What a result came from. */
export interface Origin {
  readonly file: ModelFile;
  readonly facts: ModelFacts;
  readonly provider: Provider;
  /** Milliseconds. */
  readonly decode: number;
}

/** The JSON of what is shown, as the command writes it: docs/result.schema.json. */
export async function resultDocument(
  { source, request, look }: DocumentRequest,
  result: ExplainResult,
  { file, facts, provider, decode }: Origin,
): Promise<unknown> {
  const { timings, maps, ...rest } = plainResult(result);
  return {
    schemaVersion: 1,
    tool: { name: "whybox", version: __WHYBOX_VERSION__ },
    model: {
      source: file.name,
      sha256: await sha256(file.bytes),
      bytes: file.bytes.length,
      licence: file.notice ?? null,
      format: modelFormat(file.bytes),
      opset: facts.opset,
      classCount: facts.classNames.length,
      input: { ...facts.input, sides: facts.input.sides.map((side) => side ?? null) },
      head: facts.head,
    },
    image: { source, size: rest.letterbox.imageSize },
    options: {
      device: provider.device,
      threads: provider.threads,
      method: result.method,
      layer: request.layer === undefined || request.layer === "auto" ? "auto" : [request.layer].flat(),
      classNames: request.classNames ?? [],
      detections: request.detections ?? null,
      backprop: result.backprop,
      backwardPerClass: request.backwardPerClass ?? false,
      topk: 10,
      per: request.per ?? "image",
      scale: "each",
      versus: request.versus ?? null,
      box: request.box ?? null,
      eigenSmooth: false,
      augSmooth: false,
      keepTopPercent: request.keepTopPercent ?? 100,
      compat: false,
      seed: 0,
      samples: null,
      ablateTo: null,
      imageSize: null,
      confidence: request.confidence,
      iou: request.iou,
      maxDetections: 1000,
      agnostic: false,
      save: ["json"],
      frame: "image",
      colormap: look.colormap,
      opacity: look.opacity,
      hideBoxes: false,
      hideLabels: false,
      sideBySide: false,
      crop: look.crop === "rest",
      cropKeep: look.crop === "hot",
    },
    ...rest,
    maps: maps.map((map) => ({ ...map, files: { png: null, npy: null } })),
    files: { png: null, sheet: null, npy: null, json: null },
    timings: { decode, ...timings, render: 0 },
  };
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  if (!self.isSecureContext) {
    throw new WhyboxError("usage", "The model's digest needs a page that came by https, or from this machine.");
  }
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
