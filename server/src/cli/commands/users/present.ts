import type { ApiReply } from '../../api/client.ts';
import type { Context } from '../../context.ts';
import { idInPath } from '../../ids.ts';
import { pairsText, showOne } from '../../show-one.ts';
import type { OptionSpecs, PositionalSpecs } from '../../specs.ts';
import type { Cell, Column } from '../../table.ts';
import { personColumns } from '../members/present.ts';

/** A person as the API shows them to a workspace. */
export interface UserJson {
  id: string;
  email: string;
  email_verified: boolean;
  name: string | null;
  state: string;
  workspace_id: string | null;
  member_id: string | null;
  role: string | null;
  managed: boolean;
  second_factor: boolean;
  external_id: string | null;
  metadata: Record<string, string>;
  created_at: string;
}

export const userPositional = {
  id: { value: 'ID', description: 'The id of the person, usr_…' },
} as const satisfies PositionalSpecs;

/** For commands about one person: the root key reaches everybody by the id alone. */
export const asSeenBy = {
  workspace: { type: 'text', value: 'ID', description: 'As a member of this workspace; the root key need not say' },
} as const satisfies OptionSpecs;

/** `/v1/users/{id}`. Throws `UsageError` when the text is no id. */
export function userPath(id: string, commandPath: string): string {
  return `/v1/users/${idInPath('user', id, commandPath)}`;
}

export function userColumns(context: Pick<Context, 'style'>): Column<UserJson>[] {
  return [...personColumns<UserJson>(context), { title: 'EXTERNAL ID', value: ({ external_id }) => external_id }];
}

function fieldsOf(user: UserJson): [string, Cell][] {
  return [
    ['id', user.id],
    ['email', user.email],
    ['email verified', user.email_verified ? 'yes' : 'no'],
    ['name', user.name],
    ['state', user.state],
    ['workspace', user.workspace_id],
    ['member', user.member_id],
    ['role', user.role],
    ['managed', user.managed ? 'yes' : 'no'],
    ['second factor', user.second_factor ? 'yes' : 'no'],
    ['external id', user.external_id],
    ['metadata', pairsText(user.metadata)],
    ['created', user.created_at],
  ];
}

/** As fields, or as the API's JSON. */
export function showUser(context: Pick<Context, 'out' | 'fields'>, reply: ApiReply, json: boolean): void {
  showOne<UserJson>(context, reply, { json, fieldsOf });
}
