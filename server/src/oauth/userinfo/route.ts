import { Type } from 'typebox';
import type { Identity } from '../../accounts/index.ts';
import type { Database, Tx } from '../../database/index.ts';
import { OAuthFailure } from '../../failure.ts';
import { type Call, type Route, route } from '../../http/index.ts';
import { claimsFor } from './claims.ts';

export interface UserinfoDeps {
  database: Pick<Database, 'read'>;
  identityOf(query: Tx['query'], userId: string): Promise<Identity | null>;
}

const reply = Type.Object(
  {
    sub: Type.String(),
    name: Type.Optional(Type.String()),
    email: Type.Optional(Type.String()),
    email_verified: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);

/** OpenID Connect Core §5.3.2: what the scopes of the consent open, and no more (security E5). `sub` is the ID token's. */
async function answer({ database, identityOf }: UserinfoDeps, { principal }: Pick<Call, 'principal'>) {
  const { userId, grantedScopes } = principal;
  const identity = userId === null ? null : await identityOf(database.read, userId);
  if (!identity) throw new OAuthFailure('invalid_token', 'No user is behind this access token.');
  return claimsFor(identity, new Set(grantedScopes)) as never;
}

/** `GET` and `POST /oauth/userinfo`, with an access token for any resource that holds `openid`. */
export function userinfoRoutes(deps: UserinfoDeps): Route[] {
  const shared = {
    path: '/oauth/userinfo',
    mounts: ['bare'],
    access: { scope: 'openid', root: 'refused', resource: 'any' },
    tag: 'oauth',
    summary: 'Who the user is, as far as they allowed to tell (OpenID Connect)',
    errors: 'oauth',
    cors: 'public',
    isIdempotent: false,
    reply,
  } as const;
  const handler = (call: Pick<Call, 'principal'>) => answer(deps, call);
  return [
    route({ ...shared, method: 'GET', handler }),
    route({ ...shared, method: 'POST', ignoresBody: true, handler }),
  ];
}
