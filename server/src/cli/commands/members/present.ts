import type { ApiReply } from '../../api/client.ts';
import type { Context } from '../../context.ts';
import { idInPath } from '../../ids.ts';
import { showOne } from '../../show-one.ts';
import type { PositionalSpecs } from '../../specs.ts';
import type { Cell, Column } from '../../table.ts';
import { toMinute } from '../../times.ts';

/** A member as the API writes one. */
export interface MemberJson {
  id: string;
  user_id: string;
  workspace_id: string;
  email: string;
  name: string | null;
  role: string;
  second_factor: boolean;
  state: string;
  created_at: string;
}

export const memberPositional = {
  id: { value: 'ID', description: 'The id of the member, mem_…' },
} as const satisfies PositionalSpecs;

/** `/v1/members/{id}`. Throws `UsageError` when the text is no id. */
export function memberPath(id: string, commandPath: string): string {
  return `/v1/members/${idInPath('member', id, commandPath)}`;
}

/** The state of an account. */
export function stateColumn<T extends { state: string }>({ style }: Pick<Context, 'style'>): Column<T> {
  return {
    title: 'STATE',
    value: ({ state }) => state,
    style: (text, { state }) => (state === 'active' ? style.good(text) : style.bad(text)),
  };
}

/** What a list shows of a person, by account or by membership. */
export interface PersonJson {
  id: string;
  email: string;
  name: string | null;
  role: string | null;
  state: string;
  second_factor: boolean;
}

export function personColumns<T extends PersonJson>(context: Pick<Context, 'style'>): Column<T>[] {
  return [
    { title: 'ID', value: ({ id }) => id },
    { title: 'EMAIL', value: ({ email }) => email },
    { title: 'NAME', value: ({ name }) => name },
    { title: 'ROLE', value: ({ role }) => role, isWhole: true },
    stateColumn(context),
    { title: '2ND FACTOR', value: ({ second_factor }) => (second_factor ? 'yes' : 'no') },
  ];
}

export function memberColumns(context: Pick<Context, 'style'>): Column<MemberJson>[] {
  return [
    ...personColumns<MemberJson>(context),
    { title: 'SINCE', value: ({ created_at }) => toMinute(created_at), isWhole: true },
  ];
}

function fieldsOf(member: MemberJson): [string, Cell][] {
  return [
    ['id', member.id],
    ['user', member.user_id],
    ['workspace', member.workspace_id],
    ['email', member.email],
    ['name', member.name],
    ['role', member.role],
    ['state', member.state],
    ['second factor', member.second_factor ? 'yes' : 'no'],
    ['since', member.created_at],
  ];
}

/** As fields, or as the API's JSON. */
export function showMember(context: Pick<Context, 'out' | 'fields'>, reply: ApiReply, json: boolean): void {
  showOne<MemberJson>(context, reply, { json, fieldsOf });
}
