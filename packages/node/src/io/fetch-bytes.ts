import type { IncomingMessage } from "node:http";
import { pipeline } from "node:stream/promises";
import { WhyboxError } from "@whybox/core";
import { capital } from "../words.js";
import { decodersOf, httpGet } from "./http-get.js";
import { findHost, type Host, internet, type Network, PRIVATE } from "./private-address.js";

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
  /** Timeout without any byte. Default: 20 s. */
  readonly idleMs?: number | undefined;
  /** Whether the URL may lead to a private network. Default: true. */
  readonly allowPrivate?: boolean | undefined;
  readonly network?: Network | undefined;
}

const MAX_REDIRECTS = 5;
const IDLE_MS = 20_000;

/**
 * Downloads a file over http(s) into memory. Time, size and the number of redirects are limited. The size is limited as it is sent, and as it is
 * decoded if the server compresses it.
 *
 * The URL itself may name any host, unless `allowPrivate` is false. A redirect must not lead from the public internet to a private address, from https
 * to http, or to another scheme. The host's addresses are looked up once, checked, and connected to.
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
    return await request.body(await request.follow(either), either);
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

  async follow(signal: AbortSignal): Promise<IncomingMessage> {
    const { allowPrivate = true, idleMs = IDLE_MS } = this.#options;
    let url = this.#start;
    let mayBePrivate = allowPrivate;
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const host = await this.#find(url, signal);
      if (host.isPrivate && !mayBePrivate) throw this.#private(url);
      // What the public internet answers may not lead into a private network.
      mayBePrivate = host.isPrivate;
      const response = await httpGet(url, host, { accept: this.#kind.accept, signal, idleMs });
      const { statusCode = 0, headers } = response;
      if (statusCode < 300 || statusCode >= 400 || headers.location === undefined) return this.#expectOk(response);
      response.destroy();
      url = this.#redirect(headers.location, url);
    }
    throw this.failed(`more than ${MAX_REDIRECTS} redirects`);
  }

  /** A look-up cannot be stopped, but nobody waits for it. */
  async #find(url: URL, signal: AbortSignal): Promise<Host> {
    signal.throwIfAborted();
    let stop = () => {};
    const stopped = new Promise<never>((_, reject) => {
      stop = () => reject(signal.reason);
      signal.addEventListener("abort", stop, { once: true });
    });
    return Promise.race([findHost(url, this.#options.network ?? internet), stopped]).finally(() =>
      signal.removeEventListener("abort", stop),
    );
  }

  #redirect(location: string, base: URL): URL {
    if (!URL.canParse(location, base.href)) throw this.failed("a redirect to an invalid URL", base);
    const url = new URL(location, base);
    this.check(url, "download");
    if (base.protocol === "https:" && url.protocol === "http:") {
      throw this.failed(`a redirect from https to http (${shown(url)})`);
    }
    return url;
  }

  #expectOk(response: IncomingMessage): IncomingMessage {
    const { statusCode = 0, statusMessage = "" } = response;
    if (statusCode >= 200 && statusCode < 300) return response;
    response.destroy();
    throw this.failed(`the server answered ${statusCode} ${statusMessage.slice(0, 100)}`.trimEnd());
  }

  async body(response: IncomingMessage, signal: AbortSignal): Promise<Buffer> {
    const { maxBytes = this.#kind.maxBytes, onProgress } = this.#options;
    const announced = Number(response.headers["content-length"] ?? 0);
    const decoders = decodersOf(response);
    if (announced > maxBytes || decoders === undefined) {
      response.destroy();
      if (decoders !== undefined) throw this.#tooLarge(maxBytes);
      const encoding = response.headers["content-encoding"]!.slice(0, 40);
      throw this.failed(`the answer has the content encoding "${encoding}", which is not supported`);
    }
    const total = announced > 0 ? announced : undefined;
    const limited = (onSize?: (size: number) => void) => this.#limited(maxBytes, onSize);
    const chunks: Uint8Array[] = [];
    const collect = async (source: AsyncIterable<Uint8Array>) => {
      for await (const chunk of source) chunks.push(chunk);
    };
    const received = limited((size) => onProgress?.(size, total));
    await pipeline([response, received, ...decoders, limited(), collect] as never, { signal });
    if (chunks.length === 0) throw this.failed("the answer is empty");
    return Buffer.concat(chunks);
  }

  /** A step of a pipeline that passes chunks on, up to a size. */
  #limited(maxBytes: number, onSize: (size: number) => void = () => {}) {
    const tooLarge = () => this.#tooLarge(maxBytes);
    return async function* (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      let size = 0;
      for await (const chunk of source) {
        size += chunk.length;
        if (size > maxBytes) throw tooLarge();
        onSize(size);
        yield chunk;
      }
    };
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

  #private(url: URL): WhyboxError {
    if (url !== this.#start) return this.failed(`a redirect to an address in a private network (${shown(url)})`);
    const message = `${shown(url)} is an address in a private network.`;
    return new WhyboxError("download", message, { details: { url: shown(url), reason: PRIVATE } });
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

/** The reason of a failed request. Several addresses that fail are one error without a message. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join(", ");
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  if (error.message === "aborted" || code === "ERR_STREAM_PREMATURE_CLOSE")
    return "the connection ended before the answer did";
  return error.message || (code ?? error.name);
}

/** The URL without user name and password, for messages. */
function shown(url: URL): string {
  const copy = new URL(url);
  copy.username = "";
  copy.password = "";
  return copy.href;
}
