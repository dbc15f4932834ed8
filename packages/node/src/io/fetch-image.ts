import { WhyboxError } from "@whybox/core";

export interface FetchOptions {
  readonly signal?: AbortSignal;
  /** For the whole download. Default 30 000. */
  readonly timeoutMs?: number;
  /** Default 50 MB. */
  readonly maxBytes?: number;
}

const TIMEOUT_MS = 30_000;
const MAX_BYTES = 50 * 2 ** 20;
const MAX_REDIRECTS = 5;

/**
 * Downloads an encoded picture over http(s): bounded in time, size and redirects; no other scheme, not after a redirect either.
 * What the server calls the content does not matter: the decoder looks at the bytes.
 * @throws usage for another scheme or a password in the URL; download when the server or the network fails; limit when the
 * file is too large; aborted.
 */
export async function fetchImage(url: URL, options: FetchOptions = {}): Promise<Uint8Array> {
  const { signal, timeoutMs = TIMEOUT_MS, maxBytes = MAX_BYTES } = options;
  checkUrl(url, "usage");
  const timeout = AbortSignal.timeout(timeoutMs);
  const either = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  try {
    return await readBody(await follow(url, either), url, maxBytes);
  } catch (cause) {
    if (cause instanceof WhyboxError) throw cause;
    if (signal?.aborted) throw new WhyboxError("aborted", "The download was aborted.", { cause: signal.reason });
    throw failed(url, timeout.aborted ? `no complete answer within ${timeoutMs / 1000} s` : reasonOf(cause), cause);
  }
}

async function follow(start: URL, signal: AbortSignal): Promise<Response> {
  let url = start;
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const response = await fetch(url.href, { redirect: "manual", signal, headers: { accept: "image/*" } });
    const location = response.headers.get("location");
    if (response.status < 300 || response.status >= 400 || location === null) return checkStatus(response, start);
    await response.body?.cancel();
    url = resolveRedirect(location, url);
  }
  throw failed(start, `more than ${MAX_REDIRECTS} redirects`);
}

function resolveRedirect(location: string, base: URL): URL {
  if (!URL.canParse(location, base.href)) throw failed(base, "a redirect to something that is no URL");
  const url = new URL(location, base);
  checkUrl(url, "download");
  return url;
}

async function checkStatus(response: Response, url: URL): Promise<Response> {
  if (response.ok) return response;
  await response.body?.cancel();
  throw failed(url, `the server answered ${response.status} ${response.statusText}`.trimEnd());
}

async function readBody(response: Response, url: URL, maxBytes: number): Promise<Uint8Array> {
  const announced = Number(response.headers.get("content-length") ?? 0);
  if (announced > maxBytes) {
    await response.body?.cancel();
    throw tooLarge(url, maxBytes);
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge(url, maxBytes); // leaving the loop cancels the download
    chunks.push(chunk);
  }
  if (size === 0) throw failed(url, "the answer is empty");
  return Buffer.concat(chunks);
}

function checkUrl(url: URL, code: "usage" | "download"): void {
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    const where = code === "usage" ? show(url) : `The server's redirect to ${show(url)}`;
    throw new WhyboxError(
      code,
      `${where} has the scheme "${url.protocol}"; pictures are fetched over http and https only. Download it first and give the file.`,
    );
  }
  if (url.username !== "" || url.password !== "") {
    throw new WhyboxError(
      code,
      `${show(url)} holds a user name or password. Download the picture first and give the file.`,
    );
  }
}

function tooLarge(url: URL, maxBytes: number): WhyboxError {
  const limit = maxBytes >= 2 ** 20 ? `${Math.round(maxBytes / 2 ** 20)} MB` : `${maxBytes} bytes`;
  return new WhyboxError(
    "limit",
    `${show(url)} is larger than ${limit}, the limit for a fetched picture. Download it first and give the file.`,
    { details: { url: show(url), maxBytes } },
  );
}

function failed(url: URL, reason: string, cause?: unknown): WhyboxError {
  return new WhyboxError(
    "download",
    `${show(url)} could not be fetched: ${reason}. Check the address and the connection, or download the picture first and give the file.`,
    { details: { url: show(url) }, cause },
  );
}

/** Node's fetch hides the reason ("fetch failed") in the cause. */
function reasonOf(error: unknown): string {
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(inner instanceof Error)) return String(inner);
  return inner.message || ((inner as NodeJS.ErrnoException).code ?? inner.name);
}

/** Never prints a password. */
function show(url: URL): string {
  const copy = new URL(url);
  copy.username = "";
  copy.password = "";
  return copy.href;
}
