import type { KeyObject } from 'node:crypto';
import type { Resources } from '../resources/index.ts';
import { audiencesOf, refuseFuture, refuseOtherKinds, scopesIn, subjectOf, timesOf } from './claims.ts';
import { type ForeignDeps, type ForeignToken, refuseExpired, refuseOurIds, scopesWithin } from './foreign-token.ts';
import { HMAC, type IssuerAlgorithm, resourceOf, type TrustedIssuer } from './issuer.ts';
import { type ForeignJwt, isSignedBy } from './jws.ts';
import { notAccepted } from './refusal.ts';

/** Which registration a token is for: the one with an audience of its `aud`; else one whose resource accepts it. */
function registrationFor(
  registrations: readonly TrustedIssuer[],
  audiences: readonly string[],
  resources: Resources,
): TrustedIssuer {
  const exact = registrations.find(({ audience }) =>
    audience === null ? audiences.length === 0 : audiences.includes(audience),
  );
  const accepts = (issuer: TrustedIssuer) =>
    issuer.audience !== null &&
    (resourceOf(issuer, resources)?.acceptedAudiences.some((each) => audiences.includes(each)) ?? false);
  const found = exact ?? registrations.find(accepts);
  if (!found) throw notAccepted('the issuer is not registered for its aud');
  return found;
}

/** The key of the issuer that a header names, under an algorithm that the issuer registered. */
export async function keyOfIssuer(
  { remoteKeys }: Pick<ForeignDeps, 'remoteKeys'>,
  { algorithms, secret, source }: TrustedIssuer,
  { alg, header }: ForeignJwt,
): Promise<KeyObject> {
  if (!algorithms.includes(alg as IssuerAlgorithm)) throw notAccepted('the issuer does not sign with its alg');
  if (alg === HMAC) {
    if (secret === null) throw notAccepted('the issuer has no secret');
    return secret;
  }
  const key = source && (await remoteKeys.keyFor(source, { kid: header.kid, alg }));
  if (!key) throw notAccepted('the issuer has no such key (kid), or not for this alg');
  return key;
}

/**
 * A credential of a trusted issuer. Whether anybody of that name is registered is asked before anything is fetched.
 * Throws `invalid_token`; `token_expired` only for what the issuer has signed; `unavailable` while its keys cannot be read.
 */
export async function verifyTrustedToken(deps: ForeignDeps, jwt: ForeignJwt, iss: string): Promise<ForeignToken> {
  const { catalogue, resources, clock } = deps;
  const registrations = deps.issuers().get(iss);
  if (!registrations) throw notAccepted('the issuer is not registered');
  const issuer = registrationFor(registrations, audiencesOf(jwt.claims), resources);
  const key = await keyOfIssuer(deps, issuer, jwt);
  if (!(await isSignedBy(jwt, jwt.alg, key))) throw notAccepted('the signature is not of that key');
  refuseOtherKinds(jwt.claims);
  const times = timesOf(jwt.claims);
  refuseFuture(times, clock.nowMs());
  refuseExpired(times.exp, clock.nowMs());
  const subject = subjectOf(jwt.claims);
  refuseOurIds({ kind: 'trusted', issuerId: issuer.id, subject });
  const resource = resourceOf(issuer, resources);
  if (!resource) throw notAccepted('the resource of the issuer is gone');
  return {
    kind: 'trusted',
    issuerId: issuer.id,
    issuer: iss,
    subject,
    link: null,
    clientId: null,
    workspaceId: issuer.workspaceId,
    environment: issuer.environment,
    audience: resource.audience,
    scopes: scopesWithin(catalogue, scopesIn(jwt.claims, issuer.scopeClaim), issuer.scopes),
    expiresAtMs: times.exp * 1000,
    keyEndsAtMs: Number.POSITIVE_INFINITY,
    plan: null,
    limits: null,
  };
}
