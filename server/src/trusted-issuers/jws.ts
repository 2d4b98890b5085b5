import type { KeyObject } from 'node:crypto';
import { type JsonObject, parseCompactJws, readJsonObject } from '../signing-keys/index.ts';
import { notAccepted } from './refusal.ts';

/** A JWT of somebody else, taken apart; nothing in it is proven. */
export interface ForeignJwt {
  readonly text: string;
  readonly header: JsonObject;
  readonly alg: string;
  readonly claims: JsonObject;
  /** What its signature is over: a signature may be written in more than one way, this may not. */
  readonly signingInput: Buffer;
}

/** RFC 8725 §3.11, RFC 9068 §2.1: which kinds of others' tokens are credentials. Absent is a plain JWT. */
const CREDENTIAL_TYPES = /^(?:application\/)?(?:jwt|at\+jwt)$/i;
/** RFC 7523bis: an assertion may say that it is a grant; never that it is an access token, or proves a client. */
const ASSERTION_TYPES = /^(?:application\/)?(?:jwt|authorization-grant\+jwt)$/i;

const TYPES = { credential: CREDENTIAL_TYPES, assertion: ASSERTION_TYPES };

/** What would change how the rest is read (RFC 7515 §4.1.11, RFC 7797, RFC 7516 §4.1.3). */
const REFUSED_MEMBERS = ['crit', 'b64', 'zip', 'enc'];

/**
 * Takes a JWT of somebody else apart. Keys and addresses in its header are not looked at (security F4). Throws
 * `invalid_token`.
 */
export function readForeignJwt(text: string, use: keyof typeof TYPES): ForeignJwt {
  const jws = parseCompactJws(text);
  if (!jws) throw notAccepted('it is no JWT in compact form');
  const { header, signingInput } = jws;
  if (REFUSED_MEMBERS.some((name) => header[name] !== undefined)) throw notAccepted('its header wants an extension');
  const { alg, typ = 'JWT' } = header;
  if (typeof alg !== 'string') throw notAccepted('its header names no alg');
  if (typeof typ !== 'string' || !TYPES[use].test(typ)) throw notAccepted(`it is not of a kind that is a ${use} (typ)`);
  const claims = readJsonObject(jws.payload);
  if (!claims) throw notAccepted('its payload is no JSON object');
  return { text, header, alg, claims, signingInput };
}

/** Whether this key has signed it under the algorithm that was chosen for the key. */
export async function isSignedBy({ text }: ForeignJwt, alg: string, key: KeyObject): Promise<boolean> {
  const { compactVerify } = await import('jose');
  return compactVerify(text, key, { algorithms: [alg] }).then(
    () => true,
    () => false,
  );
}
