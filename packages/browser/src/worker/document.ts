import {
  drawingOptions,
  type ExplainResult,
  type ModelFacts,
  type ResultDocument,
  type ResultParts,
  resultDocument,
  WhyboxError,
} from "@whybox/core";
import type { DocumentAbout, ExplainRequest, Provider } from "../protocol.js";
import { type ModelFile, partsOf, sizeOf } from "./weights.js";

/** The source of a result. */
export interface Origin {
  readonly file: ModelFile;
  readonly facts: ModelFacts;
  readonly provider: Provider;
  /** Version of Whybox. */
  readonly version: string;
  /** Duration of decoding in milliseconds. */
  readonly decode: number;
}

/** An explanation, and where the heat of its maps lies. Their values may be missing. */
export interface Explained {
  readonly result: ExplainResult;
  readonly heats: ResultParts["heats"];
}

/** The command's defaults for what is not said. */
const look = {
  frame: "image",
  ...{ hideBoxes: false, hideLabels: false, sideBySide: false, crop: undefined },
  colormap: drawingOptions.colormap.default,
  opacity: drawingOptions.opacity.default,
} as const;

/** The result document of an explanation. */
export async function documentOf(
  options: ExplainRequest,
  about: DocumentAbout,
  { result, heats }: Explained,
  { file, facts, provider, version, decode }: Origin,
): Promise<ResultDocument> {
  const { bytes: _, externalData, ...named } = file;
  return resultDocument({
    version,
    model: { ...facts, ...named, bytes: sizeOf(file), sha256: await sha256(partsOf(file)) },
    source: about.source,
    options,
    device: provider,
    look: { ...look, ...about.look, save: ["json"] },
    result,
    heats,
    timings: { decode, render: 0 },
  });
}

async function sha256(parts: readonly Uint8Array<ArrayBuffer>[]): Promise<string> {
  if (!self.isSecureContext) {
    throw new WhyboxError(
      "usage",
      "The digest of the model needs a secure page. Open the page over https or from localhost.",
    );
  }
  const [only, ...more] = parts;
  // The browser digests one array. Models of one file are not copied.
  const bytes = more.length === 0 ? only! : await new Blob([...parts]).arrayBuffer();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
