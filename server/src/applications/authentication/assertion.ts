import { type JsonObject, type ParsedJws, parseCompactJws, readJsonObject } from '../../signing-keys/index.ts';
import { LEEWAY_SECONDS } from '../../tokens/index.ts';

/** An assertion lives five minutes at most (RFC 7523 §3, security C7). */
export const LONGEST_ASSERTION_SECONDS = 300;
const LONGEST_JTI = 200;

/** RFC 7523bis §4 says `client-authentication+jwt`; before it nobody said anything. An access token is never one. */
const TYPES = new Set(['jwt', 'client-authentication+jwt', 'application/client-authentication+jwt']);

/** What a client says of itself, not proven yet. */
export interface ClientAssertion {
  readonly text: string;
  readonly jws: ParsedJws;
  readonly alg: string;
  readonly kid: unknown;
  readonly clientId: string;
  readonly jti: string;
  readonly expSeconds: number;
}

const isTime = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value) && value >= 0;

function headerFits({ alg, typ, crit, b64 }: JsonObject): boolean {
  if (typeof alg !== 'string' || crit !== undefined || b64 !== undefined) return false;
  return typ === undefined || (typeof typ === 'string' && TYPES.has(typ.toLowerCase()));
}

/** Our issuer, and nobody beside it: an assertion for another server, or for a path of ours, is not for us (C5). */
function isForUs(aud: unknown, issuer: string): boolean {
  return Array.isArray(aud) ? aud.length === 1 && aud[0] === issuer : aud === issuer;
}

function timesFit({ exp, iat, nbf }: JsonObject, nowSeconds: number): boolean {
  if (!isTime(exp) || exp <= nowSeconds - LEEWAY_SECONDS) return false;
  for (const each of [iat, nbf]) {
    if (each !== undefined && (!isTime(each) || each > nowSeconds + LEEWAY_SECONDS)) return false;
  }
  const from = isTime(iat) ? iat : nowSeconds;
  return exp - from <= LONGEST_ASSERTION_SECONDS && exp <= nowSeconds + LONGEST_ASSERTION_SECONDS + LEEWAY_SECONDS;
}

/**
 * Whether an assertion may have been made, and so used, before a moment: by its `iat`, else by the longest life that it
 * may have. In seconds. Clocks differ by the leeway. Pure.
 */
export function mayBeOlder(
  than: number,
  { exp, iat }: { exp: number; iat: number | null },
  longestSeconds: number,
): boolean {
  const madeAt = iat ?? exp - longestSeconds - LEEWAY_SECONDS;
  return madeAt - LEEWAY_SECONDS < than;
}

/**
 * Reads a client assertion (RFC 7523 §3, RFC 7521 §4.2): form, header, `iss` = `sub`, one `aud`, times, `jti`. Null for
 * what is none. Its signature is verified by who has the client's key.
 */
export function readAssertion(
  text: string,
  { issuer, nowMs, restoredAtMs }: { issuer: string; nowMs: number; restoredAtMs: number | null },
): ClientAssertion | null {
  const jws = parseCompactJws(text);
  const claims = jws && readJsonObject(jws.payload);
  if (!jws || !claims || !headerFits(jws.header)) return null;
  const { iss, sub, aud, jti, exp } = claims;
  if (typeof iss !== 'string' || iss === '' || iss !== sub || !isForUs(aud, issuer)) return null;
  if (typeof jti !== 'string' || jti === '' || jti.length > LONGEST_JTI) return null;
  if (!timesFit(claims, nowMs / 1000)) return null;
  const times = { exp: Number(exp), iat: isTime(claims.iat) ? claims.iat : null };
  // What was used before the restore, and after the backup, is known to nobody any more.
  if (restoredAtMs !== null && mayBeOlder(restoredAtMs / 1000, times, LONGEST_ASSERTION_SECONDS)) return null;
  return { text, jws, alg: String(jws.header.alg), kid: jws.header.kid, clientId: iss, jti, expSeconds: times.exp };
}
