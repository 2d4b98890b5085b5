import { readSecret } from '@latchkey/protocol';
import { parseCidr } from '../address.ts';
import type { EncryptionKey } from '../crypto/index.ts';

const ENTRY = /^([A-Za-z0-9._-]{1,64}):([A-Za-z0-9+/]{43}=)$/;

/** `id:base64(32 bytes)`, comma-separated. Messages never repeat the value. */
export function parseEncryptionKeys(text: string): EncryptionKey[] {
  const keys = text.split(',').map((entry, index) => {
    const [, id, encoded] = ENTRY.exec(entry.trim()) ?? [];
    if (!id || !encoded) throw new Error(`has an entry (number ${index + 1}) that is not id:base64 of 32 bytes`);
    const bytes = new Uint8Array(Buffer.from(encoded, 'base64'));
    if (new Set(bytes).size < 8) throw new Error(`has an entry (number ${index + 1}) that is not random`);
    return { id, bytes };
  });
  if (new Set(keys.map(({ id }) => id)).size < keys.length) throw new Error('uses one id twice');
  return keys;
}

/** One root key, or two while rotating. */
export function parseRootKeys(text: string): string[] {
  const keys = text.split(',').map((key) => key.trim());
  if (keys.length > 2) throw new Error('holds more than two keys');
  if (keys.some((key) => readSecret(key) !== 'root')) throw new Error('is not an lk_root_ key with a valid checksum');
  return keys;
}

/** An absolute http(s) URL that can stand in front of a path and be compared byte for byte (RFC 8414 §2). */
export function parseIssuer(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !/^https?:$/.test(url.protocol)) throw new Error('is not an absolute http or https URL');
  if (url.search || url.hash || text.endsWith('/') || url.username || url.password || /[?#\s]/.test(text)) {
    throw new Error('has a query, a fragment, credentials or a final slash');
  }
  return text;
}

/** A hop count from 1 to 32, or CIDRs and addresses. */
export function parseTrustProxy(text: string): number | string[] {
  if (/^\d{1,2}$/.test(text)) {
    const hops = Number(text);
    if (hops < 1 || hops > 32) throw new Error('is not a hop count from 1 to 32');
    return hops;
  }
  return parseCidrs(text, 'is neither a hop count nor a comma list of CIDRs');
}

function parseCidrs(text: string, complaint: string): string[] {
  const cidrs = text.split(',').map((entry) => entry.trim());
  if (!cidrs.every((cidr) => parseCidr(cidr))) throw new Error(complaint);
  return cidrs;
}

/** CIDRs and addresses, or `none`. */
export function parseOutboundAllow(text: string): string[] {
  return text.toLowerCase() === 'none' ? [] : parseCidrs(text, 'is not a comma list of CIDRs');
}

export function parseSmtpUrl(text: string): string {
  if (!/^smtps?:\/\//.test(text) || !URL.canParse(text) || new URL(text).hostname === '') {
    throw new Error('is not an smtp:// or smtps:// URL');
  }
  return text;
}

/** `ada@example.com` or `Latchkey <ada@example.com>`: no line break can add a header. */
export function parseMailFrom(text: string): string {
  if (!/^(?:[^<>\p{C}]{1,100}<[^<>@\s]+@[^<>@\s]+>|[^<>@\s]+@[^<>@\s]+)$/u.test(text)) {
    throw new Error('is neither an address nor a name with an address in <>');
  }
  return text;
}

export function parseRedisUrl(text: string): string {
  if (!/^rediss?:\/\//.test(text) || !URL.canParse(text)) throw new Error('is not a redis:// URL');
  return text;
}
