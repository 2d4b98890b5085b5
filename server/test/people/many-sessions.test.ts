import { randomBytes } from 'node:crypto';
import { makeId } from '@latchkey/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createGuesses, SIGN_INS_PER_HOUR } from '../../src/accounts/guessing/guesses.ts';
import { MOST_SESSIONS } from '../../src/accounts/sessions/session.ts';
import { createPostgresLimiter } from '../../src/limits/index.ts';
import { eventsAbout, START_MS } from '../domains/installation.ts';
import { DATABASES, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { newBrowser, newPerson, PASSWORD, type Person, refusal, signIn } from './browser.ts';

const LIMITED: [number, string] = [429, 'rate_limit_exceeded'];
const MINUTE_MS = 60_000;

describe.each(DATABASES)('many sign-ins of one person on %s', (database) => {
  const clock = manualClock(START_MS);
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ database, clock });
  });
  afterAll(stopServers);

  const logIn = async (person: Person) => {
    const json = { username: person.email, password: PASSWORD };
    const reply = await server.call('/v1/auth/login', { key: null, json });
    expect(reply.status, reply.text).toBe(200);
    return reply.json as { token: string; refresh_token: string; session_id: string };
  };
  const idsOf = async ({ userId }: Person): Promise<string[]> => {
    const rows = await server.latchkey.database.read.selectFrom('sessions').select('id').where('user_id', '=', userId);
    return (await rows.execute()).map(({ id }) => id);
  };
  /** As that many sign-ins would have left behind, but for the slow hashes. */
  const fill = (person: Person, count: number) =>
    server.latchkey.database.write(async ({ query }) => {
      const sessions = query.selectFrom('sessions').selectAll().where('id', '=', person.sessionId);
      const row = await sessions.executeTakeFirstOrThrow();
      for (let index = 0; index < count; index += 1) {
        const own = {
          id: makeId('session', clock.nowMs(), randomBytes),
          secret_hash: `hash ${randomBytes(16).toString('hex')}`,
        };
        await query
          .insertInto('sessions')
          .values({ ...row, ...own, seen_at: clock.nowMs() })
          .execute();
      }
    });

  test('end the sessions that were idle the longest, with their tokens, and no others', async () => {
    const person = await newPerson(server);
    const idle = await logIn(person);
    clock.advance(MINUTE_MS);
    await fill(person, MOST_SESSIONS - 2);
    // In use, so not idle, though it is the oldest.
    clock.advance(MINUTE_MS);
    expect((await person.call('/v1/auth/verify')).status).toBe(200);
    await server.latchkey.flush();
    expect(await idsOf(person)).toHaveLength(MOST_SESSIONS);
    expect((await server.call('/v1/users/me', { key: idle.token })).status).toBe(200);
    const newest = await logIn(person);
    const left = await idsOf(person);
    expect(left).toHaveLength(MOST_SESSIONS);
    expect(left).toContain(newest.session_id);
    expect(left).not.toContain(idle.session_id);
    expect(refusal(await server.call('/v1/users/me', { key: idle.token }))).toEqual([401, 'token_revoked']);
    const again = await server.call('/v1/auth/refresh', { key: null, json: { refresh_token: idle.refresh_token } });
    expect(again.status).toBe(401);
    expect((await server.call('/v1/users/me', { key: newest.token })).status).toBe(200);
    const ended = (await eventsAbout(server, person.userId)).filter(({ action }) => action === 'user.sessions_ended');
    expect(ended.map(({ data }) => JSON.parse(data))).toEqual([{ count: 1, reason: 'too many sessions' }]);
  });

  test('make up for those that ran past the bound together', async () => {
    const person = await newPerson(server);
    await fill(person, MOST_SESSIONS + 20);
    const browser = newBrowser(server);
    expect((await signIn(browser, person.email)).status).toBe(201);
    expect(await idsOf(person)).toHaveLength(MOST_SESSIONS);
    expect((await browser.call('/v1/auth/verify')).status).toBe(200);
    await Promise.all(Array.from({ length: 8 }, () => logIn(person)));
    await logIn(person);
    expect(await idsOf(person)).toHaveLength(MOST_SESSIONS);
  });
});

test('right passwords are counted, and elsewhere than on a device that the person knows', async () => {
  const clock = manualClock(START_MS);
  const server = await startServer({ database: 'postgres', clock });
  const [person, other] = [await newPerson(server), await newPerson(server)];
  const { database } = server.latchkey;
  const guesses = createGuesses({ limiter: createPostgresLimiter({ database, clock }), clock });
  await Promise.all(Array.from({ length: SIGN_INS_PER_HOUR - 1 }, () => guesses.signIn(person.userId, null)));
  const json = { username: person.email, password: PASSWORD };
  const refused = await server.call('/v1/auth/login', { key: null, json });
  expect([refusal(refused), refused.headers.get('retry-after')]).toEqual([LIMITED, expect.stringMatching(/^\d+$/)]);
  expect(refusal(await signIn(newBrowser(server), person.email))).toEqual(LIMITED);
  expect((await signIn(person, person.email)).status).toBe(201);
  expect((await signIn(newBrowser(server), other.email)).status).toBe(201);
  clock.advance(60 * MINUTE_MS);
  expect((await signIn(newBrowser(server), person.email)).status).toBe(201);
  await stopServers();
});
