import { WhyboxError } from "@whybox/core";
import { capital } from "../words.js";
import { isPrivateHost } from "./private-address.js";

/** A kind of file to fetch: its limits, and the words for its messages. */
export interface FetchKind {
  /** The noun for messages: "image". */
  readonly what: string;
  readonly accept: string;
  /** Timeout of the whole download. */
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** What the user can do instead: "download the image first and pass the file". */
  readonly instead: string;
}

export interface FetchBytesOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
  readonly maxBytes?: number | undefined;
  /** `total` is undefined when the server does not report the size. */
  readonly onProgress?: ((received: number, total: number | undefined) => void) | undefined;
  /** Returns whether the host is outside the public internet. Default: `isPrivateHost`. */
  readonly isPrivate?: ((url: URL) => Promise<boolean>) | undefined;
}

const MAX_REDIRECTS = 5;

/**
 * Downloads a file over http(s) into memory. Time, size and the number of redirects are limited.
 *
 * The URL itself may name any host. A redirect must not lead from the public internet to a private address, from https to
 * http, or to another scheme.
 * @throws usage when the scheme is not supported or the URL contains a password; download when the server or the network
 * fails; limit when the file is too large; aborted.
 */
export async function fetchBytes(url: URL, kind: FetchKind, options: FetchBytesOptions = {}): Promise<Buffer> {
  const { signal, timeoutMs = kind.timeoutMs } = options;
  const request = new Request(url, kind, options);
  request.check(url, "usage");
  const timeout = AbortSignal.timeout(timeoutMs);
  const either = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  try {
    return await request.body(await request.follow(either));
  } catch (cause) {
    if (cause instanceof WhyboxError) throw cause;
    if (signal?.aborted) throw new WhyboxError("aborted", "The download was aborted.", { cause: signal.reason });
    throw request.failed(
      timeout.aborted ? `no complete answer within ${timeoutMs / 1000} s` : reasonOf(cause),
      url,
      cause,
    );
  }
}

/** One download and its messages. */
class Request {
  readonly #start: URL;
  readonly #kind: FetchKind;
  readonly #options: FetchBytesOptions;

  constructor(start: URL, kind: FetchKind, options: FetchBytesOptions) {
    this.#start = start;
    this.#kind = kind;
    this.#options = options;
  }

  async follow(signal: AbortSignal): Promise<Response> {
    let url = this.#start;
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const response = await fetch(url.href, { redirect: "manual", signal, headers: { accept: this.#kind.accept } });
      const location = response.headers.get("location");
      if (response.status < 300 || response.status >= 400 || location === null) return this.#expectOk(response);
      await response.body?.cancel();
      url = await this.#redirect(location, url);
    }
    throw this.failed(`more than ${MAX_REDIRECTS} redirects`);
  }

  async #redirect(location: string, base: URL): Promise<URL> {
    if (!URL.canParse(location, base.href)) throw this.failed("a redirect to an invalid URL", base);
    const url = new URL(location, base);
    this.check(url, "download");
    if (base.protocol === "https:" && url.protocol === "http:") {
      throw this.failed(`a redirect from https to http (${shown(url)})`);
    }
    const { isPrivate = isPrivateHost } = this.#options;
    if (url.host !== base.host && (await isPrivate(url)) && !(await isPrivate(base))) {
      throw this.failed(`a redirect to an address in a private network (${shown(url)})`);
    }
    return url;
  }

  async #expectOk(response: Response): Promise<Response> {
    if (response.ok) return response;
    await response.body?.cancel();
    throw this.failed(`the server answered ${response.status} ${response.statusText}`.trimEnd());
  }

  async body(response: Response): Promise<Buffer> {
    const { maxBytes = this.#kind.maxBytes, onProgress } = this.#options;
    const announced = Number(response.headers.get("content-length") ?? 0);
    if (announced > maxBytes) {
      await response.body?.cancel();
      throw this.#tooLarge(maxBytes);
    }
    const total = announced > 0 ? announced : undefined;
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of response.body ?? []) {
      size += chunk.length;
      if (size > maxBytes) throw this.#tooLarge(maxBytes); // leaving the loop cancels the download
      chunks.push(chunk);
      onProgress?.(size, total);
    }
    if (size === 0) throw this.failed("the answer is empty");
    return Buffer.concat(chunks);
  }

  check(url: URL, code: "usage" | "download"): void {
    const { instead } = this.#kind;
    if (url.protocol !== "http:" && url.protocol !== "https:") {
      const where = code === "usage" ? shown(url) : `The server's redirect to ${shown(url)}`;
      throw new WhyboxError(
        code,
        `${where} has the scheme "${url.protocol}"; only http and https are supported. ${capital(instead)}.`,
      );
    }
    if (url.username !== "" || url.password !== "") {
      throw new WhyboxError(code, `${shown(url)} contains a user name or password. ${capital(instead)}.`);
    }
  }

  #tooLarge(maxBytes: number): WhyboxError {
    const limit = maxBytes >= 2 ** 20 ? `${Math.round(maxBytes / 2 ** 20)} MB` : `${maxBytes} bytes`;
    return new WhyboxError(
      "limit",
      `${shown(this.#start)} is larger than ${limit}, the limit for a downloaded ${this.#kind.what}. ${capital(this.#kind.instead)}.`,
      { details: { url: shown(this.#start), maxBytes } },
    );
  }

  failed(reason: string, url: URL = this.#start, cause?: unknown): WhyboxError {
    return new WhyboxError(
      "download",
      `${shown(url)} cannot be fetched: ${reason}. Check the address and the connection, or ${this.#kind.instead}.`,
      { details: { url: shown(url), reason }, cause },
    );
  }
}

/** The reason of a failed fetch. Node puts it into the cause of a general "fetch failed". */
function reasonOf(error: unknown): string {
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(inner instanceof Error)) return String(inner);
  return inner.message || ((inner as NodeJS.ErrnoException).code ?? inner.name);
}

/** The URL without user name and password, for messages. */
function shown(url: URL): string {
  const copy = new URL(url);
  copy.username = "";
  copy.password = "";
  return copy.href;
}
