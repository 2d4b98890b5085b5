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

/** Why an assertion is none: a word for the log, and what whoever signs it can mend. It tells of the text alone. */
export class AssertionProblem {
  readonly reason: string;
  readonly description: string;
  constructor(reason: string, description: string) {
    this.reason = reason;
    this.description = description;
  }
}

const problem = (reason: string, description: string) =>
  new AssertionProblem(reason, `The client assertion ${description}`);

function headerFits({ alg, typ, crit, b64 }: JsonObject): boolean {
  if (typeof alg !== 'string' || crit !== undefined || b64 !== undefined) return false;
  return typ === undefined || (typeof typ === 'string' && TYPES.has(typ.toLowerCase()));
}

/** Our issuer, and nobody beside it: an assertion for another server, or for a path of ours, is not for us (C5). */
function isForUs(aud: unknown, issuer: string): boolean {
  return Array.isArray(aud) ? aud.length === 1 && aud[0] === issuer : aud === issuer;
}

function problemOfTimes({ exp, iat, nbf }: JsonObject, nowSeconds: number): AssertionProblem | null {
  if (!isTime(exp)) return problem('exp', 'needs exp: seconds since 1970, a number.');
  if (exp <= nowSeconds - LEEWAY_SECONDS) return problem('expired', 'has expired: its exp is in the past.');
  for (const each of [iat, nbf]) {
    if (each === undefined || (isTime(each) && each <= nowSeconds + LEEWAY_SECONDS)) continue;
    return problem('not_yet', 'has an iat or nbf in the future, or one that is no number of seconds since 1970.');
  }
  const from = isTime(iat) ? iat : nowSeconds;
  const isShort =
    exp - from <= LONGEST_ASSERTION_SECONDS && exp <= nowSeconds + LONGEST_ASSERTION_SECONDS + LEEWAY_SECONDS;
  if (isShort) return null;
  return problem('exp_too_far', `lives too long: exp may be ${LONGEST_ASSERTION_SECONDS} seconds after iat at most.`);
}

function problemOfClaims(claims: JsonObject, issuer: string, nowSeconds: number): AssertionProblem | null {
  const { iss, sub, aud, jti } = claims;
  if (typeof iss !== 'string' || iss === '' || iss !== sub)
    return problem('iss', 'needs the client_id as iss and sub.');
  if (!isForUs(aud, issuer)) return problem('aud', `is for another audience: aud must be ${issuer} and nothing else.`);
  if (typeof jti !== 'string' || jti === '' || jti.length > LONGEST_JTI) {
    return problem('jti', `needs a jti of 1 to ${LONGEST_JTI} characters, a new one each time.`);
  }
  return problemOfTimes(claims, nowSeconds);
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
 * Reads a client assertion (RFC 7523 §3, RFC 7521 §4.2): form, header, `iss` = `sub`, one `aud`, times, `jti`. What is
 * wrong with it, where it is none. Its signature is verified by who has the client's key.
 */
export function readAssertion(
  text: string,
  { issuer, nowMs, restoredAtMs }: { issuer: string; nowMs: number; restoredAtMs: number | null },
): ClientAssertion | AssertionProblem {
  const jws = parseCompactJws(text);
  const claims = jws && readJsonObject(jws.payload);
  if (!jws || !claims) return problem('form', 'cannot be read as a signed JWT.');
  if (!headerFits(jws.header))
    return problem('header', 'has a header that is not taken: alg; typ JWT or none; no crit.');
  const found = problemOfClaims(claims, issuer, nowMs / 1000);
  if (found) return found;
  const times = { exp: Number(claims.exp), iat: isTime(claims.iat) ? claims.iat : null };
  // What was used before the restore, and after the backup, is known to nobody any more.
  if (restoredAtMs !== null && mayBeOlder(restoredAtMs / 1000, times, LONGEST_ASSERTION_SECONDS)) {
    return problem(
      'before_restore',
      'may be older than the backup that this server was restored from; make a new one.',
    );
  }
  const { header } = jws;
  const [clientId, jti] = [String(claims.iss), String(claims.jti)];
  return { text, jws, alg: String(header.alg), kid: header.kid, clientId, jti, expSeconds: times.exp };
}
