import type { RecordAudit } from '../../audit/index.ts';
import type { ScopeCatalogue } from '../../scopes/index.ts';
import type { Denials } from '../denials/index.ts';
import { type AccessToken, type MintDeps, mintAccessToken } from '../mint.ts';
import type { Family } from './family.ts';
import type { RefreshTexts } from './refresh-text.ts';

export interface FamilyDeps extends MintDeps {
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
export function grantedTo(
  deps: FamilyDeps,
  family: Family,
  { text, scopes, epoch }: { text: string; scopes: readonly string[]; epoch: number },
): TokenPair {
  const { clientId, userId } = family;
  const accessToken = mintAccessToken(deps, {
    ...family,
    subject: userId ?? clientId,
    familyId: family.id,
    ttlSeconds: family.accessTtlSeconds,
    scopes,
    epoch,
  });
  return { family, accessToken, refreshToken: { text, expiresAtMs: family.expiresAtMs }, scopes };
}
