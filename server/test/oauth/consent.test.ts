import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { pageClient, plainText } from '../pages/client.ts';
import { mailTo, newAddress, PASSWORD } from '../people/browser.ts';
import {
  allow,
  answerOf,
  decide,
  hidden,
  markSelfRegistered,
  newApp,
  personAtBrowser,
  redeem,
  requestPath,
} from './authorizing.ts';

const clock = manualClock();
let server: TestServer;
beforeAll(async () => {
  server = await startServer({ clock });
});
afterAll(stopServers);
beforeEach(() => clock.advance(1000));

const LOOPBACK = 'http://127.0.0.1/cb';

async function newWorkspace(userId: string, fields: Record<string, unknown> = {}): Promise<string> {
  const made = await server.call('/v1/workspaces', { key: server.rootKey, json: { name: 'Second', ...fields } });
  const json = { user_id: userId, role: 'admin', workspace_id: made.json.id };
  const added = await server.call('/v1/members', { key: server.rootKey, json });
  expect(added.status, added.text).toBe(201);
  return made.json.id;
}

describe('what the question says', () => {
  test('who asks, for where, and what each scope allows, sensitive ones marked', async () => {
    const app = await newApp(server, { scopes: ['read', 'delete', 'email'] });
    const { client, person } = await personAtBrowser(server);
    const text = plainText(await client.visit(requestPath(app, { scope: 'read delete email' })));
    expect(text).toContain('Let Notes act for you?');
    expect(text).toContain('Registered here');
    expect(text).toContain('app.example');
    expect(text).toContain(person.email);
    expect(text).toMatch(/Delete[^.]*\. Sensitive .*Read|Delete[^.]*\. Sensitive/);
    expect(text).not.toContain('Not checked');
  });

  test('A15: who registered itself is told so, with where one goes, and has no picture', async () => {
    const app = await newApp(server, {
      type: 'native',
      redirect_uris: [LOOPBACK],
      logo_uri: 'https://logo.example/x.png',
      consent: 'skip',
    });
    await markSelfRegistered(server, app);
    const { client } = await personAtBrowser(server);
    const params = { redirect_uri: 'http://127.0.0.1:3118/cb' };
    const page = await client.visit(requestPath(app, params));
    expect(page.status).toBe(200);
    const text = plainText(page);
    expect(text).toContain('Not checked');
    expect(text).toContain('Nobody has checked');
    expect(text).toContain('127.0.0.1:3118');
    expect(page.text).not.toContain('logo.example');
    expect(page.headers.get('content-security-policy')).toContain(
      "form-action 'self' http://localhost:* http://127.0.0.1:* https:;",
    );
  });

  test('names are text, whatever they hold', async () => {
    const app = await newApp(server, { name: '<script>alert(1)</script>"\'' });
    const { client } = await personAtBrowser(server);
    const page = await client.visit(requestPath(app));
    expect(page.text).not.toContain('<script>alert');
  });
});

describe('A13, A14: the answer', () => {
  test('without the token of the form, or with a foreign one, grants nothing', async () => {
    const app = await newApp(server);
    const { client, person } = await personAtBrowser(server);
    const { client: other } = await personAtBrowser(server);
    await other.get('/account');
    const page = await client.visit(requestPath(app));
    const fields = { request: hidden(page, 'request'), terms: hidden(page, 'terms'), decision: 'allow' };
    for (const token of ['', other.token(), 'x'.repeat(43)]) {
      expect((await client.post('/oauth/consent', { ...fields, form_token: token })).status).toBe(403);
    }
    const foreign = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' };
    expect((await client.post('/oauth/consent', fields, foreign)).status).toBe(403);
    const { json } = await server.call(`/v1/grants?user_id=${person.userId}`, { key: server.rootKey });
    expect(json.data).toEqual([]);
    answerOf(await client.post('/oauth/consent', fields));
    expect((await client.post('/oauth/consent', fields)).status).toBe(410);
  });

  test('is about the stored request: what else the form says changes nothing', async () => {
    const app = await newApp(server);
    const evil = await newApp(server, { redirect_uris: ['https://evil.example/cb'] });
    const { client } = await personAtBrowser(server);
    const page = await client.visit(requestPath(app));
    const reply = await client.post('/oauth/consent', {
      request: hidden(page, 'request'),
      terms: hidden(page, 'terms'),
      decision: 'allow',
      client_id: evil.id,
      redirect_uri: 'https://evil.example/cb',
      scope: 'write',
      state: 'other',
    });
    const answer = answerOf(reply);
    expect(answer.state).toBe('s');
    expect(await redeem(server, app, answer.code ?? '')).toMatchObject({ code: { scopes: ['read'] } });
  });

  test('to what was not shown asks again', async () => {
    const app = await newApp(server);
    const { client } = await personAtBrowser(server);
    const page = await client.visit(requestPath(app));
    const request = hidden(page, 'request');
    const reply = await client.post('/oauth/consent', { request, terms: 'x', decision: 'allow' });
    expect(reply.headers.get('location')).toBe(`/oauth/consent?request=${request}`);
  });

  test('counts only in the browser that the question was asked in', async () => {
    const app = await newApp(server);
    const { client } = await personAtBrowser(server);
    const { client: other } = await personAtBrowser(server);
    const page = await client.visit(requestPath(app));
    const path = `/oauth/consent?request=${hidden(page, 'request')}`;
    expect((await other.get(path)).status).toBe(410);
    expect((await pageClient(server).get(path)).status).toBe(410);
    expect((await client.get(path)).status).toBe(200);
  });

  test('of one window said twice at once is one', async () => {
    const app = await newApp(server);
    const { client } = await personAtBrowser(server);
    const page = await client.visit(requestPath(app));
    const replies = await Promise.all(Array.from({ length: 10 }, () => decide(client, page, 'allow')));
    expect(replies.filter(({ status }) => status === 303)).toHaveLength(1);
    expect(replies.filter(({ status }) => status === 410)).toHaveLength(9);
  });

  test('of ten windows at once makes one grant', async () => {
    const app = await newApp(server);
    const { client, person } = await personAtBrowser(server);
    const pages = [];
    for (let index = 0; index < 10; index += 1) pages.push(await client.visit(requestPath(app)));
    const replies = await Promise.all(pages.map((page) => decide(client, page, 'allow')));
    for (const reply of replies) expect(answerOf(reply).code).toBeDefined();
    const { json } = await person.call(`/v1/grants?user_id=${person.userId}`);
    expect(json.data).toHaveLength(1);
  });

  test('comes too late after an hour', async () => {
    const app = await newApp(server);
    const { client } = await personAtBrowser(server);
    const page = await client.visit(requestPath(app));
    clock.advance(3_600_000);
    expect((await decide(client, page, 'allow')).status).toBe(410);
  });
});

describe('A16: what is remembered', () => {
  test('more is asked again, and only that is new; less is not', async () => {
    const app = await newApp(server);
    const { client, person } = await personAtBrowser(server);
    await allow(client, app, { scope: 'read email' });
    // Events of one millisecond are in no order.
    clock.advance(1);
    const more = await client.visit(requestPath(app, { scope: 'read write' }));
    expect(plainText(more)).toContain('Let Notes do more for you?');
    expect(more.text.match(/class="badge on">New</g)).toHaveLength(1);
    answerOf(await decide(client, more, 'allow'));
    expect(answerOf(await client.get(requestPath(app, { scope: 'read:data' }))).code).toBeDefined();
    const again = await client.visit(requestPath(app, { scope: 'read write', prompt: 'consent' }));
    expect(plainText(again)).toContain('Let Notes act for you?');
    expect(again.text).not.toContain('class="badge on">New<');
    const { json } = await person.call(`/v1/grants?user_id=${person.userId}`);
    expect(json.data).toMatchObject([
      { client_id: app.id, scopes: ['read', 'email', 'write'], application_name: 'Notes' },
    ]);
    const actions = await server.latchkey.database.read
      .selectFrom('audit_events')
      .select(['action', 'actor_id'])
      .where('target_id', '=', json.data[0].id)
      .orderBy('action')
      .execute();
    expect(actions).toEqual([
      { action: 'grant.created', actor_id: person.userId },
      { action: 'grant.updated', actor_id: person.userId },
    ]);
  });

  test('A16: another loopback address is asked again, and so is another port; the last twenty are remembered', async () => {
    const app = await newApp(server, { type: 'native', redirect_uris: [LOOPBACK, 'http://localhost/cb'] });
    const { client, person } = await personAtBrowser(server);
    const isAsked = async (redirect: string) => {
      const reply = await client.get(requestPath(app, { redirect_uri: redirect, prompt: 'none' }));
      return answerOf(reply, redirect).error === 'consent_required';
    };
    const at = (port: number) => `http://127.0.0.1:${port}/cb`;
    for (const redirect of Array.from({ length: 21 }, (_, index) => at(2000 + index))) {
      expect(await isAsked(redirect)).toBe(true);
      answerOf(
        await decide(client, await client.visit(requestPath(app, { redirect_uri: redirect })), 'allow'),
        redirect,
      );
      expect(await isAsked(redirect)).toBe(false);
    }
    expect(await isAsked('http://localhost:2020/cb')).toBe(true);
    expect([await isAsked(at(2000)), await isAsked(at(2001))]).toEqual([true, false]);
    const { redirects } = await server.latchkey.database.read
      .selectFrom('grants')
      .select('redirects')
      .where('user_id', '=', person.userId)
      .executeTakeFirstOrThrow();
    expect(JSON.parse(redirects)).toHaveLength(20);
  });

  test('what an operator trusts is not asked about, and is a grant all the same', async () => {
    const app = await newApp(server, { consent: 'skip' });
    const { client, person } = await personAtBrowser(server);
    for (const scope of ['read', 'read', 'read write']) {
      const { code = '' } = answerOf(await client.get(requestPath(app, { scope })));
      expect(await redeem(server, app, code)).toMatchObject({
        outcome: 'redeemed',
        code: { scopes: scope.split(' ') },
      });
    }
    const { json } = await person.call(`/v1/grants?user_id=${person.userId}`);
    expect(json.data).toMatchObject([{ client_id: app.id, scopes: ['read', 'write'] }]);
  });
});

describe('in which workspace', () => {
  test('is asked only of who has several, and remembered', async () => {
    const app = await newApp(server);
    const { client, person } = await personAtBrowser(server);
    const second = await newWorkspace(person.userId);
    const choice = await client.visit(requestPath(app));
    expect(plainText(choice)).toContain('In which workspace?');
    const fields = { request: hidden(choice, 'request'), workspace: second };
    const page = await client.submit('/oauth/consent', fields);
    expect(plainText(page)).toContain('Second');
    const { code = '' } = answerOf(await decide(client, page, 'allow'));
    expect(await redeem(server, app, code)).toMatchObject({ code: { workspaceId: second } });
    const again = answerOf(await client.get(requestPath(app)));
    expect(await redeem(server, app, again.code ?? '')).toMatchObject({ code: { workspaceId: second } });
    const none = answerOf(await client.get(requestPath(app, { prompt: 'none' })));
    expect(none.code).toBeDefined();
    const other = await client.visit(requestPath(app, { prompt: 'consent' }));
    expect(plainText(other)).toContain('In which workspace?');
  });

  test("somebody else's is no choice", async () => {
    const app = await newApp(server);
    const { client, person } = await personAtBrowser(server);
    await newWorkspace(person.userId);
    const foreign = await server.call('/v1/workspaces', { key: server.rootKey, json: { name: 'Foreign' } });
    const choice = await client.visit(requestPath(app));
    const page = await client.submit('/oauth/consent', {
      request: hidden(choice, 'request'),
      workspace: foreign.json.id,
    });
    expect(plainText(page)).toContain('In which workspace?');
    expect(answerOf(await client.get(requestPath(app, { prompt: 'none' }))).error).toBe('interaction_required');
  });

  test('no more than the role there allows is asked for and given', async () => {
    const app = await newApp(server, { scopes: ['read', 'write', 'admin', 'email'] });
    const { client } = await personAtBrowser(server, { role: 'viewer' });
    const code = await allow(client, app, { scope: 'read write email' });
    expect(await redeem(server, app, code)).toMatchObject({ code: { scopes: ['read', 'email'] } });
    const nothing = await client.visit(requestPath(app, { scope: 'write' }));
    expect(nothing.status).toBe(403);
    expect(plainText(nothing)).toContain('Your role does not allow this');
  });

  test('a workspace that asks for a second factor is not entered without one', async () => {
    const app = await newApp(server);
    const { client } = await personAtBrowser(server);
    const made = await server.call('/v1/workspaces', { key: server.rootKey, json: { name: 'Careful' } });
    const json = { require_second_factor: true };
    await server.call(`/v1/workspaces/${made.json.id}`, { key: server.rootKey, method: 'PATCH', json });
    const { client: careful } = await personAtBrowser(server, { workspace_id: made.json.id });
    const page = await careful.visit(requestPath(app));
    expect(page.status).toBe(403);
    expect(plainText(page)).toContain('Your workspace asks for a second factor');
    expect(answerOf(await careful.get(requestPath(app, { prompt: 'none' }))).error).toBe('interaction_required');
    expect((await client.visit(requestPath(app))).status).toBe(200);
  });
});

describe('on the way', () => {
  test('signing up leads back to the question', async () => {
    const app = await newApp(server);
    const client = pageClient(server);
    const email = newAddress();
    const signIn = await client.visit(requestPath(app));
    const way = hidden(signIn, 'return_to');
    await client.get(`/sign-up?return_to=${encodeURIComponent(way)}`);
    await client.submit('/sign-up', { email, password: PASSWORD, name: 'Ada', return_to: way });
    const { link } = await mailTo(server, email);
    const confirm = await client.visit(new URL(link).pathname + new URL(link).search);
    expect(confirm.headers.get('content-security-policy')).toContain("form-action 'self' https:;");
    const question = await client.submit('/sign-up/confirm', { password: PASSWORD });
    expect(plainText(question)).toContain('Let Notes act for you?');
    expect(answerOf(await decide(client, question, 'allow')).code).toBeDefined();
    expect(client.cookies.has('latchkey_way')).toBe(false);
  });

  test('recovering a password does too', async () => {
    const app = await newApp(server);
    const { person } = await personAtBrowser(server);
    const client = pageClient(server);
    const way = hidden(await client.visit(requestPath(app)), 'return_to');
    await client.get(`/recover?return_to=${encodeURIComponent(way)}`);
    await client.submit('/recover', { username: person.email, return_to: way });
    const { link } = await mailTo(server, person.email, 'Choose a new password');
    await client.visit(new URL(link).pathname + new URL(link).search);
    const signIn = await client.submit('/recover/password', { password: `${PASSWORD} new` });
    expect(hidden(signIn, 'return_to')).toBe(way);
  });

  test('the form for signing in lets the browser go where the request ends, and no other page does', async () => {
    const app = await newApp(server, { type: 'native', redirect_uris: ['cursor://anysphere/cb', 'http://[::1]/cb'] });
    const policyOf = async (redirectUri: string) => {
      const form = await pageClient(server).visit(requestPath(app, { redirect_uri: redirectUri }));
      return /form-action ([^;]*)/.exec(form.headers.get('content-security-policy') ?? '')?.[1];
    };
    expect(await policyOf('cursor://anysphere/cb')).toBe("'self' cursor: https:");
    expect(await policyOf('http://[::1]:99/cb')).toBe("'self' http: https:");
    const plain = await pageClient(server).get('/sign-in?return_to=/oauth/consent?request=x');
    expect(plain.headers.get('content-security-policy')).toContain("form-action 'self';");
  });

  test('strangers fill no table without end', async () => {
    const app = await newApp(server);
    const replies = [];
    for (let index = 0; index < 1100; index += 50) {
      const some = Array.from({ length: 50 }, () => server.call(requestPath(app), { key: null }));
      replies.push(...(await Promise.all(some)));
    }
    expect(replies.some(({ status }) => status === 429)).toBe(true);
  });
});
