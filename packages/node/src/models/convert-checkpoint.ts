import { access, readFile } from "node:fs/promises";
import { basename } from "node:path";
import { encodeModel, modelFormat, readCheckpoint, readTorch, type TorchCheckpoint, WhyboxError } from "@whybox/core";
import { writeFileSafely } from "../io/write-file.js";

/** What was converted. */
export interface Conversion {
  readonly checkpoint: TorchCheckpoint;
  /** Of the ONNX file. */
  readonly bytes: number;
}

/**
 * Converts a PyTorch checkpoint to an ONNX file, written whole or not at all. The same checkpoint gives the same bytes.
 * @throws bad-input for a missing or broken file; unsupported-model; output when `target` is there already or cannot be written.
 */
export async function convertCheckpoint(source: string, target: string): Promise<Conversion> {
  const bytes = await readBytes(source);
  if (modelFormat(bytes) !== "torch") {
    throw new WhyboxError(
      "bad-input",
      `${source} is no PyTorch checkpoint: it begins neither as a zip archive nor as a pickle. Pass a .pt file; ONNX files need no conversion.`,
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

/** Nothing is overwritten. */
async function expectNew(target: string): Promise<void> {
  const isThere = await access(target).then(
    () => true,
    () => false,
  );
  if (!isThere) return;
  throw new WhyboxError(
    "output",
    `${basename(target)} is there already (${target}). Remove it or choose another name.`,
    {
      details: { file: target },
    },
  );
}
