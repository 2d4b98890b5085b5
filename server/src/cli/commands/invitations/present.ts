import type { ApiReply } from '../../api/client.ts';
import type { Context } from '../../context.ts';
import { idInPath } from '../../ids.ts';
import { showOne } from '../../show-one.ts';
import type { PositionalSpecs } from '../../specs.ts';
import type { Cell, Column } from '../../table.ts';
import { toMinute } from '../../times.ts';

/** An invitation as the API writes it. */
export interface InvitationJson {
  id: string;
  workspace_id: string;
  email: string;
  role: string;
  state: string;
  invited_by: string;
  created_at: string;
  expires_at: string;
  accepted_at: string | null;
}

const STATE_STYLES = { pending: 'warn', accepted: 'good', declined: 'bad', revoked: 'bad', expired: 'dim' } as const;

export const invitationPositional = {
  id: { value: 'ID', description: 'The id of the invitation, inv_…' },
} as const satisfies PositionalSpecs;

/** `/v1/invitations/{id}`. Throws `UsageError` when the text is no id. */
export function invitationPath(id: string, commandPath: string): string {
  return `/v1/invitations/${idInPath('invitation', id, commandPath)}`;
}

export function invitationColumns({ style }: Pick<Context, 'style'>): Column<InvitationJson>[] {
  return [
    { title: 'ID', value: ({ id }) => id },
    { title: 'EMAIL', value: ({ email }) => email },
    { title: 'ROLE', value: ({ role }) => role, isWhole: true },
    {
      title: 'STATE',
      value: ({ state }) => state,
      style: (text, { state }) => style[STATE_STYLES[state as keyof typeof STATE_STYLES] ?? 'dim'](text),
    },
    { title: 'EXPIRES', value: ({ expires_at }) => toMinute(expires_at), isWhole: true },
    { title: 'INVITED BY', value: ({ invited_by }) => invited_by },
  ];
}

function fieldsOf(invitation: InvitationJson): [string, Cell][] {
  return [
    ['id', invitation.id],
    ['email', invitation.email],
    ['role', invitation.role],
    ['state', invitation.state],
    ['workspace', invitation.workspace_id],
    ['invited by', invitation.invited_by],
    ['created', invitation.created_at],
    ['expires', invitation.expires_at],
    ['accepted', invitation.accepted_at],
  ];
}

/** As fields, or as the API's JSON. */
export function showInvitation(context: Pick<Context, 'out' | 'fields'>, reply: ApiReply, json: boolean): void {
  showOne<InvitationJson>(context, reply, { json, fieldsOf });
}
