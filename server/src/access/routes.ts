import { Type } from 'typebox';
import { toTimestamp } from '../clock.ts';
import { nullable, oneOf, type Principal, type Route, route } from '../http/index.ts';

const nullableText = nullable(Type.String());

const facts = {
  user_id: nullableText,
  subject: Type.String(),
  subject_issuer: nullableText,
  scopes: Type.Array(Type.String()),
  expires_at: nullableText,
  method: oneOf('api_key', 'oauth', 'jwt', 'session'),
  environment: nullable(oneOf('test', 'live')),
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

/**
 * The reply's text, made once per principal: a principal never changes, and this is the busiest route of all. Returned
 * as text past the serializer, so the schema below only documents it; a test compares the two.
 */
function replyText(lead: object): (principal: Principal) => string {
  const texts = new WeakMap<Principal, string>();
  return (principal) => {
    let text = texts.get(principal);
    if (text === undefined) {
      text = JSON.stringify({ ...lead, ...factsOf(principal) });
      texts.set(principal, text);
    }
    return text;
  };
}

function factsRoute(path: string, mount: 'v1' | 'v2', lead: 'authenticated' | 'valid'): Route {
  const textOf = replyText({ [lead]: true });
  return route({
    method: 'GET',
    path,
    mounts: [mount],
    access: { scope: null, root: 'allowed', resource: 'any' },
    tag: 'auth',
    summary: 'Who is calling',
    reply: Type.Unsafe<string>(Type.Object({ [lead]: Type.Literal(true), ...facts })),
    handler: ({ principal, setHeader }) => {
      setHeader('content-type', 'application/json; charset=utf-8');
      return textOf(principal);
    },
  });
}

/** "Who is calling", for the caller itself and for services that ask on its behalf (contract §4). */
export function accessRoutes(): Route[] {
  return [factsRoute('/auth/verify', 'v1', 'authenticated'), factsRoute('/auth/test', 'v2', 'valid')];
}
