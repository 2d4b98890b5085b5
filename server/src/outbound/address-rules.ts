import { BlockList, isIP } from 'node:net';
import { addressList, canonicalAddress } from '../address.ts';

/** What is no public host by IANA's registry of special IPv4 addresses (RFC 6890), and multicast. */
const NOT_PUBLIC_IPV4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
];

/**
 * Public IPv6 addresses are in 2000::/3 alone: loopback, unique local, link-local, multicast, mapped and NAT64 ones are
 * not. Of 2000::/3, what carries an IPv4 address inside (Teredo, 6to4) or is for protocols and documents is none either.
 */
const NOT_PUBLIC_IPV6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

const notPublic = addressList([...NOT_PUBLIC_IPV4, ...NOT_PUBLIC_IPV6]);
const globalIPv6 = new BlockList();
globalIPv6.addSubnet('2000::', 3, 'ipv6');

/** Whether an address is one of the public internet, in any spelling. False for what is no address. */
export function isPublicAddress(text: string): boolean {
  const address = canonicalAddress(text);
  if (address === null || notPublic.has(address)) return false;
  return isIP(address) === 4 || globalIPv6.check(address, 'ipv6');
}
