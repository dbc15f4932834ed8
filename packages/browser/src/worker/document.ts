import {
  type ExplainResult,
  type ModelFacts,
  type ResultDocument,
  type ResultParts,
  resultDocument,
  WhyboxError,
} from "@whybox/core";
import type { DocumentRequest, Provider } from "../protocol.js";
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

/** The command's defaults for options that the page does not have. */
const look = { frame: "image", hideBoxes: false, hideLabels: false, sideBySide: false } as const;

/** The result document of the current result. */
export async function pageDocument(
  asked: DocumentRequest,
  { result, heats }: Explained,
  { file, facts, provider, version, decode }: Origin,
): Promise<ResultDocument> {
  const { bytes: _, externalData, ...named } = file;
  return resultDocument({
    version,
    model: { ...facts, ...named, bytes: sizeOf(file), sha256: await sha256(partsOf(file)) },
    source: asked.source,
    options: asked.request,
    device: provider,
    look: { ...look, ...asked.look, save: ["json"] },
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
