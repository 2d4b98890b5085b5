import type { Caller } from './callers.ts';
import type { PeopleOptions } from './people.ts';

interface Person {
  email: string;
  password: string;
  workspaceId: string;
}

/** How a person of the preparation comes by a credential; ids of sessions go into the list of their workspace. */
export function personSeats({ prepare, signIn, book }: PeopleOptions, ids: Record<string, string[]>) {
  const logIn = async ({ email, password, workspaceId }: Person): Promise<{ token: string }> => {
    const json = { username: email, password, workspace_id: workspaceId };
    const reply = await prepare({ key: null, path: '/v1/auth/login', json, status: 200 });
    ids[workspaceId]?.push(reply.session_id);
    book.enter(reply.refresh_token);
    return reply;
  };
  const tokenCaller = async (name: string, person: Person, traits: Partial<Caller> = {}): Promise<Caller> => {
    const { token } = await logIn(person);
    const shared = { name, credential: token, workspaceId: person.workspaceId, readsOnly: false, isDead: false };
    return { ...shared, isPerson: true, ...traits };
  };
  const cookieCaller = async (name: string, person: Person, traits: Partial<Caller> = {}): Promise<Caller> => {
    const { email, password, workspaceId } = person;
    const session = await signIn(email, password);
    book.enter(session);
    const cookie = `latchkey_session=${session}`;
    const { id } = await prepare({ key: null, cookie, path: '/v1/account/session', status: 200 });
    ids[workspaceId]?.push(id);
    const shared = { name, credential: null, cookie, workspaceId, readsOnly: false, isDead: false };
    return { ...shared, isPerson: true, ...traits };
  };
  return { logIn, tokenCaller, cookieCaller };
}
