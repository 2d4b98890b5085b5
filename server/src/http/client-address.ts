import { isIP, isIPv4, SocketAddress } from 'node:net';

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

interface AddressedRequest {
  ip: string | undefined;
  raw: { socket?: { remoteAddress?: string | undefined } };
}

/** Who called, behind the proxies that are trusted. What such a proxy calls its client and is no address: the proxy. */
export function clientAddress(request: AddressedRequest): string {
  const peer = () => canonicalAddress(request.raw.socket?.remoteAddress ?? '') ?? '';
  return canonicalAddress(request.ip ?? '') ?? peer();
}

export type TrustProxy = number | string[] | false;

/** Fastify's `trustProxy`. It believes no bare hop count any more, so ours is a function: the nearest hops are proxies. */
export function trustedProxies(trust: TrustProxy): string[] | false | ((address: string, hop: number) => boolean) {
  return typeof trust === 'number' ? (_address, hop) => hop < trust : trust;
}
