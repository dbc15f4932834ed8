import { modelFormat, WhyboxError } from "@whybox/core";
import type { OnProgress, Weights } from "../protocol.js";

/** Where weights are kept between visits. */
const CACHE = "whybox-weights";
const MOST_BYTES = 1_500_000_000;

/** A model file in memory. */
export interface ModelFile {
  /** As people read it. */
  readonly name: string;
  /** What the command's `--weights` would be: a name, or the name of the file. */
  readonly source: string;
  /** What the file is, or what it was converted from. */
  readonly format: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Licence of weights that came with the page; undefined for the user's own file. */
  readonly licence: string | undefined;
  /** Whose weights they are and under which licence; undefined for the user's own file. */
  readonly notice: string | undefined;
}

/** The default weights are not beside this page. */
export class WeightsAbsent extends Error {}

/** What lies beside the default weights. */
interface WeightsFacts {
  readonly name: string;
  readonly source: string;
  readonly format: string;
  readonly licence: string;
  readonly notice: string;
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * @throws WeightsAbsent when the page has no weights beside it; download when they break off; limit for a file that is too large.
 */
export async function loadWeights(
  weights: Weights,
  base: URL,
  tell: OnProgress,
  signal: AbortSignal,
): Promise<ModelFile> {
  if (weights.kind === "default") return defaultWeights(base, tell, signal);
  const { file, name } = weights;
  if (file.size > MOST_BYTES) {
    throw new WhyboxError(
      "limit",
      `${name} has ${Math.round(file.size / 1e6)} MB; a browser takes up to ${MOST_BYTES / 1e6}.`,
    );
  }
  tell({ stage: "read", done: undefined, total: file.size });
  const bytes = new Uint8Array(await file.arrayBuffer());
  return { name, source: name, format: modelFormat(bytes), bytes, licence: undefined, notice: undefined };
}

async function defaultWeights(base: URL, tell: OnProgress, signal: AbortSignal): Promise<ModelFile> {
  // Private windows of some browsers have none.
  const cache = await caches.open(CACHE).catch(() => undefined);
  const facts = await readFacts(new URL("weights/default.json", base), cache);
  const url = new URL(`weights/default.onnx?sha256=${facts.sha256}`, base);
  const kept = await cache?.match(url);
  const bytes = new Uint8Array(await (kept ?? (await download(url, facts, tell, signal))).arrayBuffer());
  if (kept === undefined) await keep(cache, url, bytes);
  const { name, source, format, licence, notice } = facts;
  return { name, source, format, bytes, licence, notice };
}

async function readFacts(url: URL, cache: Cache | undefined): Promise<WeightsFacts> {
  const answer = await fetch(url, { cache: "no-cache" }).catch(() => undefined);
  if (answer?.ok && answer.headers.get("content-type")?.includes("json")) {
    await cache?.put(url, answer.clone());
    return (await answer.json()) as WeightsFacts;
  }
  const kept = answer === undefined ? await cache?.match(url) : undefined;
  if (kept === undefined) throw new WeightsAbsent();
  return (await kept.json()) as WeightsFacts;
}

async function download(url: URL, facts: WeightsFacts, tell: OnProgress, signal: AbortSignal): Promise<Response> {
  const answer = await fetch(url, { signal }).catch((cause) => {
    if (signal.aborted) throw new WhyboxError("aborted", "The download was stopped.", { cause });
    throw new WhyboxError("download", "The weights could not be loaded. Check the connection and try again.", {
      cause,
    });
  });
  if (!answer.ok || answer.body === null) throw new WeightsAbsent();
  let done = 0;
  const counting = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      done += chunk.length;
      tell({ stage: "download", done, total: facts.bytes });
      controller.enqueue(chunk);
    },
  });
  return new Response(answer.body.pipeThrough(counting));
}

/** Older weights go. That the disk is full is no reason to stop. */
async function keep(cache: Cache | undefined, url: URL, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  try {
    for (const request of (await cache?.keys()) ?? []) {
      if (request.url.includes("default.onnx")) await cache?.delete(request);
    }
    await cache?.put(url, new Response(bytes));
  } catch {
    // Loaded again next time.
  }
}
