import { personActor, type Visit } from '../accounts/index.ts';
import { Failure } from '../failure.ts';
import { type AccessTokenClaims, type FamilyName, FIRST_PARTY_CLIENT, methodOf } from '../tokens/index.ts';
import type { LoginDeps } from './deps.ts';
import { dropEnded } from './refresh.ts';

const REASON = 'logged out';

/** Which of two logins would be meant is not ours to guess (security I16). */
export const ambiguous = (what: string) => new Failure('ambiguous_credentials', `${what} Log them out one by one.`);

async function claimsOf({ tokens, payAddress }: LoginDeps, visit: Visit, text: string): Promise<AccessTokenClaims> {
  let claims: AccessTokenClaims;
  try {
    claims = (await tokens.findAccessToken(text)).claims;
  } catch (error) {
    if (error instanceof Failure && error.code === 'invalid_token') await payAddress(visit.address);
    throw error;
  }
  if (await tokens.isDenied(claims)) throw new Failure('token_revoked', 'The access token has been revoked.');
  if (methodOf(claims) !== 'session' || claims.family_id === undefined) {
    throw new Failure('forbidden', 'This token is from no login: logging out ends logins.');
  }
  return claims;
}

/**
 * Ends a login with all its tokens, by its access token or by its refresh token; both may be given. A refresh token that
 * is none, or has ended, is no error: there is nothing left to end. Throws `invalid_token`, `token_expired`,
 * `token_revoked` for the access token, `forbidden` for one that is from no login, `ambiguous_credentials` for two logins.
 */
export async function logOut(
  deps: LoginDeps,
  visit: Visit,
  { accessToken, refreshToken }: { accessToken: string | null; refreshToken: string | null },
): Promise<void> {
  const { people, tokens } = deps;
  const names: FamilyName[] = [];
  const familyId = accessToken === null ? null : ((await claimsOf(deps, visit, accessToken)).family_id ?? '');
  const other = familyId === null || refreshToken === null ? null : await tokens.lookUpRefresh(refreshToken);
  if (other && other.family.id !== familyId)
    throw ambiguous('The access token and the refresh token are of two logins.');
  if (familyId !== null) names.push({ id: familyId });
  if (refreshToken !== null) names.push({ token: refreshToken, clientId: FIRST_PARTY_CLIENT });
  await people.database.write(async (tx) => {
    for (const name of names) {
      const ending = { family: name, reason: REASON, actor: personActor(visit, null) };
      const family = await tokens.revokeFamily(tx, ending);
      if (family) await dropEnded(deps, tx, visit, family, true);
    }
  });
}
