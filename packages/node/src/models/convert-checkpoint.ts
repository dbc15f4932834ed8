import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { encodeModel, modelFormat, readCheckpoint, readTorch, type TorchCheckpoint, WhyboxError } from "@whybox/core";
import { exists } from "../io/exists.js";
import { writeFileSafely } from "../io/write-file.js";

/** The result of a conversion. */
export interface Conversion {
  readonly checkpoint: TorchCheckpoint;
  /** Size of the ONNX file. */
  readonly bytes: number;
}

/**
 * Converts a PyTorch checkpoint to an ONNX file. It writes a complete file, or none. The same checkpoint gives the same bytes.
 * @throws bad-input for a missing or invalid file; unsupported-model; output when `target` exists or cannot be written.
 */
export async function convertCheckpoint(source: string, target: string): Promise<Conversion> {
  const bytes = await readBytes(source);
  if (modelFormat(bytes) !== "torch") {
    throw new WhyboxError(
      "bad-input",
      `${source} is not a PyTorch checkpoint: it is neither a zip archive nor a pickle. Pass a .pt file. ONNX files need no conversion.`,
      { details: { file: source } },
    );
  }
  try {
    await expectNew(target);
    const model = encodeModel(readTorch(bytes));
    await writeFileSafely(target, model);
    return { checkpoint: readCheckpoint(bytes), bytes: model.length };
  } catch (error) {
    if (!(error instanceof WhyboxError) || error.code === "output") throw error;
    const details = { ...error.details, file: source };
    throw new WhyboxError(error.code, `${source}: ${error.message}`, { cause: error, details });
  }
}

async function readBytes(source: string): Promise<Uint8Array> {
  try {
    return await readFile(source);
  } catch (cause) {
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new WhyboxError("bad-input", `Cannot read the checkpoint ${source}: ${words}`, {
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
