import { toTimestamp } from '../../clock.ts';
import type { UserFacts } from '../members/store.ts';
import { secondFactorsOf } from '../sign-in/proof.ts';
import type { PersonRow } from '../store.ts';

/** A person as a workspace sees one of its members. */
export function presentUser(member: UserFacts) {
  return {
    id: member.user_id,
    email: member.email,
    email_verified: member.email_verified === 1,
    name: member.name,
    state: member.state,
    workspace_id: member.workspace_id,
    member_id: member.id,
    role: member.role,
    /** Whether this workspace made the account, and may edit and remove it. */
    managed: member.workspace_id !== null && member.created_in === member.workspace_id,
    second_factor: member.totp + member.passkeys > 0,
    external_id: member.external_id,
    metadata: JSON.parse(member.metadata ?? '{}') as Record<string, string>,
    created_at: toTimestamp(member.user_created_at),
  };
}

/** A person as they see themselves. */
export function presentSelf(person: PersonRow) {
  return {
    id: person.id,
    email: person.email,
    email_verified: person.email_verified === 1,
    name: person.name,
    state: person.state,
    second_factors: secondFactorsOf(person) as string[],
    has_password: person.password_hash !== null,
    created_at: toTimestamp(person.created_at),
  };
}
