// The one place in the server where compact JWS (RFC 7515 §7.1) is signed, taken apart and verified; compared with jose
// by tests.
import type { KeyObject } from 'node:crypto';
import type { Algorithm } from './algorithms.ts';

export type JsonObject = Record<string, unknown>;

/** A compact JWS taken apart; nothing in it is proven. */
export interface ParsedJws {
  header: JsonObject;
  /** Base64url, as it came. */
  payload: string;
  signingInput: Buffer;
  signature: Buffer;
}

/** Longer texts are refused before anything is decoded. */
export const MAX_JWS_LENGTH = 16_384;

const SEGMENT = /^[A-Za-z0-9_-]+$/;
/** Which last letters leave no bit unused, by the length of the text modulo 4 (RFC 4648 §3.5). */
const LAST_LETTERS: Record<number, string> = { 2: 'AQgw', 3: 'AEIMQUYcgkosw048' };

/** Whether a text is the one base64url spelling of its bytes: two spellings would be two tokens of one signature. */
function isCanonical(segment: string): boolean {
  const rest = segment.length % 4;
  if (rest === 1 || !SEGMENT.test(segment)) return false;
  return rest === 0 || (LAST_LETTERS[rest]?.includes(segment.at(-1) ?? '') ?? false);
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const STRINGS = /"(?:[^"\\]|\\.)*"(\s*:)?/g;

function countMembers(value: unknown): number {
  const open = [value];
  let count = 0;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next !== 'object' || next === null) continue;
    const values = Object.values(next);
    if (!Array.isArray(next)) count += values.length;
    for (const inner of values) open.push(inner);
  }
  return count;
}

/** RFC 7515 §4, RFC 7519 §4: members stand once. `JSON.parse` would keep the last of two, other parsers the first. */
function hasDuplicates(json: string, value: JsonObject): boolean {
  let names = 0;
  for (const [, colon] of json.matchAll(STRINGS)) if (colon !== undefined) names += 1;
  return names !== countMembers(value);
}

/** The JSON object in a base64url segment; null when it is none, is not UTF-8, or names a member twice. */
export function readJsonSegment(segment: string): JsonObject | null {
  try {
    const json = utf8.decode(Buffer.from(segment, 'base64url'));
    const value: unknown = JSON.parse(json);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
    return hasDuplicates(json, value as JsonObject) ? null : (value as JsonObject);
  } catch {
    return null;
  }
}

/** Takes a compact JWS apart; null when it is none, is too long, or is written in any but the one canonical way. */
export function parseCompactJws(text: string): ParsedJws | null {
  if (text.length > MAX_JWS_LENGTH) return null;
  const [protectedHeader, payload, signature, ...more] = text.split('.', 4);
  if (protectedHeader === undefined || payload === undefined || signature === undefined || more.length > 0) return null;
  if (!isCanonical(protectedHeader) || !isCanonical(payload) || !isCanonical(signature)) return null;
  const header = readJsonSegment(protectedHeader);
  if (!header) return null;
  const signingInput = Buffer.from(`${protectedHeader}.${payload}`, 'latin1');
  return { header, payload, signingInput, signature: Buffer.from(signature, 'base64url') };
}

/**
 * Whether the signature is this key's. `algorithm` is the key's own: what the header says is compared with it by the
 * caller and chooses nothing.
 */
export function verifyCompactJws(jws: ParsedJws, algorithm: Algorithm, publicKey: KeyObject): boolean {
  return algorithm.fits(publicKey) && algorithm.verify(jws.signingInput, jws.signature, publicKey);
}

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Signs claims under one key: `typ` says what kind of token it is, `kid` which key verifies it. */
export function createCompactSigner(
  algorithm: Algorithm,
  kid: string,
  privateKey: KeyObject,
): (typ: string, claims: object) => string {
  if (!algorithm.fits(privateKey)) throw new Error(`the key ${kid} is none for ${algorithm.name}`);
  const headers = new Map<string, string>();
  return (typ, claims) => {
    let header = headers.get(typ);
    if (header === undefined) {
      header = encode({ alg: algorithm.name, typ, kid });
      headers.set(typ, header);
    }
    const input = `${header}.${encode(claims)}`;
    return `${input}.${algorithm.sign(Buffer.from(input, 'latin1'), privateKey).toString('base64url')}`;
  };
}
