import type { Kysely } from 'kysely';
import type { Tables } from '../../database/index.ts';
import type { Role } from '../../http/index.ts';

/** What decides whether a person may act in a workspace, and as what. */
export interface Standing {
  isDisabled: boolean;
  hasSecondFactor: boolean;
  role: Role;
  isWorkspaceSuspended: boolean;
  requiresSecondFactor: boolean;
}

/** By one read; null when the person is not in that workspace. */
export async function standingOf(read: Kysely<Tables>, workspaceId: string, userId: string): Promise<Standing | null> {
  const row = await read
    .selectFrom('members')
    .innerJoin('users', 'users.id', 'members.user_id')
    .innerJoin('workspaces', 'workspaces.id', 'members.workspace_id')
    .select((select) => [
      'members.role as role',
      'users.state as user_state',
      'workspaces.state as workspace_state',
      'workspaces.require_second_factor as require_second_factor',
      select
        .selectFrom('totp_factors')
        .select(select.fn.countAll<number>().as('count'))
        .whereRef('totp_factors.user_id', '=', 'users.id')
        .where('confirmed_at', 'is not', null)
        .$asScalar()
        .as('totp'),
      select
        .selectFrom('passkeys')
        .select(select.fn.countAll<number>().as('count'))
        .whereRef('passkeys.user_id', '=', 'users.id')
        .$asScalar()
        .as('passkeys'),
    ])
    .where('members.workspace_id', '=', workspaceId)
    .where('members.user_id', '=', userId)
    .executeTakeFirst();
  if (!row) return null;
  return {
    isDisabled: row.user_state !== 'active',
    hasSecondFactor: Number(row.totp) + Number(row.passkeys) > 0,
    role: row.role,
    isWorkspaceSuspended: row.workspace_state === 'suspended',
    requiresSecondFactor: row.require_second_factor === 1,
  };
}
