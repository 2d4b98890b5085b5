import { createSecretKey, type KeyObject } from 'node:crypto';
import type { KeySource } from '../remote-keys/index.ts';
import { mayAskFor } from '../resources/index.ts';
import { audiencesOf, refuseFuture, refuseOtherKinds, scopesIn, subjectOf, timesOf } from './claims.ts';
import {
  type ForeignDeps,
  type ForeignToken,
  linkOf,
  refuseExpired,
  refuseOurIds,
  scopesWithin,
} from './foreign-token.ts';
import { HMAC } from './issuer.ts';
import { type ForeignJwt, isSignedBy } from './jws.ts';
import { notAccepted } from './refusal.ts';
import type { SelfIssuer } from './self-issuer.ts';

/** Contract §7. */
const LONGEST_SECONDS = 3600;

/** A key that an application may have signed with, and when it ends. */
interface OwnKey {
  key: KeyObject;
  endsAtMs: number;
}

async function keysOf(deps: ForeignDeps, application: SelfIssuer, { alg, header }: ForeignJwt): Promise<OwnKey[]> {
  const { secrets, jwks, jwksUri } = application;
  if (alg === HMAC) {
    // The HMAC key is the UTF-8 of the secret as it was shown (contract §7).
    return secrets.map(({ text, expiresAtMs }) => ({
      key: createSecretKey(text, 'utf8'),
      endsAtMs: expiresAtMs ?? Number.POSITIVE_INFINITY,
    }));
  }
  const uri = jwksUri === null ? null : { uri: jwksUri };
  const source: KeySource | null = jwks === null ? uri : { jwks };
  const key = source && (await deps.applicationKeys.keyFor(source, { kid: header.kid, alg }));
  return key ? [{ key, endsAtMs: Number.POSITIVE_INFINITY }] : [];
}

/** The application, and until when the key that signed is one of its own; refuses when none of them did. */
async function endOfKey(deps: ForeignDeps, jwt: ForeignJwt, application: SelfIssuer): Promise<number> {
  const nowMs = deps.clock.nowMs();
  for (const { key, endsAtMs } of await keysOf(deps, application, jwt)) {
    if (endsAtMs > nowMs && (await isSignedBy(jwt, jwt.alg, key))) return endsAtMs;
  }
  throw notAccepted('the signature is of no key or secret of the application');
}

async function living(deps: ForeignDeps, clientId: string): Promise<SelfIssuer> {
  const application = await deps.selfIssued(clientId);
  if (!application || application.isDisabled) throw notAccepted('the application is unknown or disabled');
  return application;
}

/** The application that signed it; refuses when it did not. */
export async function signerOf(deps: ForeignDeps, jwt: ForeignJwt, clientId: string): Promise<SelfIssuer> {
  const application = await living(deps, clientId);
  await endOfKey(deps, jwt, application);
  return application;
}

/** A credential that an application signed by itself. Throws as `verifyTrustedToken`. */
export async function verifySelfIssuedToken(
  deps: ForeignDeps,
  jwt: ForeignJwt,
  clientId: string,
): Promise<ForeignToken> {
  const { catalogue, resources, clock } = deps;
  const application = await living(deps, clientId);
  const { workspaceId } = application;
  // Before its keys are asked for: nobody's address is read for who may not sign at all.
  if (!application.allowsSelfSignedJwt || workspaceId === null) throw notAccepted('self_signed_jwt is off');
  const keyEndsAtMs = await endOfKey(deps, jwt, application);
  const [aud = '', ...more] = audiencesOf(jwt.claims);
  const resource = more.length === 0 ? resources.byAudience(aud) : undefined;
  if (!resource || !mayAskFor(application, resources, resource)) throw notAccepted('aud is not one of its resources');
  refuseOtherKinds(jwt.claims);
  const times = timesOf(jwt.claims);
  if (times.iat === null || times.exp - times.iat > LONGEST_SECONDS) throw notAccepted('it lives longer than an hour');
  refuseFuture(times, clock.nowMs());
  refuseExpired(times.exp, clock.nowMs());
  const subject = subjectOf(jwt.claims);
  refuseOurIds({ kind: 'self_issued', issuerId: clientId, subject });
  const { environment, scopes } = application;
  const { audience } = resource;
  const link = await linkOf(deps, { clientId, workspaceId, environment, scopes, userId: subject, audience });
  // As of a token that it asks for: of its scopes, those that open something there.
  const offered = (link?.scopes ?? scopes).filter((scope) => resources.offering(scope).id === resource.id);
  return {
    kind: 'self_issued',
    issuerId: clientId,
    issuer: clientId,
    subject,
    link,
    clientId,
    workspaceId,
    environment,
    audience,
    scopes: scopesWithin(catalogue, scopesIn(jwt.claims, null), offered),
    expiresAtMs: times.exp * 1000,
    keyEndsAtMs,
    plan: application.plan,
    limits: application.limits,
  };
}
