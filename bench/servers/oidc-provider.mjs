// A peer: oidc-provider with the in-memory adapter that it comes with, ES256 access tokens, and people who are signed in
// and have said yes.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { Provider } from 'oidc-provider';
import { JWT_ASKED, OPAQUE_ASKED, PEOPLE, REDIRECT } from '../oauth.mjs';

/** Meant when none is named. */
const RESOURCE = 'https://api.bench.example';
const issuer = `http://127.0.0.1:${process.env.PORT}`;
const clientId = 'bench';
const clientSecret = randomBytes(30).toString('base64url');
const HOUR_SECONDS = 3600;
const DAY_SECONDS = 24 * HOUR_SECONDS;
const jwk = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });

const resourceServer = (resource) => ({
  audience: resource,
  scope: resource === RESOURCE ? JWT_ASKED.scope : OPAQUE_ASKED.scope,
  accessTokenTTL: HOUR_SECONDS,
  ...(resource === OPAQUE_ASKED.resource
    ? { accessTokenFormat: 'opaque' }
    : { accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } }),
});

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: clientId,
      client_secret: clientSecret,
      redirect_uris: [REDIRECT],
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_basic',
      id_token_signed_response_alg: 'ES256',
    },
  ],
  jwks: { keys: [{ ...jwk, alg: 'ES256', use: 'sig' }] },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    introspection: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: (_ctx, _client, named) => named ?? RESOURCE,
      useGrantedResource: () => true,
      getResourceServerInfo: (_ctx, resource) => resourceServer(resource),
    },
  },
  pkce: { required: () => true },
  // As Latchkey does for a web application.
  issueRefreshToken: () => true,
  findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
  ttl: { Session: DAY_SECONDS, Grant: DAY_SECONDS, AuthorizationCode: 60, RefreshToken: DAY_SECONDS },
});

async function signedIn(accountId) {
  const grant = new provider.Grant({ accountId, clientId });
  grant.addResourceScope(RESOURCE, JWT_ASKED.scope);
  const grantId = await grant.save(DAY_SECONDS);
  const session = new provider.Session();
  session.loginAccount({ accountId });
  session.ensureClientContainer(clientId);
  session.grantIdFor(clientId, grantId);
  await session.save(DAY_SECONDS);
  return `_session=${session.id}`;
}

const cookies = [];
for (let person = 0; person < PEOPLE; person += 1) cookies.push(await signedIn(`person-${person}`));
provider.listen(Number(process.env.PORT), '127.0.0.1', () => {
  const paths = { authorize: '/auth', token: '/token', introspect: '/token/introspection' };
  process.stdout.write(`${JSON.stringify({ ready: true, clientId, clientSecret, cookies, paths })}\n`);
});
process.on('SIGTERM', () => process.exit(0));
