import type { ScopeCatalogue } from '@latchkey/protocol';
import { cidrWithin } from '../address.ts';
import { Failure, invalidField } from '../failure.ts';
import type { Principal } from '../http/index.ts';
import { type Limits, limitsWithin } from '../limits/index.ts';
import { refuseBeyondHeld } from '../scopes/index.ts';

/** What a key may do at most, as far as one key can be wider than another. */
export interface KeyPower {
  scopes: readonly string[];
  environment: 'test' | 'live';
  expiresAtMs: number | null;
  limits: Limits;
  allWorkspaces: boolean;
}

/** A credential that makes, changes or rotates keys: itself, and the limits that it lives under. */
export interface Grantor {
  principal: Principal;
  limits: Limits;
}

/** What the changed key had before: keeping it is no widening. A new key had nothing. */
export interface Before {
  scopes: readonly string[];
  expiresAtMs: number | null;
  limits: Limits;
}

/**
 * When whatever this credential makes must have ended; null for never. A login speaks with the authority of a person,
 * which does not end with its token; the tokens of applications do not outlive themselves by what they make.
 */
export function latestExpiryOf({ method, expiresAtMs }: Principal): number | null {
  return method === 'session' ? null : expiresAtMs;
}

const later = (a: number | null, b: number | null) => b !== null && (a === null || a > b);

/**
 * No credential makes, changes or rotates a key so that it can do more than the credential itself: not in scopes, not
 * in environment, not in lifetime, not in plan (contract §3). `before` is what the key could do already.
 */
export function refuseWider(catalogue: ScopeCatalogue, grantor: Grantor, power: KeyPower, before: Before | null): void {
  const { principal, limits } = grantor;
  if (principal.kind === 'root') return;
  if (principal.environment !== power.environment) {
    throw new Failure('wrong_environment', `A ${principal.environment} key makes ${principal.environment} keys only.`);
  }
  if (power.allWorkspaces) throw invalidField('all_workspaces', 'is given by the root key only');
  refuseBeyondHeld(catalogue, principal, {
    wanted: power.scopes,
    kept: before?.scopes ?? [],
    refusal: 'A key cannot grant what it does not hold',
  });
  const keepsExpiry = before !== null && !later(power.expiresAtMs, before.expiresAtMs);
  if (!keepsExpiry && later(power.expiresAtMs, latestExpiryOf(principal))) {
    throw invalidField('expires_at', 'must not be later than the expiry of the credential that makes it');
  }
  const keepsLimits = before !== null && limitsWithin(power.limits, before.limits);
  if (!keepsLimits && !limitsWithin(power.limits, limits)) {
    throw new Failure('forbidden', 'A key cannot grant a wider plan than it has itself.');
  }
}

/** Whether every address of the one list is in the other; null is every address. */
export function addressesWithin(outer: readonly string[] | null, inner: readonly string[] | null): boolean {
  if (outer === null) return true;
  return inner?.every((each) => outer.some((wide) => cidrWithin(each, wide))) ?? false;
}

/** A key may narrow its own addresses, never widen them. */
export function refuseOwnAddresses(before: readonly string[] | null, after: readonly string[] | null): void {
  if (!addressesWithin(before, after)) throw new Failure('forbidden', 'A key cannot widen its own address allow list.');
}

/** What keys that see every workspace may hold, and no more (contract §3). */
const ACROSS_WORKSPACES = new Set(['api_keys:verify', 'guard:read', 'tokens:introspect', 'usage:read']);

export function refuseAcrossWorkspaces(scopes: readonly string[]): void {
  const beyond = scopes.filter((scope) => !ACROSS_WORKSPACES.has(scope));
  if (beyond.length > 0) {
    throw invalidField('scopes', `a key for all workspaces holds at most ${[...ACROSS_WORKSPACES].join(', ')}`);
  }
}

/** A restricted key manages nothing (contract §3). */
export function refuseManagementWrite(catalogue: ScopeCatalogue, scopes: readonly string[]): void {
  for (const name of catalogue.expand(scopes)) {
    if (catalogue.get(name)?.kind === 'management' && name.endsWith(':write')) {
      throw invalidField('scopes', `a restricted key cannot hold ${name}`);
    }
  }
}
