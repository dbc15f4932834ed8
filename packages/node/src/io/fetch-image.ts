import { type FetchBytesOptions, type FetchKind, fetchBytes } from "./fetch-bytes.js";

export type FetchOptions = Pick<FetchBytesOptions, "signal" | "timeoutMs" | "maxBytes" | "isPrivate">;

const PICTURE: FetchKind = {
  what: "picture",
  accept: "image/*",
  timeoutMs: 30_000,
  maxBytes: 50 * 2 ** 20,
  instead: "download the picture first and give the file",
};

/**
 * Downloads an encoded picture over http(s): at most 50 MB in 30 s by default. What the server calls the content does not
 * matter: the decoder looks at the bytes.
 * @throws as `fetchBytes`.
 */
export async function fetchImage(url: URL, options: FetchOptions = {}): Promise<Uint8Array> {
  return fetchBytes(url, PICTURE, options);
}
