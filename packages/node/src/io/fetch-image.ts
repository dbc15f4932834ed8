import { type FetchBytesOptions, type FetchKind, fetchBytes } from "./fetch-bytes.js";

export type FetchOptions = Pick<FetchBytesOptions, "signal" | "timeoutMs" | "maxBytes" | "isPrivate">;

const IMAGE: FetchKind = {
  what: "image",
  accept: "image/*",
  timeoutMs: 30_000,
  maxBytes: 50 * 2 ** 20,
  instead: "download the image first and pass the file",
};

/**
 * Downloads an encoded image over http(s), by default at most 50 MB in 30 s. The content type that the server sends is
 * ignored: the decoder checks the bytes.
 * @throws The same errors as `fetchBytes`.
 */
export async function fetchImage(url: URL, options: FetchOptions = {}): Promise<Uint8Array> {
  return fetchBytes(url, IMAGE, options);
}
