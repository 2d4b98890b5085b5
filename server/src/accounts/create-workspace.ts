import { makeId } from '@latchkey/protocol';
import type { Actor, RecordAudit } from '../audit/index.ts';
import type { Clock } from '../clock.ts';
import type { RandomBytes } from '../crypto/index.ts';
import type { Tx } from '../database/index.ts';
import type { Role } from '../http/index.ts';
import { claimInstallationFact, insertMember, insertUser, insertWorkspace } from './store.ts';
import type { MemberRow } from './tables.ts';
import { newWorkspaceRow } from './workspace.ts';

export interface AccountsDeps {
  clock: Clock;
  randomBytes: RandomBytes;
  recordAudit: RecordAudit;
}

function newWorkspaceId({ clock, randomBytes }: AccountsDeps): string {
  return makeId('workspace', clock.nowMs(), randomBytes);
}

export async function createWorkspace(
  deps: AccountsDeps,
  tx: Tx,
  actor: Actor,
  { name, id = newWorkspaceId(deps) }: { name: string; id?: string },
): Promise<{ id: string; name: string; createdAtMs: number }> {
  const createdAtMs = deps.clock.nowMs();
  await insertWorkspace(tx, newWorkspaceRow(id, name, createdAtMs));
  // In production the first one that the operator makes is the installation's first: its owners act for the operator, so
  // nobody who came by themselves may have made it.
  if (actor.kind === 'root') await claimInstallationFact(tx, 'first_workspace', id, createdAtMs);
  await deps.recordAudit(tx, { action: 'workspace.created', actor, workspaceId: id, targetId: id, data: { name } });
  return { id, name, createdAtMs };
}

export interface FirstOwner {
  email: string;
  /** Hashed before the transaction, which must not wait for argon2. */
  passwordHash: string;
}

/** Makes a person a member; throws `UniqueViolation` when they are one. */
export async function addMember(
  { clock, randomBytes }: Pick<AccountsDeps, 'clock' | 'randomBytes'>,
  tx: Tx,
  member: { workspaceId: string; userId: string; role: Role; externalId?: string | null; metadata?: string },
): Promise<MemberRow> {
  const nowMs = clock.nowMs();
  const row: MemberRow = {
    id: makeId('member', nowMs, randomBytes),
    workspace_id: member.workspaceId,
    user_id: member.userId,
    role: member.role,
    created_at: nowMs,
    external_id: member.externalId ?? null,
    metadata: member.metadata ?? '{}',
  };
  await insertMember(tx, row);
  return row;
}

/**
 * The installation's first workspace and its owner. Null when there is a first workspace already, also under parallel
 * calls: the fact is claimed in one statement.
 */
export async function createFirstWorkspace(
  deps: AccountsDeps,
  tx: Tx,
  actor: Actor,
  input: { name: string; owner: FirstOwner },
): Promise<{ workspaceId: string; ownerId: string } | null> {
  const nowMs = deps.clock.nowMs();
  const workspaceId = newWorkspaceId(deps);
  // Claimed before anything is written: who comes second leaves nothing behind.
  if (!(await claimInstallationFact(tx, 'first_workspace', workspaceId, nowMs))) return null;
  await createWorkspace(deps, tx, actor, { name: input.name, id: workspaceId });
  const ownerId = makeId('user', nowMs, deps.randomBytes);
  const { email, passwordHash } = input.owner;
  await insertUser(tx, {
    id: ownerId,
    email,
    email_key: email.toLowerCase(),
    email_verified: 1,
    password_hash: passwordHash,
    name: null,
    created_at: nowMs,
    state: 'active',
    created_in: null,
  });
  await addMember(deps, tx, { workspaceId, userId: ownerId, role: 'owner' });
  await deps.recordAudit(tx, { action: 'user.created', actor, workspaceId, targetId: ownerId });
  return { workspaceId, ownerId };
}
