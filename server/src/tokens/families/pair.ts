import type { RecordAudit } from '../../audit/index.ts';
import type { Tx } from '../../database/index.ts';
import type { ScopeCatalogue } from '../../scopes/index.ts';
import type { Denials } from '../denials/index.ts';
import { type AccessToken, issueAccessToken, type MintDeps } from '../mint.ts';
import type { OpaqueDeps } from '../opaque/index.ts';
import type { Family } from './family.ts';
import type { RefreshTexts } from './refresh-text.ts';

export interface FamilyDeps extends MintDeps, OpaqueDeps {
  denials: Denials;
  texts: RefreshTexts;
  catalogue: ScopeCatalogue;
  recordAudit: RecordAudit;
}

/** An access token and the refresh token beside it. */
export interface TokenPair {
  family: Family;
  accessToken: AccessToken;
  refreshToken: { text: string; expiresAtMs: number };
  /** Those of the access token. */
  scopes: readonly string[];
}

/** What a family gives now. */
export async function grantedTo(
  deps: FamilyDeps,
  tx: Tx,
  family: Family,
  { text, scopes, epoch }: { text: string; scopes: readonly string[]; epoch: number },
): Promise<TokenPair> {
  const { clientId, userId } = family;
  const accessToken = await issueAccessToken(deps, tx, {
    ...family,
    subject: userId ?? clientId,
    familyId: family.id,
    ttlSeconds: family.accessTtlSeconds,
    scopes,
    epoch,
  });
  return { family, accessToken, refreshToken: { text, expiresAtMs: family.expiresAtMs }, scopes };
}
