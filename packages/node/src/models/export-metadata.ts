import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { readNames } from "./read-names.js";

/** What an export says of itself. */
export interface ExportMetadata {
  readonly names?: readonly string[];
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The entries that Ultralytics writes into ONNX files, too, beside `names`. */
const KEYS = ["description", "author", "date", "version", "license", "stride", "task", "batch", "imgsz", "kpt_shape"];

/**
 * The metadata.yaml that Ultralytics writes beside an export, in the form in which it writes it into ONNX files.
 * @returns nothing where there is no such file.
 * @throws bad-input when the file is broken.
 */
export async function readExportMetadata(folder: string): Promise<ExportMetadata> {
  const path = join(folder, "metadata.yaml");
  const entry = await stat(path).catch(() => undefined);
  if (entry?.isFile() !== true) return {};
  const names = await readNames(path); // bounds the file and refuses what is no YAML map
  const root: unknown = parse(await readFile(path, "utf8"), { maxAliasCount: 100 });
  const metadata: Record<string, string> = {};
  for (const key of KEYS) {
    const value: unknown = Object.hasOwn(root as object, key) ? Reflect.get(root as object, key) : undefined;
    if (value !== undefined && value !== null) metadata[key] = inPython(value);
  }
  return { names, metadata };
}

/** Lists as Python prints them: "[640, 640]". */
function inPython(value: unknown): string {
  return Array.isArray(value) ? `[${value.map(String).join(", ")}]` : String(value);
}
