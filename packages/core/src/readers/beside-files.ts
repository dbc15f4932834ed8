import { WhyboxError } from "../errors.js";

/** A text file that comes with a model: class names, or the metadata.yaml of an export. */
export interface BesideFile {
  /** Its name or path, for messages. */
  readonly name: string;
  readonly text: string;
}

/** Loads a parser of YAML, such as the package "yaml". It is called only for YAML files. */
export type LoadYaml = () => Promise<{ parse(text: string, options: { readonly maxAliasCount: number }): unknown }>;

/** Maximum size of a file of names or metadata, in bytes. Read its size before its text. */
export const MAX_BESIDE_BYTES = 4 * 1024 * 1024;

/** The content of a metadata.yaml that describes an export. */
export interface ExportMetadata {
  readonly names: readonly string[];
  /** The other entries, in the form that they have in ONNX files. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** The entries, other than `names`, that Ultralytics also writes into ONNX files. */
const KEYS = "description author date version license stride task batch imgsz kpt_shape kpt_names end2end".split(" ");

/**
 * Reads class names: of a YOLO data.yaml (`names:` as a list or a map from index to name), or of a text with one name per line.
 * @throws bad-input when the file is not valid or contains no names.
 */
export async function classNamesIn(file: BesideFile, yaml: LoadYaml): Promise<readonly string[]> {
  const names = /\.ya?ml$/i.test(file.name) ? yamlNames(file.name, await parseYaml(file, yaml)) : textNames(file.text);
  if (names.length > 0) return names;
  throw refuseBeside(file.name, "it contains no names", "one class name per line");
}

/**
 * Reads the metadata.yaml that Ultralytics writes beside an export. Undefined when it has no names: then another program wrote it.
 * @throws bad-input when the file is invalid.
 */
export async function exportMetadataIn(file: BesideFile, yaml: LoadYaml): Promise<ExportMetadata | undefined> {
  const root = await parseYaml(file, yaml);
  if (typeof root !== "object" || root === null || !Object.hasOwn(root, "names")) return undefined;
  const metadata: Record<string, string> = {};
  for (const key of KEYS) {
    const value: unknown = Object.hasOwn(root, key) ? Reflect.get(root, key) : undefined;
    if (value !== undefined && value !== null) metadata[key] = inPython(value);
  }
  return { names: yamlNames(file.name, root), metadata };
}

/** Maximum size of a `preprocessor_config.json`. It has about 1 kB. */
export const MAX_PREPROCESSOR_BYTES = 256 * 1024;

/** The content of a `preprocessor_config.json`, for `createDetector`. @throws bad-input when it is not JSON. */
export function preprocessorIn({ name, text }: BesideFile): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw refusePreprocessor(name, cause instanceof Error ? cause.message : String(cause));
  }
}

/** Makes the error for a `preprocessor_config.json` that cannot be read. */
export function refusePreprocessor(name: string, why: string): WhyboxError {
  return new WhyboxError(
    "bad-input",
    `${name} cannot be read: ${why}. It says how the images of the model beside it are prepared. Correct the file, or remove it and set the input's options.`,
    { details: { path: name } },
  );
}

/** Makes the error for a file of names that cannot be read. */
export function refuseBeside(name: string, found: string, expected: string, cause?: unknown): WhyboxError {
  return new WhyboxError("bad-input", `Cannot read class names from ${name}: ${found}; expected ${expected}.`, {
    details: { path: name },
    ...(cause === undefined ? {} : { cause }),
  });
}

async function parseYaml({ name, text }: BesideFile, yaml: LoadYaml): Promise<unknown> {
  const { parse } = await yaml();
  try {
    return parse(text, { maxAliasCount: 100 });
  } catch (cause) {
    throw refuseBeside(name, yamlProblem(cause), "a YOLO data.yaml", cause);
  }
}

/** The first line of the YAML parser's message, which also shows the text around the problem. */
function yamlProblem(cause: unknown): string {
  const words = cause instanceof Error ? cause.message : String(cause);
  return words.split("\n")[0]!.replace(/:$/, "");
}

function textNames(text: string): string[] {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  while (lines.length > 0 && lines.at(-1)!.trim() === "") lines.pop();
  return lines.map((line) => line.trim());
}

function yamlNames(file: string, root: unknown): string[] {
  const names: unknown = typeof root === "object" && root !== null ? Reflect.get(root, "names") : undefined;
  if (typeof names !== "object" || names === null) {
    throw refuseBeside(file, 'it has no "names"', 'a YOLO data.yaml with "names"');
  }
  const entries = Array.isArray(names)
    ? [...names.entries()]
    : Object.entries(names).map(([key, name]) => [Number(key), name] as const);
  const sorted = entries.sort(([a], [b]) => a - b);
  if (sorted.some(([key], position) => key !== position)) {
    const keys = sorted.slice(0, 10).map(([key]) => key);
    throw refuseBeside(file, `the indices of "names" are ${keys.join(", ")}…`, "0, 1, 2, … without gaps");
  }
  return sorted.map(([, name]) => String(name));
}

/** Formats a value as Python prints it: "[640, 640]". Maps are written as JSON, which is read alike. */
function inPython(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(String).join(", ")}]`;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
