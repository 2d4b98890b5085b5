import { makeId } from '@latchkey/protocol';
import type { Actor } from '../../audit/index.ts';
import { type Tx, UniqueViolation } from '../../database/index.ts';
import { Failure } from '../../failure.ts';
import { addMember, createWorkspace } from '../create-workspace.ts';
import type { Email } from '../email.ts';
import type { People } from '../people.ts';
import { insertUser } from '../store.ts';
import type { UserRow } from '../tables.ts';

export interface NewUser extends Email {
  name: string | null;
  passwordHash: string | null;
  isVerified: boolean;
  /** The workspace that makes the account, if one does. */
  createdIn: string | null;
}

export function emailTaken(): Failure {
  return new Failure('conflict', 'There is an account with this email address already.');
}

/** Makes an account. Throws `conflict` for a taken address. */
export async function makeUser(people: People, tx: Tx, actor: Actor, input: NewUser): Promise<UserRow> {
  const nowMs = people.clock.nowMs();
  const row: UserRow = {
    id: makeId('user', nowMs, people.randomBytes),
    email: input.email,
    email_key: input.key,
    email_verified: input.isVerified ? 1 : 0,
    password_hash: input.passwordHash,
    name: input.name,
    created_at: nowMs,
    state: 'active',
    created_in: input.createdIn,
  };
  try {
    await insertUser(tx, row);
  } catch (error) {
    if (error instanceof UniqueViolation) throw emailTaken();
    throw error;
  }
  const by = actor.id === null && actor.kind === 'user' ? { ...actor, id: row.id } : actor;
  const workspaceId = input.createdIn;
  await people.recordAudit(tx, { action: 'user.created', actor: by, workspaceId, targetId: row.id });
  return row;
}

/** A workspace of one's own, with oneself as its owner. */
export async function makePersonalWorkspace(people: People, tx: Tx, actor: Actor, user: UserRow): Promise<string> {
  const named = user.name ?? user.email.slice(0, user.email.lastIndexOf('@'));
  const { id } = await createWorkspace(people, tx, actor, { name: `${named}'s workspace`.slice(0, 100) });
  await addMember(people, tx, { workspaceId: id, userId: user.id, role: 'owner' });
  return id;
}
