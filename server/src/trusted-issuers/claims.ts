import type { JsonObject } from '../signing-keys/index.ts';
import { LEEWAY_SECONDS } from '../tokens/index.ts';
import { notAccepted } from './refusal.ts';

/** The last second of the year 9999: no later time can be shown. */
const LAST_TIME = 253_402_300_799;
const LONGEST_SUBJECT = 255;
const HIDDEN = /\p{C}/u;

/** The times of a JWT (RFC 7519 §4.1), in seconds. */
export interface Times {
  exp: number;
  nbf: number | null;
  iat: number | null;
}

/** A NumericDate; null when it is absent. Throws for what is no time (security F13). */
function timeIn(claims: JsonObject, name: string): number | null {
  const value = claims[name];
  if (value === undefined) return null;
  if (typeof value !== 'number' || !(value >= 0 && value <= LAST_TIME)) throw notAccepted(`${name} is no time`);
  return value;
}

export function timesOf(claims: JsonObject): Times {
  const exp = timeIn(claims, 'exp');
  if (exp === null) throw notAccepted('exp is missing');
  const times = { exp, nbf: timeIn(claims, 'nbf'), iat: timeIn(claims, 'iat') };
  if (times.iat !== null && exp <= times.iat) throw notAccepted('exp is not after iat');
  return times;
}

/** Refuses what is not valid yet; what has expired is left to who takes it. */
export function refuseFuture({ nbf, iat }: Times, nowMs: number): void {
  if (Math.max(nbf ?? 0, iat ?? 0) * 1000 > nowMs + LEEWAY_SECONDS * 1000) {
    throw notAccepted('nbf or iat is in the future');
  }
}

/** `aud` as a list; empty when it is absent (RFC 7519 §4.1.3). */
export function audiencesOf({ aud }: JsonObject): readonly string[] {
  if (aud === undefined) return [];
  const list = Array.isArray(aud) ? aud : [aud];
  if (list.length === 0 || !list.every((each) => typeof each === 'string')) throw notAccepted('aud is no audience');
  return list as string[];
}

/** Somebody else's word for who it is about. */
export function subjectOf({ sub }: JsonObject): string {
  if (typeof sub !== 'string' || sub === '' || sub.length > LONGEST_SUBJECT || HIDDEN.test(sub)) {
    throw notAccepted('sub is missing, too long, or no text');
  }
  return sub;
}

/** Claims that make a token one of another kind: proven by a key that is not presented here, or about a logout. */
export function refuseOtherKinds({ cnf, events }: JsonObject): void {
  if (cnf !== undefined) throw notAccepted('it is bound to a key (cnf)');
  if (events !== undefined) throw notAccepted('it is about an event');
}

const textsIn = (value: unknown): string[] => {
  if (typeof value === 'string') return value.split(' ');
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
};

/** Whether a token tells what it may do, be that nothing; an issuer with a claim of its own always does. */
export function tellsScopes(claims: JsonObject, scopeClaim: string | null): boolean {
  return scopeClaim !== null || claims.scope !== undefined || claims.scopes !== undefined;
}

/** Scopes as a token writes them: `scope`, a text, and `scopes`, a list; or the one claim that its issuer uses. */
export function scopesIn(claims: JsonObject, scopeClaim: string | null): string[] {
  const values = scopeClaim === null ? [claims.scope, claims.scopes] : [claims[scopeClaim]];
  return [...new Set(values.flatMap(textsIn).filter((scope) => scope !== ''))];
}
