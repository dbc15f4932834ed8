import { type CoreDetector, type InputOptions, modelFormat, type RuntimePort } from "@whybox/core";
import type { Device, ModelReport } from "../api.js";
import { readShared } from "../io/read-shared.js";
import { metadataBeside } from "../models/export-metadata.js";
import { modelBytes, modelDigest, openWithData } from "../models/external-data.js";
import { preprocessorBeside } from "../models/preprocessor-file.js";
import { checkDevice } from "./devices.js";
import { openDetector } from "./serve-detector.js";

/** A model file, and how it is loaded. */
export interface ModelFile {
  readonly path: string;
  /** The weights as the user names them, for messages and documents. */
  readonly source: string;
  readonly licence: string | undefined;
  readonly notice: string | undefined;
  readonly names: readonly string[] | undefined;
  readonly anchors: string | undefined;
  readonly input: InputOptions | undefined;
  readonly device: Device;
  readonly threads: number;
}

export interface OpenedModelFile {
  readonly detector: CoreDetector;
  readonly report: ModelReport;
}

/**
 * Opens a model file in this thread, with the files beside it.
 * @throws usage for a device that the runtime does not support; bad-input; the errors of `createDetector`.
 */
export async function openModelFile(
  { path, source, licence, notice, ...how }: ModelFile,
  runtime: RuntimePort,
  backends: readonly string[],
): Promise<OpenedModelFile> {
  checkDevice(how.device, backends);
  const model = await readShared(path);
  const preprocessor = await preprocessorBeside(path);
  const metadata = await metadataBeside(path, model);
  const { opened: detector, externalData } = await openWithData(path, (externalData) =>
    openDetector({ model, externalData, preprocessor, metadata, ...how }, runtime),
  );
  const file = {
    format: modelFormat(model),
    bytes: modelBytes(model, externalData),
    sha256: modelDigest(model, externalData),
  };
  return { detector, report: { source, ...file, licence, notice, ...detector.facts } };
}
