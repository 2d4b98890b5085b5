import type { Caller, Prepare } from './callers.ts';
import { personSeats } from './seats.ts';
import type { SecretBook } from './secrets.ts';

/** People who sign in during the run, all by one password. */
const ACCOUNTS = 40;
export const PASSWORD = 'the password of all accounts of the fuzz run';

/** Signs in by the API, and gives the text of the session's cookie. */
export type SignIn = (email: string, password: string) => Promise<string>;

export interface People {
  callers: Caller[];
  /** Accounts that anybody may sign in to, and guess at. */
  emails: string[];
  /** New access tokens, which live for 15 minutes, and new proofs, which are recent for as long. */
  renew(): Promise<void>;
  /** Ids that belong to the callers of each workspace. */
  ownIds: string[];
  foreignIds: string[];
}

export interface PeopleOptions {
  prepare: Prepare;
  signIn: SignIn;
  rootKey: string;
  owner: { email: string; password: string };
  workspaceId: string;
  otherWorkspace: string;
  /** Stands in the address of the other workspace's people. */
  marker: string;
  book: SecretBook;
}

type Make = (name: string, role: string, workspaceId: string) => Promise<{ id: string; email: string }>;

/** People of every kind who show a token or a cookie: who may do all, who may only look, a stranger, and who has ended. */
export async function createPeople(options: PeopleOptions): Promise<People> {
  const { prepare, rootKey, workspaceId, otherWorkspace, marker, book } = options;
  const ids: Record<string, string[]> = { [workspaceId]: [], [otherWorkspace]: [] };
  const make: Make = async (name, role, workspace) => {
    const email = `${name}@example.com`;
    const json = { email, password: PASSWORD, role, workspace_id: workspace, email_verified: true };
    const { id, member_id: memberId } = await prepare({ key: rootKey, path: '/v1/users', json, status: 201 });
    ids[workspace]?.push(id, memberId);
    return { id, email };
  };
  const first = await prepare({ key: rootKey, path: `/v1/members?workspace_id=${workspaceId}`, status: 200 });
  for (const { id, user_id: userId } of first.data) ids[workspaceId]?.push(id, userId);
  book.enter(PASSWORD);
  const { logIn, cookieCaller, tokenCaller, renewals } = personSeats(options, ids);
  const owner = { ...options.owner, workspaceId };
  const viewer = { ...(await make('viewer', 'viewer', workspaceId)), password: PASSWORD, workspaceId };
  const neighbor = {
    ...(await make(`${marker}-owner`, 'owner', otherWorkspace)),
    password: PASSWORD,
    workspaceId: otherWorkspace,
  };
  const disabled = { ...(await make('disabled', 'admin', workspaceId)), password: PASSWORD, workspaceId };
  const dead = { isDead: true, readsOnly: true };
  const callers = [
    await tokenCaller('owner token', owner),
    await cookieCaller('owner cookie', owner),
    await tokenCaller('viewer token', viewer, { readsOnly: true }),
    await cookieCaller('viewer cookie', viewer, { readsOnly: true }),
    await tokenCaller('neighbor token', neighbor),
    await cookieCaller('neighbor cookie', neighbor),
    await tokenCaller('token of a disabled person', disabled, dead),
    await cookieCaller('cookie of a disabled person', disabled, dead),
  ];
  const ended = await logIn(viewer);
  await prepare({ key: ended.token, path: '/v1/auth/logout', json: {}, status: 204 });
  callers.push({ name: 'revoked token', credential: ended.token, workspaceId, ...dead, isPerson: true });
  const state = { state: 'disabled' };
  await prepare({ key: rootKey, method: 'PATCH', path: `/v1/users/${disabled.id}`, json: state, status: 200 });
  const emails: string[] = [];
  for (let index = 0; index < ACCOUNTS; index += 1) {
    emails.push((await make(`account-${index}`, 'developer', workspaceId)).email);
  }
  const renew = async () => {
    for (const each of renewals) await each();
  };
  return { callers, emails, renew, ownIds: ids[workspaceId] ?? [], foreignIds: ids[otherWorkspace] ?? [] };
}
