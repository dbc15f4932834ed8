import { WhyboxError } from "@whybox/core";
import { stemOf } from "../images/output-names.js";
import { fetchImage } from "../io/fetch-image.js";
import type { GivenImage } from "./request-schema.js";

/** Where the server may fetch images from: nowhere, the public internet, or private networks too. */
export type AllowedUrls = "none" | "public" | "any";

export interface FetchLimits {
  readonly urls: AllowedUrls;
  readonly maxBytes: number;
}

/** The bytes of an image file, and its name. */
export interface ImageFile {
  readonly bytes: Uint8Array;
  readonly name: string;
}

/** The name of an image that has none. */
export const UNNAMED = "image";

/**
 * The image file of a JSON body.
 * @throws usage for invalid base64, and for an address that the server does not allow; limit; download; aborted.
 */
export async function imageFile(image: GivenImage, limits: FetchLimits, signal: AbortSignal): Promise<ImageFile> {
  if ("b64" in image) return { bytes: decodeBase64(image.b64), name: UNNAMED };
  const { urls, maxBytes } = limits;
  const url = allowedUrl(image.url, urls);
  return { bytes: await fetchImage(url, { signal, maxBytes, allowPrivate: urls === "any" }), name: stemOf(url.href) };
}

/** Node skips what is no base64, and the image would then be damaged without a reason. */
function decodeBase64(text: string): Uint8Array {
  const data = text.startsWith("data:") ? text.slice(text.indexOf(",") + 1) : text;
  const bytes = Buffer.from(data, "base64");
  const padding = data.endsWith("==") ? 2 : data.endsWith("=") ? 1 : 0;
  const length = Math.floor(((data.length - padding) * 3) / 4);
  if (bytes.length !== length || length === 0) {
    throw new WhyboxError(
      "usage",
      `b64 is not valid base64: ${data.length} characters give ${bytes.length} bytes, expected ${length}. Encode the image file without line breaks (base64 -w0).`,
    );
  }
  return bytes;
}

function allowedUrl(text: string, urls: AllowedUrls): URL {
  if (urls === "none") {
    throw new WhyboxError("usage", "This server fetches no images. Send the image itself, in b64 or as a form.");
  }
  if (!URL.canParse(text)) throw new WhyboxError("usage", "url is not a valid URL. Expected an http(s) address.");
  return new URL(text);
}
