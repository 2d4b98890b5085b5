import { standingOf } from '../../accounts/index.ts';
import type { Application } from '../../applications/index.ts';
import type { Tx } from '../../database/index.ts';
import { OAuthFailure } from '../../failure.ts';
import type { ScopeCatalogue } from '../../scopes/index.ts';
import type { SubjectLink } from '../../trusted-issuers/index.ts';
import { livingGrantAt } from '../consent/index.ts';
import { requireStanding, scopesNow } from './standing.ts';

/** An application that names a user of ours in a JWT that it signs itself. */
export interface NamedSubject {
  application: Pick<Application, 'id' | 'scopes' | 'environment'>;
  userId: string;
  workspaceId: string;
  audience: string;
}

/**
 * Contract §7: an application may name a user of ours who has a living grant for it, in its own workspace and for that
 * resource; with no more than the grant, the application and the user's role allow at this moment. Throws `invalid_grant`.
 */
export async function linkedSubject(
  catalogue: ScopeCatalogue,
  query: Tx['query'],
  { application, userId, workspaceId, audience }: NamedSubject,
): Promise<SubjectLink> {
  const consent = await livingGrantAt(query, { userId, clientId: application.id, workspaceId, audience });
  if (!consent || consent.environment !== application.environment) {
    throw new OAuthFailure('invalid_grant', 'The user whom the assertion names has allowed this application nothing.');
  }
  const standing = requireStanding(await standingOf(query, workspaceId, userId));
  return {
    userId,
    grantId: consent.id,
    scopes: scopesNow(catalogue, consent.scopes, { standing, consent, application }),
  };
}
