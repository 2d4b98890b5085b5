import type { ApiReply } from '../../api/client.ts';
import type { Context } from '../../context.ts';
import { idInPath } from '../../ids.ts';
import { showOne } from '../../show-one.ts';
import type { PositionalSpecs } from '../../specs.ts';
import type { Cell, Column } from '../../table.ts';
import { toMinute } from '../../times.ts';

/** A grant as the API writes it. */
export interface GrantJson {
  id: string;
  user_id: string;
  client_id: string;
  application_name: string | null;
  workspace_id: string;
  environment: string;
  resource: string;
  scopes: string[];
  created_at: string;
  updated_at: string;
  last_used_at: string | null;
}

export const grantPositional = {
  id: { value: 'ID', description: 'The id of the grant, grt_…' },
} as const satisfies PositionalSpecs;

/** `/v1/grants/{id}`. Throws `UsageError` when the text is no id. */
export function grantPath(id: string, commandPath: string): string {
  return `/v1/grants/${idInPath('grant', id, commandPath)}`;
}

export const grantColumns: Column<GrantJson>[] = [
  { title: 'ID', value: ({ id }) => id },
  { title: 'USER', value: ({ user_id }) => user_id },
  { title: 'APPLICATION', value: ({ application_name, client_id }) => application_name ?? client_id },
  { title: 'ENV', value: ({ environment }) => environment, isWhole: true },
  { title: 'SCOPES', value: ({ scopes }) => scopes.join(' ') },
  { title: 'LAST USED', value: ({ last_used_at }) => toMinute(last_used_at), isWhole: true },
];

function fieldsOf(grant: GrantJson): [string, Cell][] {
  return [
    ['id', grant.id],
    ['user', grant.user_id],
    ['client', grant.client_id],
    ['application', grant.application_name],
    ['workspace', grant.workspace_id],
    ['environment', grant.environment],
    ['resource', grant.resource],
    ['scopes', grant.scopes.join(' ')],
    ['created', grant.created_at],
    ['updated', grant.updated_at],
    ['last used', grant.last_used_at],
  ];
}

/** As fields, or as the API's JSON. */
export function showGrant(context: Pick<Context, 'out' | 'fields'>, reply: ApiReply, json: boolean): void {
  showOne<GrantJson>(context, reply, { json, fieldsOf });
}
