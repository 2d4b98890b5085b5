import * as openid from 'openid-client';

/** What is asked of a person: who they are, and their projects. */
const SCOPE = 'openid profile email projects:read projects:write';

/** An access token that ends sooner than this is renewed before it is used. */
const SPARE_MS = 30_000;

/** The person withdrew the access, or it ended otherwise: only they can connect again. */
export class AccessEnded extends Error {}

const expiryOf = (tokens) => Date.now() + (tokens.expiresIn() ?? 60) * 1000;

/** RFC 6749 §5.2: the refresh token is not good any more. Anything else is worth another try later. */
const isOver = (error) => error instanceof openid.ResponseBodyError && error.error === 'invalid_grant';

const isUnauthorized = (error) => error instanceof openid.WWWAuthenticateChallengeError && error.status === 401;

async function discover({ issuer, clientId, clientSecret }) {
  // Latchkey on your own machine speaks http. Anything else must be https.
  const execute = new URL(issuer).protocol === 'http:' ? [openid.allowInsecureRequests] : [];
  const auth = openid.ClientSecretBasic(clientSecret);
  return openid.discovery(new URL(issuer), clientId, undefined, auth, { execute });
}

/** Begins: where to send the person, and what to remember until they come back. */
async function begin(config, redirectUri) {
  const pending = {
    verifier: openid.randomPKCECodeVerifier(),
    state: openid.randomState(),
    nonce: openid.randomNonce(),
  };
  const url = openid.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: SCOPE,
    state: pending.state,
    nonce: pending.nonce,
    code_challenge: await openid.calculatePKCECodeChallenge(pending.verifier),
    code_challenge_method: 'S256',
  });
  return { url: url.href, pending };
}

/** Ends: the answer is checked against what was remembered, and the code becomes tokens. */
async function finish(config, answer, { verifier, state, nonce }) {
  const tokens = await openid.authorizationCodeGrant(config, answer, {
    pkceCodeVerifier: verifier,
    expectedState: state,
    expectedNonce: nonce,
    idTokenExpected: true,
  });
  const { sub, name, email } = tokens.claims();
  return {
    person: { id: sub, name: name ?? email, email },
    scope: tokens.scope,
    accessToken: tokens.access_token,
    refreshToken: tokens.refresh_token,
    idToken: tokens.id_token,
    expiresAtMs: expiryOf(tokens),
    renewals: 0,
  };
}

/** Gets the next access token. The connection is changed in place. Throws `AccessEnded`. */
async function renew(config, connection) {
  try {
    const tokens = await openid.refreshTokenGrant(config, connection.refreshToken);
    connection.accessToken = tokens.access_token;
    connection.refreshToken = tokens.refresh_token ?? connection.refreshToken;
    connection.expiresAtMs = expiryOf(tokens);
    connection.renewals += 1;
  } catch (error) {
    throw isOver(error) ? new AccessEnded('The access was withdrawn.', { cause: error }) : error;
  }
}

/**
 * Calls the API for the person. A token that is about to end is renewed first; one that is refused is renewed once, for it
 * may have been revoked alone. Throws `AccessEnded`.
 */
async function call(config, connection, path, { method = 'GET', json } = {}) {
  const url = new URL(path, config.serverMetadata().issuer);
  const headers = new Headers(json === undefined ? {} : { 'content-type': 'application/json' });
  const body = json === undefined ? undefined : JSON.stringify(json);
  const send = () => openid.fetchProtectedResource(config, connection.accessToken, url, method, body, headers);
  if (connection.expiresAtMs - SPARE_MS < Date.now()) await renew(config, connection);
  try {
    return await send();
  } catch (error) {
    if (!isUnauthorized(error)) throw error;
  }
  await renew(config, connection);
  return send();
}

/** Everything that this application asks of Latchkey. */
export async function openLatchkey({ issuer, clientId, clientSecret, redirectUri }) {
  const config = await discover({ issuer, clientId, clientSecret });
  return {
    issuer,
    begin: () => begin(config, redirectUri),
    finish: (query, pending) => finish(config, new URL(`${redirectUri}?${query}`), pending),
    renew: (connection) => renew(config, connection),
    call: (connection, path, options) => call(config, connection, path, options),
    /** Gives the access back: the refresh token ends, and every access token with it. */
    disconnect: ({ refreshToken }) => openid.tokenRevocation(config, refreshToken),
  };
}
