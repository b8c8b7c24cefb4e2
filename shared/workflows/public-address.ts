/**
 * Which addresses a tenant's URL may lead to: those of the public internet. A name is resolved once, and the connection goes to
 * the address that was checked. Source: IANA special-purpose address registries, RFC 6890.
 */
import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';

export interface Address {
  readonly address: string;
  readonly family: 4 | 6;
}

/** Two lists: a list holds IPv4 addresses against its IPv6 networks too, as mapped ones. */
const SPECIAL_4 = new BlockList();
const SPECIAL_6 = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const)
  SPECIAL_4.addSubnet(network, prefix, 'ipv4');
/** All that is not global unicast, and of that what leads to IPv4 addresses or is documentation. */
for (const [network, prefix] of [
  ['::', 3],
  ['4000::', 2],
  ['8000::', 1],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const)
  SPECIAL_6.addSubnet(network, prefix, 'ipv6');

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

export function isPublic({ address, family }: Address): boolean {
  return !(family === 6 ? SPECIAL_6.check(address, 'ipv6') : SPECIAL_4.check(address, 'ipv4'));
}

export function isLoopback({ address, family }: Address): boolean {
  return LOOPBACK.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

/** The address that a URL's host is, where it is no name. */
export function literalAddress(hostname: string): Address | undefined {
  const address = hostname.replace(/^\[(.*)\]$/, '$1');
  const family = isIP(address);
  return family === 4 || family === 6 ? { address, family } : undefined;
}

/** An address of the host. @throws {Error} where one of its addresses is not public: it could be chosen at the next lookup */
export async function resolvePublic(hostname: string, options: { allowLoopback: boolean }): Promise<Address> {
  const literal = literalAddress(hostname);
  const found = literal === undefined ? await lookup(hostname, { all: true }) : [literal];
  const addresses = found.map(({ address, family }): Address => ({ address, family: family === 6 ? 6 : 4 }));
  const isAllowed = (address: Address) => isPublic(address) || (options.allowLoopback && isLoopback(address));
  const [first] = addresses;
  if (first === undefined || !addresses.every(isAllowed)) throw new Error(`${hostname} has no public address`);
  return first;
}
