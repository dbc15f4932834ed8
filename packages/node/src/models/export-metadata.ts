import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type ExportMetadata, exportMetadataIn, modelFormat } from "@whybox/core";
import { loadYaml, readBeside } from "./read-names.js";

/**
 * Reads the metadata.yaml that Ultralytics writes beside an export. Values have the form that they have in ONNX files.
 * @returns Undefined when there is no such file, or when it has no names: then another program wrote it.
 * @throws bad-input when the file is invalid.
 */
export async function readExportMetadata(folder: string): Promise<ExportMetadata | undefined> {
  const path = join(folder, "metadata.yaml");
  const entry = await stat(path).catch(() => undefined);
  return entry?.isFile() === true ? exportMetadataIn(await readBeside(path), loadYaml) : undefined;
}

/**
 * The metadata beside an ONNX file, for `createDetector`; undefined for other files, which describe themselves.
 * @throws bad-input when its metadata.yaml is invalid.
 */
export async function metadataBeside(
  path: string,
  model: Uint8Array,
): Promise<Readonly<Record<string, string>> | undefined> {
  const found = modelFormat(model) === "onnx" ? await readExportMetadata(dirname(path)) : undefined;
  return found && { ...found.metadata, names: JSON.stringify(found.names) };
}
