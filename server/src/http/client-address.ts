import { canonicalAddress } from '../address.ts';

export { canonicalAddress };

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
