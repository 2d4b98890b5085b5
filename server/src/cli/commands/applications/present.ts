import type { ApiReply } from '../../api/client.ts';
import type { Context } from '../../context.ts';
import type { SecretPlace } from '../../new-secret.ts';
import { plainText } from '../../style.ts';
import type { Cell, Column } from '../../table.ts';
import { toMinute } from '../../times.ts';

/** A secret of an application as the API writes it. */
export interface SecretJson {
  id: string;
  hint: string;
  created_at: string;
  expires_at: string | null;
  last_used_at: string | null;
  client_secret?: string;
}

/** An application as the API writes it. */
export interface ApplicationJson {
  id: string;
  name: string;
  type: string;
  environment: string;
  workspace_id: string | null;
  state: string;
  redirect_uris: string[];
  backchannel_logout_uri: string | null;
  scopes: string[];
  resources: string[] | null;
  grant_types: string[];
  token_endpoint_auth_method: string | null;
  require_pkce: boolean;
  id_token_signed_response_alg: string;
  consent: string;
  refresh_tokens: string;
  refresh_token_rotation: string;
  access_token_ttl_seconds: number | null;
  self_signed_jwt: boolean;
  jwks_uri: string | null;
  client_uri: string | null;
  self_registered: boolean;
  plan: string | null;
  limits: { per_hour: number | null; per_second: number | null } | null;
  created_at: string;
  created_by: string;
  secrets: SecretJson[];
  client_secret?: string;
}

type Shows = Pick<Context, 'style'>;

/** The columns of `applications list`. */
export function applicationColumns({ style }: Shows): Column<ApplicationJson>[] {
  return [
    { title: 'ID', value: ({ id }) => id },
    { title: 'NAME', value: ({ name }) => name },
    { title: 'TYPE', value: ({ type }) => type },
    { title: 'ENVIRONMENT', value: ({ environment }) => environment },
    {
      title: 'STATE',
      value: ({ state }) => state,
      style: (text, { state }) => (state === 'active' ? style.good(text) : style.warn(text)),
    },
    { title: 'SCOPES', value: ({ scopes }) => scopes.join(' ') },
  ];
}

export const SECRET_COLUMNS: Column<SecretJson>[] = [
  { title: 'ID', value: ({ id }) => id },
  { title: 'HINT', value: ({ hint }) => hint, isWhole: true },
  { title: 'CREATED', value: ({ created_at }) => toMinute(created_at), isWhole: true },
  { title: 'EXPIRES', value: ({ expires_at }) => toMinute(expires_at), isWhole: true },
  { title: 'LAST USED', value: ({ last_used_at }) => toMinute(last_used_at), isWhole: true },
];

const yesOrNo = (value: boolean) => (value ? 'yes' : 'no');

function secretCell({ id, hint, expires_at: expiresAt }: SecretJson): string {
  return `${hint} (${id}${expiresAt === null ? '' : `, until ${expiresAt}`})`;
}

function refreshCell({ refresh_tokens: given, refresh_token_rotation: rotation }: ApplicationJson): string {
  return `${given}; ${rotation === 'always' ? 'a new one' : 'the same one'} at each use`;
}

function applicationFields(application: ApplicationJson): [string, Cell][] {
  const { limits } = application;
  const fields: [string, Cell][] = [
    ['client id', application.id],
    ['name', application.name],
    ['type', application.type],
    ['environment', application.environment],
    ['state', application.state],
    ['workspace', application.workspace_id],
    ['scopes', application.scopes.join(' ')],
    ['redirects', application.redirect_uris.join(' ')],
    ['told of logouts at', application.backchannel_logout_uri],
    ['grants', application.grant_types.join(' ')],
    ['proves itself by', application.token_endpoint_auth_method ?? 'client_secret_basic or client_secret_post'],
    ['resources', application.resources?.join(' ') ?? 'those that offer its scopes'],
    ['PKCE required', yesOrNo(application.require_pkce)],
    ['consent', application.consent],
    ['refresh tokens', refreshCell(application)],
    ['access tokens live', application.access_token_ttl_seconds && `${application.access_token_ttl_seconds} seconds`],
    ['ID tokens signed with', application.id_token_signed_response_alg],
    ['self-signed JWTs', yesOrNo(application.self_signed_jwt)],
    ['public keys', application.jwks_uri],
    ['home page', application.client_uri],
    ['plan', application.plan],
    ['limits', limits && `${limits.per_hour ?? 'any'}/hour, ${limits.per_second ?? 'any'}/second`],
    ['created', application.created_at],
    ['created by', application.created_by],
    ['secrets', application.secrets.map(secretCell).join(', ')],
  ];
  return fields.filter(([, value]) => value !== null && value !== '');
}

/** An application that shows no secret, as fields or as the API's JSON. */
export function showApplication(context: Pick<Context, 'out' | 'fields'>, reply: ApiReply, json: boolean): void {
  if (json) context.out(`${reply.text.trimEnd()}\n`);
  else context.fields(applicationFields(reply.json as ApplicationJson));
}

type ShowsSecrets = Pick<Context, 'out' | 'err' | 'fields' | 'style' | 'json'>;

/** A reply with a client secret in it: kept where `place` says, and shown only where it may be. */
function showWithSecret(
  context: ShowsSecrets,
  reply: ApiReply,
  { place, json, fields }: { place: SecretPlace; json: boolean; fields: [string, Cell][] },
): void {
  const { client_secret: secret = '', ...rest } = reply.json as { client_secret?: string };
  if (secret !== '') place.keep(secret);
  if (json) {
    if (place.isShown || secret === '') context.out(`${reply.text.trimEnd()}\n`);
    else {
      context.json(rest);
      context.err('The field "client_secret" was left out: --show-secret prints it.\n');
    }
    return;
  }
  context.fields(fields);
  if (!place.isShown || secret === '') return;
  context.out(`\nThe client secret, shown only now:\n\n  ${context.style.bold(plainText(secret))}\n`);
}

export function showNewApplication(context: ShowsSecrets, reply: ApiReply, place: SecretPlace, json: boolean): void {
  showWithSecret(context, reply, { place, json, fields: applicationFields(reply.json as ApplicationJson) });
}

export function showNewSecret(context: ShowsSecrets, reply: ApiReply, place: SecretPlace, json: boolean): void {
  const secret = reply.json as SecretJson;
  const fields: [string, Cell][] = [
    ['secret id', secret.id],
    ['hint', secret.hint],
    ['expires', secret.expires_at],
  ];
  showWithSecret(context, reply, { place, json, fields: fields.filter(([, value]) => value !== null) });
}
