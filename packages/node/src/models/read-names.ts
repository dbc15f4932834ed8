import { readFile, stat } from "node:fs/promises";
import {
  type BesideFile,
  classNamesIn,
  type LoadYaml,
  MAX_BESIDE_BYTES,
  refuseBeside,
  WhyboxError,
} from "@whybox/core";

/**
 * Reads class names from a file: a YOLO data.yaml (`names:` as a list or a map from index to name), or text with one name per
 * line.
 * @throws bad-input when the file cannot be read, is too large, or contains no names.
 */
export async function readNames(path: string): Promise<readonly string[]> {
  return classNamesIn(await readBeside(path), loadYaml);
}

export const loadYaml: LoadYaml = () => import("yaml");

/** Reads a text file with names or metadata. @throws bad-input when it cannot be read, or is too large. */
export async function readBeside(path: string): Promise<BesideFile> {
  try {
    const { size } = await stat(path);
    const expected = `a text file of at most ${MAX_BESIDE_BYTES} bytes`;
    if (size > MAX_BESIDE_BYTES) throw refuseBeside(path, `it has ${size} bytes`, expected);
    return { name: path, text: await readFile(path, "utf8") };
  } catch (cause) {
    if (cause instanceof WhyboxError) throw cause;
    const found = cause instanceof Error ? cause.message : String(cause);
    throw refuseBeside(path, found, "a readable text or YAML file", cause);
  }
}
