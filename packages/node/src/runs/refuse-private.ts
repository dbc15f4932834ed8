import { WhyboxError } from "@whybox/core";
import { isAddress } from "../images/named-source.js";
import { isPrivateHost } from "../io/private-address.js";

/**
 * Refuses private addresses. A list of URLs may come from an untrusted source, so only the user may allow private addresses.
 * @throws download for an address in a private network.
 */
export async function refusePrivate(location: string): Promise<void> {
  if (!isAddress(location) || !(await isPrivateHost(new URL(location)))) return;
  const message = `${location} is an address in a private network. Use --allow-private to allow it.`;
  throw new WhyboxError("download", message, { details: { url: location } });
}
