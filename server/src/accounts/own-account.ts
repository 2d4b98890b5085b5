import type { Role } from '../http/index.ts';
import { countBackupCodes, passkeysOf, totpOf } from './factors/store.ts';
import type { PasskeyRow } from './factors/tables.ts';
import { membershipsOf } from './members/store.ts';
import type { People, SignedIn } from './people.ts';
import { mailTokenHash } from './recovery/mail-token.ts';
import { mailTokenByHash } from './recovery/store.ts';
import type { MailTokenKind } from './recovery/tables.ts';
import { sessionsOf } from './sessions/store.ts';
import type { SessionRow } from './sessions/tables.ts';
import { listWorkspaces, type PersonRow } from './store.ts';
import { requirePerson } from './users/require-person.ts';

/** What protects a signed-in person's account. */
export interface OwnAccount {
  person: PersonRow;
  /** When the authenticator app was added; null without one. */
  totpSinceMs: number | null;
  passkeys: PasskeyRow[];
  backupCodesLeft: number;
}

/** Throws `invalid_token` when the account is gone or disabled since. */
export async function readOwnAccount(people: People, { userId }: SignedIn): Promise<OwnAccount> {
  const { read } = people.database;
  const person = await requirePerson(people, userId);
  return {
    person,
    totpSinceMs: (await totpOf(read, userId))?.confirmed_at ?? null,
    passkeys: await passkeysOf(read, userId),
    backupCodesLeft: await countBackupCodes(read, userId),
  };
}

/** One's own living sessions, newest first. */
export function listOwnSessions({ database, clock }: People, { userId }: SignedIn): Promise<SessionRow[]> {
  return sessionsOf(database.read, userId, clock.nowMs());
}

export interface OwnWorkspace {
  id: string;
  name: string;
  role: Role;
  isSuspended: boolean;
}

const MOST_LISTED = 200;

/** The workspaces that one is a member of, oldest first. */
export async function listOwnWorkspaces(
  { database }: Pick<People, 'database'>,
  { userId }: Pick<SignedIn, 'userId'>,
): Promise<OwnWorkspace[]> {
  const roles = new Map((await membershipsOf(database.read, userId)).map((row) => [row.workspace_id, row.role]));
  const filter = { id: null, externalId: null, memberId: userId };
  const rows = await listWorkspaces(database.read, filter, { afterId: '', limit: MOST_LISTED });
  return rows.flatMap(({ id, name, state }) => {
    const role = roles.get(id);
    return role === undefined ? [] : [{ id, name, role, isSuspended: state === 'suspended' }];
  });
}

/** Which address the link of a mail is for, and whose account, while it works; null once it does not. Looking does not use it up. */
export async function peekMailLink(
  { database, clock }: People,
  kind: MailTokenKind,
  token: string,
): Promise<{ email: string; userId: string | null } | null> {
  const row = await mailTokenByHash(database.read, kind, mailTokenHash(kind, token), clock.nowMs());
  return row ? { email: row.email, userId: row.user_id } : null;
}
