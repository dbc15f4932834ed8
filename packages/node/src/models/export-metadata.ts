import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { readNames } from "./read-names.js";

export interface ExportMetadata {
  readonly names?: readonly string[];
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The entries, other than `names`, that Ultralytics also writes into ONNX files. */
const KEYS = ["description", "author", "date", "version", "license", "stride", "task", "batch", "imgsz", "kpt_shape"];

/**
 * Reads the metadata.yaml that Ultralytics writes beside an export. Values have the form that they have in ONNX files.
 * @returns An empty object when there is no such file.
 * @throws bad-input when the file is invalid.
 */
export async function readExportMetadata(folder: string): Promise<ExportMetadata> {
  const path = join(folder, "metadata.yaml");
  const entry = await stat(path).catch(() => undefined);
  if (entry?.isFile() !== true) return {};
  const names = await readNames(path); // limits the file's size, and throws when it is not a YAML map
  const { parse } = await import("yaml");
  const root: unknown = parse(await readFile(path, "utf8"), { maxAliasCount: 100 });
  const metadata: Record<string, string> = {};
  for (const key of KEYS) {
    const value: unknown = Object.hasOwn(root as object, key) ? Reflect.get(root as object, key) : undefined;
    if (value !== undefined && value !== null) metadata[key] = inPython(value);
  }
  return { names, metadata };
}

/** Formats a value as Python prints it: "[640, 640]". */
function inPython(value: unknown): string {
  return Array.isArray(value) ? `[${value.map(String).join(", ")}]` : String(value);
}
