import { toTimestamp } from '../../clock.ts';
import type { MemberFacts } from './store.ts';
import type { InvitationRow } from './tables.ts';

/** A member as the API shows it. */
export function presentMember(member: MemberFacts) {
  return {
    id: member.id,
    user_id: member.user_id,
    workspace_id: member.workspace_id,
    email: member.email,
    name: member.name,
    role: member.role,
    second_factor: member.totp + member.passkeys > 0,
    state: member.state,
    created_at: toTimestamp(member.created_at),
  };
}

export type InvitationState = 'pending' | 'accepted' | 'declined' | 'revoked' | 'expired';

export function invitationStateAt(row: InvitationRow, nowMs: number): InvitationState {
  if (row.accepted_at !== null) return 'accepted';
  if (row.declined_at !== null) return 'declined';
  if (row.revoked_at !== null) return 'revoked';
  return row.expires_at <= nowMs ? 'expired' : 'pending';
}

/** An invitation as the API shows it: the token stands in the mail alone. */
export function presentInvitation(row: InvitationRow, nowMs: number) {
  return {
    id: row.id,
    workspace_id: row.workspace_id,
    email: row.email,
    role: row.role,
    state: invitationStateAt(row, nowMs),
    invited_by: row.invited_by,
    created_at: toTimestamp(row.created_at),
    expires_at: toTimestamp(row.expires_at),
    accepted_at: toTimestamp(row.accepted_at),
  };
}
