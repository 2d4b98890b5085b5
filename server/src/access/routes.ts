import { Type } from 'typebox';
import { toTimestamp } from '../clock.ts';
import { Failure } from '../failure.ts';
import { type Guarded, nullable, oneOf, type Principal, type Route, route } from '../http/index.ts';
import { signInQuery, wantedSignInOf } from './wanted-sign-in.ts';

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

const members = (fields: object) => JSON.stringify(fields).slice(1, -1);

/** The reply's text but for what each credential has of its own. */
function partsOf(lead: object, principal: Principal): { head: string; middle: string; tail: string } {
  const { userId, subjectIssuer, grantedScopes, method, environment, workspaceId, clientId } = principal;
  const before = { ...lead, user_id: userId };
  const between = { subject_issuer: subjectIssuer, scopes: grantedScopes };
  const after = { method, environment, workspace_id: workspaceId, client_id: clientId };
  return {
    head: `{${members(before)},"subject":`,
    middle: `,${members(between)},"expires_at":`,
    tail: `,${members(after)},"credential_id":`,
  };
}

/**
 * The reply's text. A principal never changes, and this is the busiest route of all: what it has in common with its kin is
 * written once. Returned as text past the serializer, so the schema below only documents it; a test compares the two.
 */
function replyText(lead: object): (principal: Principal) => string {
  const known = new WeakMap<object, ReturnType<typeof partsOf>>();
  return (principal) => {
    const kin = principal.kin ?? principal;
    let parts = known.get(kin);
    if (parts === undefined) {
      parts = partsOf(lead, principal);
      known.set(kin, parts);
    }
    const { subject, expiresAtMs, credentialId } = principal;
    // An id of ours, as keys have them, holds nothing that JSON escapes.
    const id = principal.kin === undefined ? JSON.stringify(credentialId) : `"${credentialId}"`;
    const own = subject === credentialId ? id : JSON.stringify(subject);
    const expires = expiresAtMs === null ? 'null' : `"${toTimestamp(expiresAtMs)}"`;
    return parts.head + own + parts.middle + expires + parts.tail + id + END;
  };
}

const END = '}';

const query = Type.Object(signInQuery);

const ANY_CREDENTIAL: Guarded = { scope: null, root: 'allowed', resource: 'any' };

const refuse = (parameter: string, problem: string) =>
  new Failure('invalid_request', `${parameter.slice(0, 100)} ${problem}.`);

/** One that is meant for `max_age` or `acr_values` and called otherwise would ask nothing. */
const MEANT = /^(?:max|acr)/i;

/** The busiest routes of all: a query that asks nothing is looked at, and nothing is made. */
function accessOf(asked: Readonly<Record<string, unknown>>): Guarded {
  let isAsked = false;
  for (const name in asked) {
    if (!MEANT.test(name)) continue;
    if (name !== 'max_age' && name !== 'acr_values') throw refuse(name, 'is not known: send max_age or acr_values');
    isAsked = true;
  }
  return isAsked ? { ...ANY_CREDENTIAL, signIn: wantedSignInOf(asked, refuse) } : ANY_CREDENTIAL;
}

function factsRoute(path: string, mount: 'v1' | 'v2', lead: 'authenticated' | 'valid'): Route {
  const textOf = replyText({ [lead]: true });
  return route({
    method: 'GET',
    path,
    mounts: [mount],
    access: accessOf,
    tag: 'auth',
    summary: 'Who is calling',
    query,
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
