import { afterAll, expect, test } from 'vitest';
import { START_MS } from '../domains/installation.ts';
import { manualClock, startServer, stopServers, type TestReply } from '../harness.ts';
import { refresh } from '../login/logins.ts';
import { enrolTotp, mailTo, newAddress, newBrowser, newPerson, otpAt, PASSWORD, signIn } from './browser.ts';

afterAll(stopServers);

test('no secret of a person stands in a log line, an event, or a refusal (O7, K9)', async () => {
  const clock = manualClock(START_MS);
  const server = await startServer({ clock, env: { LATCHKEY_LOG_LEVEL: 'trace' } });
  const secrets = new Set<string>([PASSWORD]);
  const refusals: string[] = [];
  const keep = (...texts: (string | undefined)[]) => {
    for (const text of texts) if (text) secrets.add(text);
  };
  const kept = (reply: TestReply): TestReply => {
    for (const line of reply.headers.getSetCookie()) keep(/^[^=]+=([^;]+)/.exec(line)?.[1]);
    if (reply.status >= 400) refusals.push(reply.text.replace(reply.json?.challenge ?? '\0', ''));
    return reply;
  };

  const email = newAddress();
  const visitor = newBrowser(server);
  kept(await visitor.post('/v1/account/sign-up', { email, password: PASSWORD }));
  const signUp = await mailTo(server, email);
  keep(signUp.token);
  kept(await visitor.call(`/sign-up/confirm?token=${signUp.token}`, { headers: { accept: 'text/html' } }));
  kept(await visitor.post('/v1/account/sign-up/confirm', { token: signUp.token, password: `${PASSWORD}x` }));
  kept(await visitor.post('/v1/account/sign-up/confirm', { token: signUp.token, password: PASSWORD }));
  kept(await visitor.post('/v1/account/sign-up/confirm', { token: signUp.token, password: PASSWORD }));

  const person = await newPerson(server);
  keep(...person.cookies.values());
  const { secret, backupCodes, code } = await enrolTotp(person, clock.nowMs);
  keep(secret, ...backupCodes);
  const asked = kept(await signIn(newBrowser(server), person.email));
  const { challenge } = asked.json;
  keep(challenge);
  const answer = (otp: string) => newBrowser(server).post('/v1/account/sign-in/second-factor', { challenge, otp });
  kept(await answer(code));
  kept(await answer('zzzz-zzzz-zzzz-zzzz'));
  kept(await answer(backupCodes[0] ?? ''));
  clock.advance(30_000);
  const otp = await otpAt(secret, clock.nowMs());
  const login = { username: person.email, password: PASSWORD, otp };
  const pair = kept(await server.call('/v1/auth/login', { key: null, json: login })).json;
  keep(pair.token, pair.refresh_token);
  const next = kept(await refresh(server, pair.refresh_token)).json;
  keep(next.token, next.refresh_token);
  clock.advance(60_000);
  kept(await refresh(server, pair.refresh_token));
  kept(await server.call('/v1/users/me', { key: next.token }));
  kept(await server.call(`/v1/projects?access_token=${next.token}`, { key: null }));
  kept(await newBrowser(server).post('/v1/account/recovery', { email: person.email }));
  const recovery = await mailTo(server, person.email, 'Choose a new password');
  keep(recovery.token);
  kept(await visitor.call(`/recover/password?token=${recovery.token}`, { headers: { accept: 'text/html' } }));
  const complete = { token: recovery.token, password: 'quarry lantern 77 moss' };
  keep(complete.password);
  kept(await visitor.post('/v1/account/recovery/complete', { ...complete, password: 'password1' }));
  kept(await visitor.post('/v1/account/recovery/complete', complete));
  kept(await visitor.post('/v1/account/recovery/complete', complete));

  expect(secrets.size).toBeGreaterThan(20);
  expect(refusals.length).toBeGreaterThan(8);
  const events = await server.latchkey.database.read.selectFrom('audit_events').selectAll().execute();
  const places = { log: server.logLines.join('\n'), events: JSON.stringify(events), refusals: refusals.join('\n') };
  for (const [place, text] of Object.entries(places)) {
    expect(text.length, place).toBeGreaterThan(100);
    const found = [...secrets].filter((each) => text.includes(each));
    expect([place, found]).toEqual([place, []]);
  }
  // Nor did the last net, which cuts secrets out of finished lines, have anything to do.
  expect(places.log).not.toContain('[redacted]');
});
