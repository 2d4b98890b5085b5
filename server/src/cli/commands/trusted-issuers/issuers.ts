import { readFileSync } from 'node:fs';
import type { ApiReply } from '../../api/client.ts';
import type { Context } from '../../context.ts';
import { idInPath } from '../../ids.ts';
import { UsageError } from '../../refusal.ts';
import type { OptionSpecs, OptionValues, PositionalSpecs } from '../../specs.ts';
import type { Column } from '../../table.ts';

/** A trusted issuer as the API writes it. */
export interface IssuerJson {
  id: string;
  issuer: string;
  audience: string | null;
  jwks_uri: string | null;
  jwks: { keys: unknown[] } | null;
  has_secret: boolean;
  algorithms: string[];
  scopes: string[];
  scope_claim: string | null;
  resource: string | null;
  environment: string;
  workspace_id: string;
  created_at: string;
}

export const issuerPositional = {
  id: { value: 'ID', description: 'The id of the trusted issuer, iss_…' },
} as const satisfies PositionalSpecs;

export const workspaceOption = {
  workspace: { type: 'text', value: 'ID', description: 'Whose; needed by the root key when there are several' },
} as const satisfies OptionSpecs;

/** `/v1/trusted-issuers/{id}`. Throws `UsageError` when the text is no id. */
export function issuerPath(id: string, commandPath: string): string {
  return `/v1/trusted-issuers/${idInPath('trusted_issuer', id, commandPath)}`;
}

/** What a new issuer and a changed one may both say. */
export const issuerOptions = {
  audience: { type: 'text', value: 'AUDIENCE', description: 'What `aud` of its tokens says' },
  'no-audience': { type: 'flag', description: 'Its tokens have no `aud`: only with a secret' },
  scope: { type: 'list', value: 'SCOPE', description: 'What its tokens may do at most: `latchkey scopes list`' },
  'jwks-uri': { type: 'text', value: 'URL', description: 'Where its public keys are' },
  'jwks-file': { type: 'text', value: 'FILE', description: 'Its public keys, as a JWKS' },
  secret: { type: 'flag', description: 'A shared HS256 secret: read from stdin, or typed without echo' },
  algorithm: { type: 'list', value: 'ALG', description: 'What it signs with, such as ES256' },
  'scope-claim': { type: 'text', value: 'NAME', description: 'The claim with its scopes, where not scope or scopes' },
  resource: { type: 'text', value: 'RESOURCE', description: 'What its tokens count for: an id or an audience' },
} as const satisfies OptionSpecs;

function jwksIn(file: string, path: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UsageError(`${file} cannot be read as JSON (${(error as Error).message})`, path);
  }
}

const listOrNothing = (list: readonly string[]) => (list.length === 0 ? undefined : list);

/** The fields of a body that were given. The secret is asked for last. */
export async function issuerBody(
  { options, readSecret }: { options: OptionValues<typeof issuerOptions> } & Pick<Context, 'readSecret'>,
  path: string,
): Promise<Record<string, unknown>> {
  const { audience, 'no-audience': hasNone, 'jwks-file': file } = options;
  if (hasNone && audience !== undefined) throw new UsageError('--audience and --no-audience exclude each other', path);
  const sources = [options['jwks-uri'], file, options.secret || undefined].filter((each) => each !== undefined);
  if (sources.length > 1) throw new UsageError('--jwks-uri, --jwks-file and --secret exclude one another', path);
  const fields = {
    audience: hasNone ? null : audience,
    scopes: listOrNothing(options.scope),
    jwks_uri: options['jwks-uri'],
    jwks: file === undefined ? undefined : jwksIn(file, path),
    algorithms: listOrNothing(options.algorithm),
    scope_claim: options['scope-claim'],
    resource: options.resource,
    secret: options.secret ? await readSecret('The shared secret') : undefined,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function keysOf({ jwks_uri: uri, jwks, has_secret: hasSecret }: IssuerJson): string {
  if (hasSecret) return 'a secret';
  return uri ?? `${jwks?.keys.length ?? 0} registered`;
}

export const ISSUER_COLUMNS: Column<IssuerJson>[] = [
  { title: 'ID', value: ({ id }) => id },
  { title: 'ISSUER', value: ({ issuer }) => issuer },
  { title: 'AUDIENCE', value: ({ audience }) => audience ?? '-' },
  { title: 'ENVIRONMENT', value: ({ environment }) => environment },
  { title: 'SCOPES', value: ({ scopes }) => scopes.join(' ') },
  { title: 'KEYS', value: keysOf },
];

/** As fields, or as the API's JSON. */
export function showIssuer(context: Pick<Context, 'out' | 'fields'>, reply: ApiReply, json: boolean): void {
  const issuer = reply.json as IssuerJson;
  if (json) context.out(`${reply.text.trimEnd()}\n`);
  else {
    context.fields([
      ['id', issuer.id],
      ['issuer', issuer.issuer],
      ['audience', issuer.audience ?? 'none'],
      ['keys', keysOf(issuer)],
      ['algorithms', issuer.algorithms.join(' ')],
      ['scopes', issuer.scopes.join(' ')],
      ['scope claim', issuer.scope_claim ?? 'scope, scopes'],
      ['resource', issuer.resource ?? 'gone'],
      ['environment', issuer.environment],
      ['workspace', issuer.workspace_id],
      ['created', issuer.created_at],
    ]);
  }
}
