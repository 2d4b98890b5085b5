import { containsSecret } from '@latchkey/protocol';
import { Type } from 'typebox';
import { Failure } from '../failure.ts';
import { type Environment, type Guarded, oneOf, type Principal, type Route, route } from '../http/index.ts';
import { signInQuery, wantedSignInOf } from './wanted-sign-in.ts';

const ENVIRONMENTS = ['test', 'live', 'any'];
/** As they are documented; `askedIn` reads them. */
const query = Type.Object({
  scope: Type.Optional(Type.String({ description: 'All that the caller must hold, separated by spaces or commas' })),
  environment: Type.Optional(oneOf('test', 'live', 'any')),
  resource: Type.Optional(Type.String({ description: 'The absolute URI that a token must be for' })),
  ...signInQuery,
});
const PARAMETERS = Object.keys(query.properties);

/** 403 whatever is wrong: a proxy would turn another status into its own 500, or let the caller pass. */
function unreadable(parameter: string, message: string): Failure {
  return new Failure('forbidden', `The proxy asks what cannot be read: ${parameter.slice(0, 100)} ${message}.`);
}

/** RFC 8707 §2: an absolute URI without a fragment. A token must be for it; API keys are for every resource. */
function isResource(value: unknown): boolean {
  return typeof value === 'string' && URL.canParse(value) && !value.includes('#');
}

const CREDENTIAL_NAMES = /^(?:access_token|api_key)$/i;

/** A credential in the URL is left to the door, which refuses it and says why. */
function isCredential(name: string, value: unknown): boolean {
  return CREDENTIAL_NAMES.test(name) || containsSecret(`${name} ${String(value)}`);
}

/** Empty is not asked, as with `scope`: proxies write all parameters, whether a place sets them or not. */
function signInAskedIn({ max_age, acr_values }: Readonly<Record<string, unknown>>): Pick<Guarded, 'signIn'> {
  const asked = {
    max_age: max_age === '' ? undefined : max_age,
    acr_values: acr_values === '' ? undefined : acr_values,
  };
  if (asked.max_age === undefined && asked.acr_values === undefined) return {};
  return { signIn: wantedSignInOf(asked, unreadable) };
}

/** What the operator asks of callers at this place of the proxy's configuration. A typo must not let callers pass. */
function askedIn(asked: Readonly<Record<string, unknown>>): Guarded {
  const { scope = '', environment = 'any' } = asked;
  for (const [name, value] of Object.entries(asked)) {
    if (PARAMETERS.includes(name) || isCredential(name, value)) continue;
    throw unreadable(name, 'is not a known parameter');
  }
  if (typeof scope !== 'string') throw unreadable('scope', 'must be given once, as a list of scopes');
  if (typeof environment !== 'string' || !ENVIRONMENTS.includes(environment)) {
    throw unreadable('environment', `must be one of ${ENVIRONMENTS.join(', ')}`);
  }
  if (asked.resource !== undefined && !isResource(asked.resource)) {
    throw unreadable('resource', 'must be one absolute URI without a fragment');
  }
  const allOf = scope.split(/[ ,]+/).filter((name) => name !== '');
  const only = environment === 'any' ? {} : { environment: environment as Environment };
  const resource = asked.resource === undefined ? {} : { resource: asked.resource as string };
  return { scope: null, root: 'refused', allOf, ...only, ...resource, ...signInAskedIn(asked) };
}

const UNSAFE = /[^\x21-\x24\x26-\x7e]/gu;

/** Visible ASCII as it is, everything else percent-encoded: a header cannot be broken, and one decoding restores it. */
function headerSafe(text: string | null): string {
  return (text ?? '').replace(UNSAFE, (part) => encodeURIComponent(part));
}

/** Every one of them, also empty: a proxy that copies them overwrites whatever the client has sent under these names. */
export function identityHeaders(principal: Principal, requestId: string): Record<string, string> {
  return {
    'x-latchkey-method': principal.method,
    'x-latchkey-user-id': headerSafe(principal.userId),
    'x-latchkey-subject': headerSafe(principal.subject),
    'x-latchkey-workspace-id': headerSafe(principal.workspaceId),
    'x-latchkey-client-id': headerSafe(principal.clientId),
    'x-latchkey-credential-id': headerSafe(principal.credentialId),
    'x-latchkey-environment': principal.environment ?? '',
    'x-latchkey-scopes': principal.grantedScopes.map(headerSafe).join(' '),
    'x-latchkey-request-id': requestId,
  };
}

/** `ANY /v1/gate`: forward authentication for proxies (contract §4). Reads no body and believes no forwarded header. */
export function gateRoute(): Route {
  return route({
    method: 'ANY',
    path: '/gate',
    mounts: ['v1', 'v2'],
    access: askedIn,
    isGate: true,
    query,
    tag: 'auth',
    summary: 'May this call pass: for nginx, Caddy, Traefik and Envoy',
    handler: ({ principal, requestId, setHeader }) => {
      if (principal.kind === 'root') throw new Failure('forbidden');
      for (const [name, value] of Object.entries(identityHeaders(principal, requestId))) setHeader(name, value);
      return '';
    },
  });
}
