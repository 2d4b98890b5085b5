import type { ApiReply } from '../../api/client.ts';
import type { Context } from '../../context.ts';
import { idInPath } from '../../ids.ts';
import type { OptionSpecs, OptionValues, PositionalSpecs } from '../../specs.ts';
import type { Column } from '../../table.ts';

/** A resource as the API writes it. */
export interface ResourceJson {
  id: string;
  name: string;
  audience: string;
  token_format: string;
  signing_alg: string;
  access_token_ttl_seconds: number;
  accepted_audiences: string[];
  is_default: boolean;
  created_at: string;
}

export const resourcePositional = {
  id: { value: 'ID', description: 'The id of the resource, res_…' },
} as const satisfies PositionalSpecs;

/** `/v1/resources/{id}`. Throws `UsageError` when the text is no id. */
export function resourcePath(id: string, commandPath: string): string {
  return `/v1/resources/${idInPath('resource', id, commandPath)}`;
}

/** What a new resource and a changed one may both say. */
export const resourceOptions = {
  'token-format': { type: 'text', value: 'FORMAT', description: 'What its tokens are', choices: ['jwt', 'opaque'] },
  algorithm: { type: 'text', value: 'ALG', description: 'How JWTs are signed', choices: ['ES256', 'RS256', 'EdDSA'] },
  'token-seconds': { type: 'number', value: 'N', description: 'How long its tokens live', min: 300, max: 86_400 },
  accept: { type: 'list', value: 'AUDIENCE', description: "Also accept others' JWTs that are addressed so" },
} as const satisfies OptionSpecs;

/** The fields of a body that were given. */
export function resourceBody(options: OptionValues<typeof resourceOptions>): Record<string, unknown> {
  const fields = {
    token_format: options['token-format'],
    signing_alg: options.algorithm,
    access_token_ttl_seconds: options['token-seconds'],
    accepted_audiences: options.accept.length === 0 ? undefined : options.accept,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

export const RESOURCE_COLUMNS: Column<ResourceJson>[] = [
  { title: 'ID', value: ({ id }) => id },
  { title: 'NAME', value: ({ name }) => name },
  { title: 'AUDIENCE', value: ({ audience }) => audience },
  { title: 'TOKENS', value: ({ token_format, signing_alg }) => (token_format === 'jwt' ? signing_alg : token_format) },
  { title: 'SECONDS', value: ({ access_token_ttl_seconds: seconds }) => String(seconds) },
  { title: 'DEFAULT', value: ({ is_default }) => (is_default ? 'yes' : 'no') },
];

/** As fields, or as the API's JSON. */
export function showResource(context: Pick<Context, 'out' | 'fields'>, reply: ApiReply, json: boolean): void {
  const resource = reply.json as ResourceJson;
  if (json) context.out(`${reply.text.trimEnd()}\n`);
  else {
    context.fields([
      ['id', resource.id],
      ['name', resource.name],
      ['audience', resource.audience],
      ['also accepts', resource.accepted_audiences.join(' ')],
      ['token format', resource.token_format],
      ['algorithm', resource.signing_alg],
      ['tokens live', `${resource.access_token_ttl_seconds} seconds`],
      ['default', resource.is_default ? 'yes' : 'no'],
      ['created', resource.created_at],
    ]);
  }
}
