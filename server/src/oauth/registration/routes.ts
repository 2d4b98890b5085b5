import { Type } from 'typebox';
import { type Call, type Route, route } from '../../http/index.ts';
import type { RegistrationDeps } from './deps.ts';
import { type OwnCall, readRegistration, removeRegistration, replaceRegistration } from './manage.ts';
import { presentRegistration, type Shown } from './present.ts';
import { registerClient } from './register.ts';

const shared = { mounts: ['bare'], access: 'public', cors: 'public', errors: 'oauth', tag: 'oauth' } as const;
/** A document with keys of its own is larger than a few addresses, and never as large as this. */
const LARGEST_BYTES = 16 * 1024;

const METADATA = {
  redirect_uris: 'where answers go; required',
  token_endpoint_auth_method: 'client_secret_basic unless said; none for who keeps no secret',
  grant_types: 'authorization_code unless said; refresh_token too',
  response_types: 'code',
  client_name: 'what people are shown',
  scope: 'what it usually asks for, with spaces between them',
  application_type: 'web or native',
  jwks: 'public keys for private_key_jwt',
  jwks_uri: 'where they stand',
  client_uri: 'its website',
  logo_uri: 'its logo',
  policy_uri: 'its privacy policy',
  tos_uri: 'its terms',
  post_logout_redirect_uris: 'where people go on after signing out',
  backchannel_logout_uri: 'where it is told of sessions that end',
  backchannel_logout_session_required: 'whether it wants sid in what it is told; it is always there',
};

/** Named, and not looked at: RFC 7591 has its own rules and its own words for what is wrong. */
const body = Type.Unsafe<unknown>({
  description: 'Client metadata (RFC 7591 §2); what is not known is ignored',
  properties: Object.fromEntries(Object.entries(METADATA).map(([name, description]) => [name, { description }])),
});
const reply = Type.Object(
  {
    client_id: Type.String(),
    client_secret: Type.Optional(Type.String({ description: 'shown once' })),
    registration_access_token: Type.String(),
    registration_client_uri: Type.String(),
  },
  { additionalProperties: true },
);
const params = Type.Object({ client_id: Type.String() });

const ownCall = ({ params, header, address, requestId }: Call<unknown, unknown, { client_id: string }>): OwnCall => ({
  clientId: params.client_id,
  header,
  address,
  requestId,
});

/** `/oauth/register`: clients register themselves (RFC 7591), and see to their registration (RFC 7592). */
export function registrationRoutes(deps: RegistrationDeps): Route[] {
  if (deps.mode === 'off') return [];
  const url = (path: string) => deps.issuer() + path;
  const present = (shown: Shown) => presentRegistration(shown, url) as never;
  const own = { ...shared, path: '/oauth/register/:client_id', params } as const;
  // RFC 7591 §3.2.1: beside the no-store that every reply has.
  const neverKept = (call: Pick<Call, 'setHeader'>) => call.setHeader('pragma', 'no-cache');
  return [
    route({
      ...shared,
      method: 'POST',
      path: '/oauth/register',
      summary: 'Register a client (RFC 7591)',
      body,
      reply,
      status: 201,
      bodyLimitBytes: LARGEST_BYTES,
      handler: async (call) => {
        neverKept(call);
        return present(await registerClient(deps, call, call.body));
      },
    }),
    route({
      ...own,
      method: 'GET',
      summary: 'A registration, for the client itself (RFC 7592)',
      reply,
      handler: async (call) => {
        neverKept(call);
        return present(await readRegistration(deps, ownCall(call)));
      },
    }),
    route({
      ...own,
      method: 'PUT',
      summary: 'Replace a registration, by the client itself (RFC 7592)',
      body,
      reply,
      bodyLimitBytes: LARGEST_BYTES,
      handler: async (call) => {
        neverKept(call);
        return present(await replaceRegistration(deps, ownCall(call), call.body));
      },
    }),
    route({
      ...own,
      method: 'DELETE',
      summary: 'End a registration with all that it was given, by the client itself (RFC 7592)',
      status: 204,
      handler: async (call) => removeRegistration(deps, ownCall(call)),
    }),
  ];
}
