import { WhyboxError } from "@whybox/core";
import { isAddress } from "../images/named-source.js";
import { isPrivateHost } from "../io/private-address.js";

/**
 * A list of addresses may come from anybody; only the person who runs it may say that private ones are meant.
 * @throws download for an address of a private network.
 */
export async function refusePrivate(location: string): Promise<void> {
  if (!isAddress(location) || !(await isPrivateHost(new URL(location)))) return;
  const message = `${location} is an address of a private network. Give --allow-private if it is meant.`;
  throw new WhyboxError("download", message, { details: { url: location } });
}
