import { ROLE_SCOPES, type Standing, standingOf } from '../../accounts/index.ts';
import type { Application } from '../../applications/index.ts';
import type { Tx } from '../../database/index.ts';
import { OAuthFailure } from '../../failure.ts';
import type { ScopeCatalogue } from '../../scopes/index.ts';
import type { Grant as Consent } from '../consent/index.ts';
import { narrowScopes } from '../scope.ts';
import type { TokenDeps } from './deps.ts';

/** What a code or a refresh token stands for. */
export interface Standpoint {
  userId: string;
  workspaceId: string;
  grantId: string;
  /** As they were given. */
  scopes: readonly string[];
}

const over = (description: string) => new OAuthFailure('invalid_grant', description);

/** Whether a person may still give something in a workspace. Throws `invalid_grant`. Pure. */
export function requireStanding(standing: Standing | null): Standing {
  if (!standing) throw over('The user is not in the workspace of this grant any more.');
  if (standing.isDisabled) throw over('The account of the user is disabled.');
  if (standing.isWorkspaceSuspended) throw over('The workspace of this grant is suspended.');
  if (standing.requiresSecondFactor && !standing.hasSecondFactor) {
    throw over('The workspace asks its members for a second factor, and this user has none.');
  }
  return standing;
}

/** Who somebody is they may tell everybody; what they may do, their role says. */
function allowedTo(catalogue: ScopeCatalogue, scopes: readonly string[], { role }: Standing): readonly string[] {
  const identity = scopes.filter((name) => catalogue.get(name)?.kind === 'identity');
  return identity.length === 0 ? ROLE_SCOPES[role] : [...ROLE_SCOPES[role], ...identity];
}

/** What of the given scopes is still covered: by the consent, the application's register, and the person's role. Pure. */
export function scopesNow(
  catalogue: ScopeCatalogue,
  scopes: readonly string[],
  {
    standing,
    consent,
    application,
  }: { standing: Standing; consent: Consent; application: Pick<Application, 'scopes'> },
): readonly string[] {
  const limits = [consent.scopes, application.scopes, allowedTo(catalogue, scopes, standing)];
  return limits.reduce((kept, allowed) => narrowScopes(catalogue, kept, allowed), scopes);
}

/**
 * Looks again, at this moment, at all that a user's grant hangs on: the account, the membership, the workspace, the
 * consent, the application (security C19, D9). Returns what is left of the scopes. Throws `invalid_grant`.
 */
export async function lookAgain(
  { catalogue, grants }: Pick<TokenDeps, 'catalogue' | 'grants'>,
  tx: Tx,
  { userId, workspaceId, grantId, scopes }: Standpoint,
  application: Application,
): Promise<readonly string[]> {
  const consent = await grants.byId(tx.query, grantId);
  if (!consent || consent.revokedAtMs !== null || consent.clientId !== application.id || consent.userId !== userId) {
    throw over('The user has withdrawn this grant.');
  }
  const standing = requireStanding(await standingOf(tx.query, workspaceId, userId));
  return scopesNow(catalogue, scopes, { standing, consent, application });
}
