import { readFile, stat } from "node:fs/promises";
import { WhyboxError } from "@whybox/core";
import { yamlProblem } from "../io/yaml-problem.js";

/** Maximum size of a file of names. */
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * Reads class names from a file: a YOLO data.yaml (`names:` as a list or a map from index to name), or text with one name per
 * line.
 * @throws bad-input when the file cannot be read, is too large, or contains no names.
 */
export async function readNames(path: string): Promise<readonly string[]> {
  const names = /\.ya?ml$/i.test(path) ? yamlNames(path, await readYaml(path)) : textNames(await readText(path));
  if (names.length > 0) return names;
  throw refuse(path, "it contains no names", "one class name per line");
}

/** Reads a YAML file with class names. @throws bad-input when it cannot be read, is too large, or is not YAML. */
export async function readYaml(path: string): Promise<unknown> {
  const text = await readText(path);
  const { parse } = await import("yaml");
  try {
    return parse(text, { maxAliasCount: 100 });
  } catch (cause) {
    throw refuse(path, yamlProblem(cause), "a YOLO data.yaml", cause);
  }
}

async function readText(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > MAX_BYTES) throw refuse(path, `it has ${size} bytes`, `a text file of at most ${MAX_BYTES} bytes`);
    return await readFile(path, "utf8");
  } catch (cause) {
    if (cause instanceof WhyboxError) throw cause;
    throw refuse(path, cause instanceof Error ? cause.message : String(cause), "a readable text or YAML file", cause);
  }
}

function textNames(text: string): string[] {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  while (lines.length > 0 && lines.at(-1)!.trim() === "") lines.pop();
  return lines.map((line) => line.trim());
}

/** The `names` of a parsed YOLO data.yaml, or of the metadata.yaml of an export. @throws bad-input when they are not valid. */
export function yamlNames(path: string, root: unknown): string[] {
  const names: unknown = typeof root === "object" && root !== null ? Reflect.get(root, "names") : undefined;
  if (typeof names !== "object" || names === null)
    throw refuse(path, 'it has no "names"', 'a YOLO data.yaml with "names"');
  const entries = Array.isArray(names)
    ? [...names.entries()]
    : Object.entries(names).map(([key, name]) => [Number(key), name] as const);
  const sorted = entries.sort(([a], [b]) => a - b);
  if (sorted.some(([key], position) => key !== position)) {
    throw refuse(
      path,
      `the indices of "names" are ${sorted
        .slice(0, 10)
        .map(([key]) => key)
        .join(", ")}…`,
      "0, 1, 2, … without gaps",
    );
  }
  return sorted.map(([, name]) => String(name));
}

function refuse(path: string, found: string, expected: string, cause?: unknown): WhyboxError {
  return new WhyboxError("bad-input", `Cannot read class names from ${path}: ${found}; expected ${expected}.`, {
    details: { path },
    ...(cause === undefined ? {} : { cause }),
  });
}
