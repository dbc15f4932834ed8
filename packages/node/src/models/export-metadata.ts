import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { modelFormat } from "@whybox/core";
import { readYaml, yamlNames } from "./read-names.js";

export interface ExportMetadata {
  readonly names?: readonly string[];
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The entries, other than `names`, that Ultralytics also writes into ONNX files. */
const KEYS = ["description author date version license stride task batch imgsz kpt_shape kpt_names end2end"].flatMap(
  (line) => line.split(" "),
);

/**
 * Reads the metadata.yaml that Ultralytics writes beside an export. Values have the form that they have in ONNX files.
 * @returns An empty object when there is no such file, or when it has no names: then another program wrote it.
 * @throws bad-input when the file is invalid.
 */
export async function readExportMetadata(folder: string): Promise<ExportMetadata> {
  const path = join(folder, "metadata.yaml");
  const entry = await stat(path).catch(() => undefined);
  if (entry?.isFile() !== true) return {};
  const root = await readYaml(path); // limits the file's size
  if (typeof root !== "object" || root === null || !Object.hasOwn(root, "names")) return {};
  const metadata: Record<string, string> = {};
  for (const key of KEYS) {
    const value: unknown = Object.hasOwn(root, key) ? Reflect.get(root, key) : undefined;
    if (value !== undefined && value !== null) metadata[key] = inPython(value);
  }
  return { names: yamlNames(path, root), metadata };
}

/**
 * The metadata beside an ONNX file, for `createDetector`; undefined for other files, which describe themselves.
 * @throws bad-input when its metadata.yaml is invalid.
 */
export async function metadataBeside(
  path: string,
  model: Uint8Array,
): Promise<Readonly<Record<string, string>> | undefined> {
  if (modelFormat(model) !== "onnx") return undefined;
  const { names, metadata } = await readExportMetadata(dirname(path));
  return names && { ...metadata, names: JSON.stringify(names) };
}

/** Formats a value as Python prints it: "[640, 640]". Maps are written as JSON, which is read alike. */
function inPython(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(String).join(", ")}]`;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
