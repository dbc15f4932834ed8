import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { LookupFunction } from "node:net";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import type { Host } from "./private-address.js";

export interface GetOptions {
  readonly accept: string;
  readonly signal: AbortSignal;
  /** Time without any byte after which the server counts as gone. */
  readonly idleMs: number;
}

/**
 * Asks for a URL at the addresses that were found for it: the name is not looked up again, so it cannot lead elsewhere in between. TLS still checks the
 * name. Redirects are not followed.
 */
export function httpGet(
  url: URL,
  { addresses }: Host,
  { accept, signal, idleMs }: GetOptions,
): Promise<IncomingMessage> {
  const lookup: LookupFunction = (_, { all }, done) => {
    if (all === true) done(null, [...addresses]);
    else done(null, addresses[0]!.address, addresses[0]!.family);
  };
  const send = url.protocol === "https:" ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    // A connection of its own: one that is kept could lead to another address.
    const request = send(url, { agent: false, lookup, signal, headers: { accept, "accept-encoding": "identity" } });
    let answer: IncomingMessage | undefined;
    request.on("response", (response) => {
      answer = response;
      resolve(response);
    });
    request.on("error", reject);
    request.setTimeout(idleMs, () => (answer ?? request).destroy(new Error(`no data for ${idleMs / 1000} s`)));
    request.end();
  });
}

const decoders: Readonly<Record<string, () => NodeJS.ReadWriteStream>> = {
  gzip: createGunzip,
  "x-gzip": createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/** The steps from the bytes of an answer to those of the file. undefined for an encoding that is not known. */
export function decodersOf({ headers }: IncomingMessage): readonly NodeJS.ReadWriteStream[] | undefined {
  const encoding = headers["content-encoding"]?.trim().toLowerCase() ?? "identity";
  if (encoding === "identity" || encoding === "") return [];
  return Object.hasOwn(decoders, encoding) ? [decoders[encoding]!()] : undefined;
}
