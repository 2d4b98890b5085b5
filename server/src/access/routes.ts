import { Type } from 'typebox';
import { toTimestamp } from '../clock.ts';
import { type Principal, type Route, route } from '../http/index.ts';

const nullableText = Type.Union([Type.String(), Type.Null()]);

const facts = {
  user_id: nullableText,
  subject: Type.String(),
  subject_issuer: nullableText,
  scopes: Type.Array(Type.String()),
  expires_at: nullableText,
  method: Type.Union([Type.Literal('api_key'), Type.Literal('oauth'), Type.Literal('jwt'), Type.Literal('session')]),
  environment: Type.Union([Type.Literal('test'), Type.Literal('live'), Type.Null()]),
  workspace_id: nullableText,
  client_id: nullableText,
  credential_id: Type.String(),
};

function factsOf(principal: Principal) {
  return {
    user_id: principal.userId,
    subject: principal.subject,
    subject_issuer: principal.subjectIssuer,
    scopes: principal.grantedScopes as string[],
    expires_at: toTimestamp(principal.expiresAtMs),
    method: principal.method,
    environment: principal.environment,
    workspace_id: principal.workspaceId,
    client_id: principal.clientId,
    credential_id: principal.credentialId,
  };
}

/** "Who is calling", for the caller itself and for services that ask on its behalf (contract §4). */
export function accessRoutes(): Route[] {
  const access = { scope: null, root: 'allowed' } as const;
  return [
    route({
      method: 'GET',
      path: '/auth/verify',
      mounts: ['v1'],
      access,
      tag: 'auth',
      summary: 'Who is calling',
      reply: Type.Object({ authenticated: Type.Literal(true), ...facts }),
      handler: ({ principal }) => ({ authenticated: true as const, ...factsOf(principal) }),
    }),
    route({
      method: 'GET',
      path: '/auth/test',
      mounts: ['v2'],
      access,
      tag: 'auth',
      summary: 'Who is calling',
      reply: Type.Object({ valid: Type.Literal(true), ...facts }),
      handler: ({ principal }) => ({ valid: true as const, ...factsOf(principal) }),
    }),
  ];
}
