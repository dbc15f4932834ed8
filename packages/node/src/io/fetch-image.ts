import type { FetchBytesOptions, FetchKind } from "./fetch-bytes.js";

export type FetchOptions = Omit<FetchBytesOptions, "onProgress">;

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
  // Most images are files, which need no client.
  const { fetchBytes } = await import("./fetch-bytes.js");
  return fetchBytes(url, IMAGE, options);
}
