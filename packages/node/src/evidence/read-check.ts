import { readFile, stat } from "node:fs/promises";
import { WhyboxError } from "@whybox/core";
import type { CheckDocument } from "@whybox/report";
import { z } from "zod";
import { checkSchema } from "../check/check-schema.js";
import { systemErrorCode } from "../io/system-error.js";
import { bareName, relativeName, withoutFolders } from "./public-names.js";

/** Most bytes of a document of `whybox check`. */
export const maxCheckBytes = 64 * 2 ** 20;

/**
 * Reads a document of `whybox check`, with the names that others may see.
 * @param sha256 the digest of the run's model.
 * @throws bad-input if it is no such document, or is about another model.
 */
export async function readCheck(path: string, sha256: string): Promise<CheckDocument> {
  const document = parseCheck(await readText(path), path);
  if (document.model.sha256 !== sha256) {
    const message = `${path} checks another model: the SHA-256 of its model is ${document.model.sha256.slice(0, 12)}…, that of the run's model ${sha256.slice(0, 12)}…. Check the model of the run: whybox check.`;
    throw new WhyboxError("bad-input", message, { details: { path, found: document.model.sha256, expected: sha256 } });
  }
  return withPublicNames(document);
}

async function readText(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > maxCheckBytes)
      throw new WhyboxError("limit", `${path} has ${size} bytes; at most ${maxCheckBytes} are read.`);
    return await readFile(path, "utf8");
  } catch (cause) {
    if (cause instanceof WhyboxError) throw cause;
    const message = `Cannot read ${path} (${systemErrorCode(cause)}). Expected the JSON of whybox check.`;
    throw new WhyboxError("bad-input", message, { cause });
  }
}

/** Reads the text of a document of `whybox check`. @throws bad-input. */
export function parseCheck(text: string, path: string): CheckDocument {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    // the schema reports it
  }
  const read = checkSchema.safeParse(data);
  if (read.success) return read.data;
  const why =
    data === undefined ? "it is not valid JSON" : z.prettifyError(read.error).split("\n").slice(0, 2).join("");
  throw new WhyboxError("bad-input", `${path} is not the JSON of whybox check: ${why}.`, { details: { path } });
}

function withPublicNames(document: CheckDocument): CheckDocument {
  const { model, images } = document;
  const name = (source: string) => relativeName(source);
  return {
    ...document,
    model: { ...model, source: bareName(model.source) },
    images: {
      ...images,
      checked: images.checked.map(({ source, sha256 }) => ({ source: name(source), sha256 })),
      empty: images.empty.map(name),
      failures: images.failures.map(({ source, message }) => ({
        source: name(source),
        message: withoutFolders(message),
      })),
      chosenBy: withoutFolders(images.chosenBy),
    },
    detections: document.detections.map((one) => ({ ...one, source: name(one.source) })),
  };
}
