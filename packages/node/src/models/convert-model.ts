import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import {
  decodeModel,
  encodeModel,
  externalDataFiles,
  type Model,
  modelFormat,
  readCheckpoint,
  readTorch,
  type TorchCheckpoint,
  WhyboxError,
  withExternalData,
} from "@whybox/core";
import { inFile } from "../in-file.js";
import { exists } from "../io/exists.js";
import { writeFileSafely } from "../io/write-file.js";
import { readExternalData } from "./external-data.js";

/** The result of a conversion. */
export interface Conversion {
  /** The checkpoint. Undefined for an ONNX file with its weights in other files. */
  readonly checkpoint?: TorchCheckpoint;
  /** The files that were joined with the ONNX file. */
  readonly joined?: readonly string[];
  /** Size of the ONNX file. */
  readonly bytes: number;
}

/**
 * Converts a PyTorch checkpoint, or an ONNX file with its weights in other files, to one ONNX file. It writes a complete file, or none. The same
 * input gives the same bytes.
 * @throws bad-input for a missing or invalid file; unsupported-model; output when `target` exists or cannot be written.
 */
export async function convertModel(source: string, target: string): Promise<Conversion> {
  const bytes = await readBytes(source);
  try {
    const { model, ...facts } = await readSource(source, bytes);
    await expectNew(target);
    const encoded = encodeModel(model());
    await writeFileSafely(target, encoded);
    return { ...facts, bytes: encoded.length };
  } catch (error) {
    throw error instanceof WhyboxError && error.code === "output" ? error : inFile(error, source);
  }
}

async function readSource(
  source: string,
  bytes: Uint8Array,
): Promise<Omit<Conversion, "bytes"> & { readonly model: () => Model }> {
  if (modelFormat(bytes) === "torch") return { checkpoint: readCheckpoint(bytes), model: () => readTorch(bytes) };
  const model = decodeModel(bytes);
  const joined = externalDataFiles(model);
  if (joined.length === 0) {
    throw new WhyboxError(
      "bad-input",
      "This ONNX file needs no conversion: its weights are in it. Convert a checkpoint (.pt), or an ONNX file with its weights in other files.",
    );
  }
  const files = await readExternalData(source, joined);
  return { joined, model: () => withExternalData(model, files) };
}

async function readBytes(source: string): Promise<Uint8Array> {
  try {
    return await readFile(source);
  } catch (cause) {
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new WhyboxError("bad-input", `Cannot read the model ${source}: ${words}`, {
      cause,
      details: { file: source },
    });
  }
}

/** @throws output when `target` exists: files are never overwritten. */
async function expectNew(target: string): Promise<void> {
  if (!(await exists(target))) return;
  throw new WhyboxError("output", `${basename(target)} already exists (${target}). Remove it or choose another name.`, {
    details: { file: target },
  });
}
