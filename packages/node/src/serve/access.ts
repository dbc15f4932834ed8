import { createHash, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import { WhyboxError } from "@whybox/core";
import type { FastifyRequest } from "fastify";
import { Refusal } from "./problem.js";

/** Shortest token. A shorter one can be guessed. */
const MIN_TOKEN = 16;

/**
 * Checks a token.
 * @throws usage when it is too short, or has characters that a header cannot carry.
 */
export function checkToken(token: string, from: string): string {
  if (token.length >= MIN_TOKEN && /^[\x21-\x7e]+$/.test(token)) return token;
  throw new WhyboxError(
    "usage",
    `The token in ${from} has ${token.length} characters; expected at least ${MIN_TOKEN} visible ASCII characters. Make one: openssl rand -hex 32.`,
  );
}

/** Whether the host names this machine only. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

/** Refuses a request without the token. @throws Refusal 401 */
export function requireToken(request: FastifyRequest, token: string): void {
  const [, given] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "") ?? [];
  // Digests have one length, so the comparison tells nothing about the token.
  if (given !== undefined && timingSafeEqual(digest(given), digest(token))) return;
  const detail = "Send the server's token in the header: Authorization: Bearer TOKEN.";
  throw new Refusal(401, "unauthorized", detail, { "www-authenticate": "Bearer" });
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/**
 * Refuses requests that a web page of another site makes in the user's browser. Without a token, on loopback, the page could use the
 * server: directly, or by a name of its own that resolves to 127.0.0.1 (DNS rebinding). Links to the documentation are allowed.
 * @throws Refusal 403
 */
export function refuseOtherSites({ headers, hostname }: FastifyRequest, isWork: boolean): void {
  if (!isLoopback(hostname.replace(/^\[|\]$/g, ""))) {
    throw new Refusal(403, "usage", "This server answers at 127.0.0.1 and localhost only.");
  }
  if (isWork && headers["sec-fetch-site"] === "cross-site") {
    throw new Refusal(403, "usage", "This server does not answer web pages of other sites.");
  }
}
