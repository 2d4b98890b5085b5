// The one place in the server where compact JWS (RFC 7515 §7.1) is signed, taken apart and verified; compared with jose
// by tests.
import type { KeyObject } from 'node:crypto';
import type { Algorithm } from './algorithms.ts';

export type JsonObject = Record<string, unknown>;

/** A compact JWS taken apart; nothing in it is proven. */
export interface ParsedJws {
  header: Readonly<JsonObject>;
  payload: Buffer;
  signingInput: Buffer;
  signature: Buffer;
}

/** Longer texts are refused before anything is decoded. */
export const MAX_JWS_LENGTH = 16_384;

/** The bytes of a text that is their one base64url spelling, else null: two spellings would be two tokens of one signature. */
function bytesOf(segment: string): Buffer | null {
  if (segment === '') return null;
  const bytes = Buffer.from(segment, 'base64url');
  return bytes.toString('base64url') === segment ? bytes : null;
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
  // Nothing is lost in what comes out again as it was: so is all that we write ourselves.
  if (JSON.stringify(value) === json) return false;
  let names = 0;
  for (const [, colon] of json.matchAll(STRINGS)) if (colon !== undefined) names += 1;
  return names !== countMembers(value);
}

/** The JSON object in a segment's bytes; null when it is none, is not UTF-8, or names a member twice. */
export function readJsonObject(bytes: Buffer): JsonObject | null {
  try {
    const json = utf8.decode(bytes);
    const value: unknown = JSON.parse(json);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
    return hasDuplicates(json, value as JsonObject) ? null : (value as JsonObject);
  } catch {
    return null;
  }
}

const MAX_HEADERS = 100;
/** Ours take some hundred letters; a longer one is read, and not kept. */
const MAX_KEPT_LENGTH = 200;

/** Our own headers are a few texts, over and over: each is read once. */
function createReadHeader(): (segment: string) => Readonly<JsonObject> | null {
  const known = new Map<string, Readonly<JsonObject>>();
  return (segment) => {
    const before = known.get(segment);
    if (before !== undefined) return before;
    const bytes = bytesOf(segment);
    const header = bytes && readJsonObject(bytes);
    if (bytes === null || header === null || segment.length > MAX_KEPT_LENGTH) return header;
    if (known.size >= MAX_HEADERS) known.clear();
    // Not the segment itself, which is a part of the token's text and would keep it in memory.
    known.set(bytes.toString('base64url'), Object.freeze(header));
    return header;
  };
}

const readHeader = createReadHeader();

/** Takes a compact JWS apart; null when it is none, is too long, or is written in any but the one canonical way. */
export function parseCompactJws(text: string): ParsedJws | null {
  if (text.length > MAX_JWS_LENGTH) return null;
  const [first, second, third, ...more] = text.split('.', 4);
  if (first === undefined || second === undefined || third === undefined || more.length > 0) return null;
  const [header, payload, signature] = [readHeader(first), bytesOf(second), bytesOf(third)];
  if (!header || !payload || !signature) return null;
  const signingInput = Buffer.from(text.slice(0, first.length + 1 + second.length), 'latin1');
  return { header, payload, signingInput, signature };
}

/**
 * Whether the signature is this key's. `algorithm` is the key's own: what the header says is compared with it by the
 * caller and chooses nothing.
 */
export function verifyCompactJws(jws: ParsedJws, algorithm: Algorithm, publicKey: KeyObject): boolean {
  if (FITTING.get(publicKey) !== algorithm) {
    if (!algorithm.fits(publicKey)) return false;
    FITTING.set(publicKey, algorithm);
  }
  return algorithm.verify(jws.signingInput, jws.signature, publicKey);
}

/** A key never changes: whether it fits is asked of it once. */
const FITTING = new WeakMap<KeyObject, Algorithm>();

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
