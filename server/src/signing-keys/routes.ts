import { Type } from 'typebox';
import { actorOf } from '../audit/index.ts';
import { Failure } from '../failure.ts';
import { closed, listReply, nullable, OPERATOR, oneOf, type Route, route } from '../http/index.ts';
import { ALGORITHM_NAMES, DEFAULT_ALGORITHM } from './algorithms.ts';
import { JWKS_MAX_AGE_SECONDS, presentKey } from './key.ts';
import { jwksOf } from './key-set.ts';
import { rotateSigningKey, type SigningKeyDeps, spareKey } from './rotate.ts';
import type { SigningKeys } from './signing-keys.ts';
import { allKeys } from './store.ts';

export interface SigningKeyRoutesDeps extends SigningKeyDeps {
  signingKeys: SigningKeys;
}

const Algorithm = oneOf(...ALGORITHM_NAMES);
const Time = Type.String();
const Text = Type.String();
const jwk = Type.Object({
  kty: Text,
  use: Text,
  alg: Text,
  kid: Text,
  crv: Type.Optional(Text),
  x: Type.Optional(Text),
  y: Type.Optional(Text),
  n: Type.Optional(Text),
  e: Type.Optional(Text),
});
const signingKey = Type.Object({
  id: Text,
  algorithm: Algorithm,
  state: oneOf('next', 'active', 'previous', 'revoked'),
  created_at: Time,
  active_at: nullable(Time),
  retired_at: nullable(Time),
  expires_at: nullable(Time),
  pem: Text,
  jwk,
});
const rotateBody = Type.Object(
  { algorithm: Type.Optional(Algorithm), emergency: Type.Optional(Type.Boolean()) },
  closed,
);
const params = Type.Object({ id: Type.String({ maxLength: 64 }) });

const shared = { mounts: ['v1', 'v2'], tag: 'signing-keys' } as const;

/** `/.well-known/jwks.json`: what anyone verifies our tokens with. */
function jwksRoute({ signingKeys, clock }: SigningKeyRoutesDeps): Route {
  return route({
    method: 'GET',
    path: '/.well-known/jwks.json',
    mounts: ['bare'],
    access: 'public',
    cors: 'public',
    cacheSeconds: JWKS_MAX_AGE_SECONDS,
    tag: 'signing-keys',
    summary: 'The public keys that verify tokens (RFC 7517)',
    reply: Type.Object({ keys: Type.Array(jwk) }),
    handler: () => jwksOf(signingKeys.current(), clock.nowMs()) as { keys: never[] },
  });
}

function readRoutes({ database }: SigningKeyRoutesDeps): Route[] {
  return [
    route({
      ...shared,
      method: 'GET',
      path: '/signing-keys',
      access: OPERATOR,
      summary: 'All signing keys, the newest first',
      reply: listReply(signingKey),
      handler: async () => ({ data: (await allKeys(database.read)).map(presentKey) as never[], next_cursor: null }),
    }),
    route({
      ...shared,
      method: 'GET',
      path: '/signing-keys/:id',
      access: OPERATOR,
      summary: 'One signing key',
      params,
      reply: signingKey,
      handler: async (call) => {
        const row = (await allKeys(database.read)).find(({ kid }) => kid === call.params.id);
        if (!row) throw new Failure('not_found');
        return presentKey(row) as never;
      },
    }),
  ];
}

function rotateRoute(deps: SigningKeyRoutesDeps): Route {
  return route({
    ...shared,
    method: 'POST',
    path: '/signing-keys/rotate',
    access: OPERATOR,
    summary: 'Let the next key sign: now if verifiers know it, else as soon as they do; in an emergency at once',
    body: rotateBody,
    reply: signingKey,
    status: 201,
    isAccepted: ({ state }) => state === 'next',
    handler: async (call) => {
      const { algorithm = DEFAULT_ALGORITHM, emergency: isEmergency = false } = call.body;
      const rotation = { algorithm, isEmergency, actor: actorOf(call), spare: await spareKey(deps, algorithm) };
      const reply = await deps.database.write(async (tx) => presentKey(await rotateSigningKey(deps, tx, rotation)));
      await deps.signingKeys.load();
      return reply as never;
    },
  });
}

/** Signing keys, for whoever acts for the installation, and their public halves for everybody. */
export function signingKeyRoutes(deps: SigningKeyRoutesDeps): Route[] {
  return [jwksRoute(deps), ...readRoutes(deps), rotateRoute(deps)];
}
