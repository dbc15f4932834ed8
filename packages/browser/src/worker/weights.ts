import {
  type BesideFile,
  classNamesIn,
  decodeModel,
  exportMetadataIn,
  externalDataFiles,
  type LoadYaml,
  MAX_BESIDE_BYTES,
  MAX_PREPROCESSOR_BYTES,
  type ModelFormat,
  modelFormat,
  type NamedModel,
  preprocessorIn,
  WhyboxError,
} from "@whybox/core";
import { isNamesFile, METADATA, PREPROCESSOR } from "../beside-files.js";
import type { OnProgress, Weights } from "../protocol.js";
import { fetchModel } from "./fetch-model.js";
import { MAX_MODEL_BYTES as MAX_BYTES } from "./limits.js";

const CACHE = "whybox-weights";

export interface ModelFile extends Omit<NamedModel, "bytes" | "sha256"> {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The files with its weights, by the names that the model gives them. */
  readonly externalData: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
  /** Content of the `preprocessor_config.json` that came with the model. */
  readonly preprocessor?: unknown;
  /** The entries of the `metadata.yaml` that came with an ONNX file. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Class names of a file that came with the model. */
  readonly names?: readonly string[] | undefined;
}

/** All bytes of a model: its file, and the files with its weights in the order of their names. */
export function partsOf({ bytes, externalData }: ModelFile): readonly Uint8Array<ArrayBuffer>[] {
  return [bytes, ...[...externalData].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, data]) => data)];
}

/** Number of bytes of a model. */
export function sizeOf(file: ModelFile): number {
  return partsOf(file).reduce((sum, { length }) => sum + length, 0);
}

/** @throws download if the download fails; its details say `absent` if there is no described model. limit if the file is too large. */
export async function loadWeights(weights: Weights, tell: OnProgress, signal: AbortSignal): Promise<ModelFile> {
  if (weights.kind === "described") return describedWeights(new URL(weights.url), tell, signal);
  const { file, name, beside } = weights.kind === "url" ? await fetchModel(weights, tell, signal) : weights;
  const total = beside.reduce((sum, { size }) => sum + size, file.size);
  if (total > MAX_BYTES) {
    throw new WhyboxError(
      "limit",
      `${name} has ${Math.round(total / 1e6)} MB. The limit in the browser is ${MAX_BYTES / 1e6} MB. Use the command instead.`,
    );
  }
  tell({ stage: "read", done: undefined, total });
  const bytes = new Uint8Array(await file.arrayBuffer());
  const format = modelFormat(bytes);
  const externalData = format === "onnx" ? await externalDataOf(bytes, beside) : none;
  const described = await describedBy(beside, format);
  return { name, source: name, format, bytes, externalData, ...described, licence: undefined, notice: undefined };
}

const none = new Map();

/** What the files that came with a model say of it. */
async function describedBy(
  beside: readonly File[],
  format: ModelFormat,
): Promise<Pick<ModelFile, "preprocessor" | "metadata" | "names">> {
  const config = beside.find(({ name }) => name === PREPROCESSOR);
  const metadata = format === "onnx" ? beside.find(({ name }) => name === METADATA) : undefined;
  const names = beside.find(isNamesFile);
  const described = metadata && (await exportMetadataIn(await textOf(metadata, MAX_BESIDE_BYTES), loadYaml));
  return {
    preprocessor: config && preprocessorIn(await textOf(config, MAX_PREPROCESSOR_BYTES)),
    metadata: described && { ...described.metadata, names: JSON.stringify(described.names) },
    names: names && (await classNamesIn(await textOf(names, MAX_BESIDE_BYTES), loadYaml)),
  };
}

const loadYaml: LoadYaml = () => import("yaml");

async function textOf(file: File, max: number): Promise<BesideFile> {
  if (file.size > max) {
    const found = `${file.name} has ${file.size} bytes. It may have ${max}. Correct the file, or leave it out.`;
    throw new WhyboxError("limit", found);
  }
  return { name: file.name, text: await file.text() };
}

/** The files that the model names, as far as they came with it. A file that came has no folder, so only its own name counts. */
async function externalDataOf(model: Uint8Array, beside: readonly File[]): Promise<ModelFile["externalData"]> {
  const found: [string, Uint8Array<ArrayBuffer>][] = [];
  for (const path of externalDataFiles(decodeModel(model))) {
    const file = beside.find(({ name }) => name === path.split("/").at(-1));
    if (file !== undefined) found.push([path, new Uint8Array(await file.arrayBuffer())]);
  }
  return new Map(found);
}

/** A model with a description beside it. The browser keeps its file. */
async function describedWeights(description: URL, tell: OnProgress, signal: AbortSignal): Promise<ModelFile> {
  // Some browsers have no cache in private windows.
  const cache = await caches.open(CACHE).catch(() => undefined);
  const facts = await readFacts(description, cache);
  const url = new URL(description);
  url.pathname = url.pathname.replace(/\.json$/, ".onnx");
  url.search = `?sha256=${facts.sha256}`;
  const kept = await cache?.match(url);
  const bytes = new Uint8Array(await (kept ?? (await download(url, facts, tell, signal))).arrayBuffer());
  if (kept === undefined) await keep(cache, url, bytes);
  const { name, source, format, licence, notice } = facts;
  return { name, source, format, bytes, externalData: none, licence, notice };
}

/** Reads the description of a model. */
async function readFacts(url: URL, cache: Cache | undefined): Promise<NamedModel> {
  const answer = await fetch(url, { cache: "no-cache" }).catch(() => undefined);
  if (answer?.ok && answer.headers.get("content-type")?.includes("json")) {
    const facts = await factsIn(answer.clone());
    await cache?.put(url, answer);
    return facts;
  }
  const kept = answer === undefined ? await cache?.match(url) : undefined;
  if (kept === undefined) throw absent(url);
  return factsIn(kept);
}

/** @throws bad-input if it does not describe a model. */
async function factsIn(answer: Response): Promise<NamedModel> {
  const facts = await answer.json().catch(() => undefined);
  if (/^[0-9a-f]{64}$/i.test(facts?.sha256) && typeof facts.name === "string") return facts;
  throw new WhyboxError("bad-input", `${answer.url} does not describe a model: expected its name and sha256.`);
}

function absent({ href }: URL): WhyboxError {
  return new WhyboxError("download", `There is no model at ${href}. Check the address.`, { details: { absent: true } });
}

async function download(url: URL, facts: NamedModel, tell: OnProgress, signal: AbortSignal): Promise<Response> {
  const answer = await fetch(url, { signal }).catch((cause) => {
    if (signal.aborted) throw new WhyboxError("aborted", "The download was cancelled.", { cause });
    throw new WhyboxError("download", "The weights could not be downloaded. Check the connection and try again.", {
      cause,
    });
  });
  if (!answer.ok || answer.body === null) throw absent(url);
  let done = 0;
  const counting = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      done += chunk.length;
      if (done > MAX_BYTES) throw new WhyboxError("limit", `${url} has more than ${MAX_BYTES / 1e6} MB.`);
      tell({ stage: "download", done, total: facts.bytes });
      controller.enqueue(chunk);
    },
  });
  return new Response(answer.body.pipeThrough(counting));
}

/** Caches the weights and removes older ones. A full disk is not an error. */
async function keep(cache: Cache | undefined, url: URL, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  try {
    for (const request of (await cache?.keys()) ?? []) {
      if (new URL(request.url).pathname === url.pathname) await cache?.delete(request);
    }
    await cache?.put(url, new Response(bytes));
  } catch {
    // The weights are downloaded again next time.
  }
}
