import type { ApiReply } from '../../api/client.ts';
import type { Context } from '../../context.ts';
import { showOne } from '../../show-one.ts';
import { plainLines } from '../../style.ts';
import type { Cell, Column } from '../../table.ts';
import { toMinute } from '../../times.ts';

/** A signing key as the API writes it. */
export interface SigningKeyJson {
  id: string;
  algorithm: string;
  state: string;
  created_at: string;
  active_at: string | null;
  retired_at: string | null;
  expires_at: string | null;
  pem: string;
}

const STATE_STYLES = { active: 'good', next: 'warn', previous: 'dim', revoked: 'bad' } as const;

export function signingKeyColumns({ style }: Pick<Context, 'style'>): Column<SigningKeyJson>[] {
  return [
    { title: 'ID', value: ({ id }) => id },
    { title: 'ALGORITHM', value: ({ algorithm }) => algorithm },
    {
      title: 'STATE',
      value: ({ state }) => state,
      style: (text, { state }) => style[STATE_STYLES[state as keyof typeof STATE_STYLES] ?? 'dim'](text),
    },
    { title: 'CREATED', value: ({ created_at }) => toMinute(created_at), isWhole: true },
    { title: 'SIGNS FROM', value: ({ active_at }) => toMinute(active_at), isWhole: true },
    { title: 'PUBLISHED UNTIL', value: ({ expires_at }) => toMinute(expires_at), isWhole: true },
  ];
}

/** As fields, with the public key below them where it was asked for, or as the API's JSON. */
export function showSigningKey(
  context: Pick<Context, 'out' | 'fields'>,
  reply: ApiReply,
  { json, hasPem }: { json: boolean; hasPem: boolean },
): void {
  const fieldsOf = (key: SigningKeyJson): [string, Cell][] => [
    ['id', key.id],
    ['algorithm', key.algorithm],
    ['state', key.state],
    ['created', key.created_at],
    ['signs from', key.active_at],
    ['retired', key.retired_at],
    ['published until', key.expires_at],
  ];
  showOne<SigningKeyJson>(context, reply, { json, fieldsOf });
  if (hasPem && !json) context.out(`\n${plainLines((reply.json as SigningKeyJson).pem).trimEnd()}\n`);
}
