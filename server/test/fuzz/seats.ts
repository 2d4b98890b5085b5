import type { Caller } from './callers.ts';
import type { PeopleOptions } from './people.ts';

interface Person {
  email: string;
  password: string;
  workspaceId: string;
}

interface Pair {
  token: string;
  refresh_token: string;
}

/** How a person of the preparation comes by a credential; ids of sessions go into the list of their workspace. */
export function personSeats({ prepare, signIn, book }: PeopleOptions, ids: Record<string, string[]>) {
  const logIn = async ({ email, password, workspaceId }: Person): Promise<Pair> => {
    const json = { username: email, password, workspace_id: workspaceId };
    const reply = await prepare({ key: null, path: '/v1/auth/login', json, status: 200 });
    ids[workspaceId]?.push(reply.session_id);
    book.enter(reply.refresh_token);
    return reply;
  };
  const renewals: (() => Promise<void>)[] = [];
  const tokenCaller = async (name: string, person: Person, traits: Partial<Caller> = {}): Promise<Caller> => {
    let pair = await logIn(person);
    const shared = { name, credential: pair.token, workspaceId: person.workspaceId, readsOnly: false, isDead: false };
    const caller: Caller = { ...shared, isPerson: true, ...traits };
    const refresh = async () => {
      const json = { refresh_token: pair.refresh_token };
      pair = await prepare({ key: null, path: '/v1/auth/refresh', json, status: 200 });
      book.enter(pair.refresh_token);
      caller.credential = pair.token;
    };
    if (!caller.isDead) renewals.push(refresh);
    return caller;
  };
  const cookieCaller = async (name: string, person: Person, traits: Partial<Caller> = {}): Promise<Caller> => {
    const { email, password, workspaceId } = person;
    const session = await signIn(email, password);
    book.enter(session);
    const cookie = `latchkey_session=${session}`;
    const { id } = await prepare({ key: null, cookie, path: '/v1/account/session', status: 200 });
    ids[workspaceId]?.push(id);
    const shared = { name, credential: null, cookie, workspaceId, readsOnly: false, isDead: false };
    const proof = { key: null, cookie, path: '/v1/account/session/proof', json: { password }, status: 204 };
    // The run guesses at these accounts, too: then it does without.
    if (!traits.isDead) renewals.push(() => prepare(proof).catch(() => {}));
    return { ...shared, isPerson: true, ...traits };
  };
  return { logIn, tokenCaller, cookieCaller, renewals };
}
