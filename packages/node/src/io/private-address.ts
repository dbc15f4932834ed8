import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";

/**
 * Addresses outside the public internet: this machine, its network, link-local (cloud metadata), multicast.
 * Source: IANA's special-purpose registries.
 */
const PRIVATE = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "224.0.0.0/3",
  "::/127",
  "64:ff9b::/96",
  "fc00::/7",
  "fe80::/10",
  "ff00::/8",
] as const;

/** Whether an IP address is outside the public internet. It can be IPv4, IPv6, or IPv4 inside IPv6. */
export function isPrivateAddress(address: string): boolean {
  const blocked = new BlockList();
  for (const range of PRIVATE) {
    const [network = "", bits] = range.split("/");
    blocked.addSubnet(network, Number(bits), network.includes(":") ? "ipv6" : "ipv4");
  }
  return blocked.check(address, address.includes(":") ? "ipv6" : "ipv4");
}

/**
 * Whether the host of a URL is a private address, or its name resolves to one. False for a name that does not resolve: the
 * request itself reports that.
 */
export async function isPrivateHost(url: URL): Promise<boolean> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (isIP(host) > 0) return isPrivateAddress(host);
  const found = await lookup(host, { all: true }).catch(() => []);
  return found.some(({ address }) => isPrivateAddress(address));
}
