import type { ScopeCatalogue } from '@latchkey/protocol';
import { Failure, invalidField } from '../failure.ts';
import type { Principal } from '../http/index.ts';
import { type Limits, limitsWithin } from '../limits/index.ts';
import { refuseBeyondHeld } from '../scopes/index.ts';
import type { ApplicationSettings } from './settings.ts';

/** A credential that makes or changes applications: itself, and the limits that it lives under. */
export interface ApplicationGrantor {
  principal: Principal;
  limits: Limits;
}

/**
 * When whatever this credential makes must have ended; null for never. A login speaks with the authority of a person,
 * which does not end with its token.
 */
export function latestExpiryOf({ method, expiresAtMs }: Principal): number | null {
  return method === 'session' ? null : expiresAtMs;
}

/**
 * No credential gives an application more than it holds itself: not in scopes, not in environment, not in lifetime, not in
 * plan (contract §3, security J12). What concerns only who consents (`openid`, `email` …) is nobody's to hold.
 */
export function refuseWiderApplication(
  catalogue: ScopeCatalogue,
  { principal, limits }: ApplicationGrantor,
  settings: ApplicationSettings,
  own: Limits,
): void {
  if (principal.kind === 'root') return;
  refuseOtherEnvironment(principal, settings);
  if (settings.consent === 'skip') throw rootOnly();
  const powers = settings.scopes.filter((scope) => catalogue.get(scope)?.kind !== 'identity');
  const refusal = 'An application cannot be given what its maker does not hold';
  refuseBeyondHeld(catalogue, principal, { wanted: powers, kept: [], refusal });
  if (!limitsWithin(own, limits)) {
    throw new Failure('forbidden', 'An application cannot be given a wider plan than its maker has.');
  }
  const hasKeys = settings.jwks !== null || settings.jwksUri !== null;
  if (hasKeys && latestExpiryOf(principal) !== null) {
    throw invalidField(settings.jwks === null ? 'jwks_uri' : 'jwks', 'cannot be given by a credential that expires');
  }
}

export function rootOnly(): Failure {
  return new Failure('forbidden', 'Only the root key lets an application skip consent, or changes one that does.');
}

function refuseOtherEnvironment({ environment }: Principal, settings: ApplicationSettings): void {
  if (environment === settings.environment) return;
  const message = `A ${environment} credential manages ${environment} applications only.`;
  throw new Failure('wrong_environment', message);
}
