import type { LookupAddress } from "node:dns";
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

/** How addresses are found and judged. Tests have their own. */
export interface Network {
  /** The addresses of a host name. */
  addresses(host: string): Promise<readonly LookupAddress[]>;
  isPrivate(address: string): boolean;
}

/** The addresses of the host of a URL. */
export interface Host {
  readonly addresses: readonly LookupAddress[];
  /** Whether one of them is outside the public internet. */
  readonly isPrivate: boolean;
}

/** `details.reason` of an error about a private address. */
export const PRIVATE = "private network";

/** The part of IPv6 that the public internet uses. */
const GLOBAL = ipaddr.IPv6.parseCIDR("2000::/3");

/** IPv6 addresses that stand for an IPv4 address where a network translates (NAT64, RFC 6052). */
const NAT64 = ipaddr.IPv6.parseCIDR("64:ff9b::/96");

/**
 * Whether an IP address is outside the public internet: this machine, its network, link-local (cloud metadata), multicast, or any other range with a
 * special purpose. It can be IPv4, IPv6, or IPv4 inside IPv6. A tunnel (6to4, Teredo) counts as private, whatever it leads to.
 */
export function isPrivateAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return true;
  const found = ipaddr.process(address);
  if (!(found instanceof ipaddr.IPv6)) return found.range() !== "unicast";
  if (found.match(NAT64)) return new ipaddr.IPv4(found.toByteArray().slice(12)).range() !== "unicast";
  return !found.match(GLOBAL) || found.range() !== "unicast";
}

export const internet: Network = {
  addresses: (host) => lookup(host, { all: true }),
  isPrivate: isPrivateAddress,
};

/** Finds the addresses of the host of a URL. @throws errors of the resolver. */
export async function findHost({ hostname }: URL, network: Network = internet): Promise<Host> {
  const host = hostname.replace(/^\[|\]$/g, "");
  const family = isIP(host);
  const addresses = family > 0 ? [{ address: host, family }] : await network.addresses(host);
  return { addresses, isPrivate: addresses.some(({ address }) => network.isPrivate(address)) };
}

/** Whether the host of a URL is, or has, a private address. False for a name that does not resolve: the request itself reports that. */
export async function isPrivateHost(url: URL): Promise<boolean> {
  return findHost(url).then(
    ({ isPrivate }) => isPrivate,
    () => false,
  );
}
