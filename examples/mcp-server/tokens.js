import { createRemoteJWKSet, errors, jwtVerify } from 'jose';

/** The token is not good, or not for this server: 401. Whatever else goes wrong is not the caller's fault. */
export class Refused extends Error {}

const MINE = 'The token is not valid for this server.';

/**
 * By the keys that Latchkey publishes: no call for each request. A token that was revoked is good until it ends, fifteen
 * minutes at most.
 */
function byKeys({ issuer, resource }) {
  const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`));
  const rules = { issuer, audience: resource, typ: 'at+jwt', algorithms: ['ES256'], requiredClaims: ['exp', 'sub'] };
  return async (token) => {
    try {
      const { payload } = await jwtVerify(token, keys, rules);
      return payload;
    } catch (error) {
      const isAway = error instanceof errors.JWKSTimeout || !(error instanceof errors.JOSEError);
      throw isAway ? error : new Refused(MINE, { cause: error });
    }
  };
}

/** By asking Latchkey each time (RFC 7662): a token that was revoked is refused at once. */
function byIntrospection({ issuer, resource, introspectionKey }) {
  return async (token) => {
    const response = await fetch(`${issuer}/oauth/introspect`, {
      method: 'POST',
      headers: { authorization: `Bearer ${introspectionKey}` },
      body: new URLSearchParams({ token }),
    });
    if (!response.ok) throw new Error(`Latchkey answered ${response.status}`);
    const claims = await response.json();
    if (!claims.active || claims.aud !== resource) throw new Refused(MINE);
    return claims;
  };
}

/** Who is behind a token, in the SDK's own terms. Throws `Refused`. */
export function createVerifier(settings) {
  const claimsOf = settings.introspectionKey === null ? byKeys(settings) : byIntrospection(settings);
  return async (token) => {
    const claims = await claimsOf(token);
    return {
      token,
      clientId: claims.client_id,
      scopes: (claims.scope ?? '').split(' '),
      expiresAt: claims.exp,
      extra: { person: claims.sub, workspace: claims.workspace_id },
    };
  };
}
