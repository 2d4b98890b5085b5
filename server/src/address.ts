import { BlockList, isIP, isIPv4, SocketAddress } from 'node:net';

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/;
const WITH_PORT = /^(?:\[([^\]]+)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+):\d+)$/;

/** One spelling for each address, so that lists and limits can compare text; null for what is no address. */
export function canonicalAddress(text: string): string | null {
  if (isIPv4(text)) return text;
  const [, ipv6, ipv4] = WITH_PORT.exec(text) ?? [];
  const address = (ipv6 ?? ipv4 ?? text).split('%', 1)[0] ?? '';
  if (isIP(address) !== 6) return isIPv4(address) ? address : null;
  const canonical = new SocketAddress({ address, family: 'ipv6' }).address;
  return MAPPED.exec(canonical)?.[1] ?? canonical;
}

/** A network as `address/prefix`, in one spelling, with the bits beyond the prefix as given; null for what is none. */
export function parseCidr(text: string): { address: string; prefix: number; family: 'ipv4' | 'ipv6' } | null {
  const [written = '', bits, ...rest] = text.split('/');
  if (rest.length > 0 || isIP(written) === 0 || (bits !== undefined && !/^\d{1,3}$/.test(bits))) return null;
  const address = canonicalAddress(written);
  if (address === null) return null;
  const family = isIPv4(address) ? 'ipv4' : 'ipv6';
  // ::ffff:10.0.0.0/104 is 10.0.0.0/8 by its other name.
  const isMapped = family === 'ipv4' && isIP(written) === 6;
  const width = family === 'ipv4' ? 32 : 128;
  const prefix = (bits === undefined ? (isMapped ? 128 : width) : Number(bits)) - (isMapped ? 96 : 0);
  return prefix >= 0 && prefix <= width ? { address, prefix, family } : null;
}

/** A set of networks that answers for an address in any spelling. */
export interface AddressList {
  has(address: string): boolean;
}

/** Throws on a text that is no network: lists are checked before they are stored. */
export function addressList(cidrs: readonly string[]): AddressList {
  const list = new BlockList();
  for (const text of cidrs) {
    const cidr = parseCidr(text);
    if (!cidr) throw new Error('a stored address list holds what is no network');
    list.addSubnet(cidr.address, cidr.prefix, cidr.family);
  }
  return {
    has: (text) => {
      const address = canonicalAddress(text);
      return address !== null && list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
    },
  };
}

/** Whether every address of one network is in the other. */
export function cidrWithin(inner: string, outer: string): boolean {
  const [a, b] = [parseCidr(inner), parseCidr(outer)];
  if (!a || !b || a.family !== b.family || a.prefix < b.prefix) return false;
  return addressList([outer]).has(a.address);
}

/** What counts as one caller without a credential: an IPv4 address, or an IPv6 /64, which is one customer. */
export function addressGroup(address: string): string {
  if (isIPv4(address)) return address;
  const canonical = canonicalAddress(address);
  if (canonical === null || isIPv4(canonical)) return canonical ?? 'unknown';
  const [head = '', tail] = canonical.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : new Array<string>(8 - left.length - right.length).fill('0');
  return `${[...left, ...zeros, ...right].slice(0, 4).join(':')}::/64`;
}
