import { WhyboxError } from "@whybox/core";
import { isAddress } from "../images/named-source.js";
import { isPrivateHost, PRIVATE } from "../io/private-address.js";

/**
 * Refuses videos and streams at private addresses: ffmpeg opens them. A list of URLs may come from an untrusted source, so only the user may allow
 * private addresses. Images are checked where they are fetched.
 * @throws download for an address in a private network.
 */
export async function refusePrivate(location: string): Promise<void> {
  if (!isAddress(location) || !(await isPrivateHost(new URL(location)))) return;
  const message = `${location} is an address in a private network.`;
  throw withPrivateHint(new WhyboxError("download", message, { details: { url: location, reason: PRIVATE } }));
}

/** Adds the option that allows private addresses to an error about one. */
export function withPrivateHint(error: unknown): unknown {
  if (!(error instanceof WhyboxError) || error.details.reason !== PRIVATE) return error;
  return new WhyboxError(error.code, `${error.message} Use --allow-private to allow it.`, { details: error.details });
}
