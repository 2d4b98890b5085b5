import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeWorkspace, START_MS } from '../domains/installation.ts';
import { DATABASES, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { sendRaw } from '../http/raw.ts';
import { newBrowser, newPerson } from './browser.ts';
import { type SmtpSink, startSmtpSink } from './smtp-sink.ts';

const MINUTE_MS = 60_000;

describe.each(DATABASES)('mails by SMTP on %s', (database) => {
  const clock = manualClock(START_MS);
  let sink: SmtpSink;
  let server: TestServer;
  beforeEach(async () => {
    sink = await startSmtpSink();
    const env = { LATCHKEY_SMTP_URL: sink.url, LATCHKEY_MAIL_FROM: 'Acme <no-reply@acme.example>' };
    server = await startServer({ database, clock, env });
  });
  afterEach(async () => {
    await stopServers();
    await sink.close();
  });

  const recover = (email: string) => newBrowser(server).post('/v1/account/recovery', { email });
  const send = () => server.latchkey.sendMails();
  const waiting = () => server.latchkey.database.read.selectFrom('mail_outbox').selectAll().execute();

  test('are sent once, from the address that is set, and then forgotten', async () => {
    const { email } = await newPerson(server);
    await recover(email);
    await Promise.all([send(), send(), send()]);
    expect(sink.mails).toMatchObject([{ from: 'no-reply@acme.example', to: email }]);
    expect(sink.mails[0]?.data).toContain('Subject: Choose a new password');
    expect(await waiting()).toEqual([]);
    expect((await server.call('/dev/mail', { key: null })).status).toBe(404);
  });

  test('have the lines and headers that we write, whatever a workspace is called', async () => {
    const name = 'Acme\r\nBcc: evil@example.com\r\n\r\nhttps://evil.example \u001b[31m\u2028';
    const workspace_id = await makeWorkspace(server, name);
    const email = 'invited@example.com';
    const made = await server.call('/v1/invitations', {
      key: server.rootKey,
      json: { email, role: 'viewer', workspace_id },
    });
    expect(made.status, made.text).toBe(201);
    await send();
    expect(sink.mails).toMatchObject([{ to: email }]);
    const data = sink.mails[0]?.data ?? '';
    const head = data.slice(0, data.indexOf('\r\n\r\n') === -1 ? data.indexOf('\n\n') : data.indexOf('\r\n\r\n'));
    expect(head).toMatch(/^Subject: You are invited to a workspace\r?$/m);
    expect(data).not.toMatch(/^(?:Bcc|https:\/\/evil)/im);
    expect(data).not.toContain('\u001b');
    expect(server.logLines.join('\n')).not.toContain('evil');
  });

  test('that are refused wait, and are tried again later and later', async () => {
    const { email } = await newPerson(server);
    sink.refuse(2);
    await recover(email);
    await send();
    await send();
    expect(sink.mails).toEqual([]);
    expect(await waiting()).toMatchObject([{ attempts: 1 }]);
    clock.advance(MINUTE_MS / 2);
    await send();
    expect(await waiting()).toMatchObject([{ attempts: 2 }]);
    clock.advance(MINUTE_MS / 2);
    await send();
    expect(sink.mails).toEqual([]);
    clock.advance(MINUTE_MS / 2);
    await send();
    expect(sink.mails).toHaveLength(1);
    expect(await waiting()).toEqual([]);
    expect(server.logLines.filter((line) => line.includes('a mail was not sent'))).toHaveLength(2);
  });

  test('that could not be sent for a day are given up', async () => {
    const { email } = await newPerson(server);
    await recover(email);
    clock.advance(24 * 60 * MINUTE_MS);
    await send();
    expect([sink.mails, await waiting()]).toEqual([[], []]);
  });

  test('survive a restart', async () => {
    const { email } = await newPerson(server);
    await recover(email);
    const { dataDir, config } = server;
    await server.stop();
    const url = config.database.kind === 'postgres' ? { LATCHKEY_DATABASE_URL: config.database.url } : {};
    server = await startServer({ dataDir, clock, env: { LATCHKEY_SMTP_URL: sink.url, ...url } });
    await send();
    expect(sink.mails).toMatchObject([{ to: email }]);
  });
});

describe('/dev/mail', () => {
  afterAll(stopServers);

  test('answers under a loopback name alone: a page that made its own name mean this machine reads nothing', async () => {
    const server = await startServer();
    const { port } = new URL(server.url);
    const ask = async (host: string) => {
      const [reply] = await sendRaw(server, `GET /dev/mail HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      return reply?.status;
    };
    for (const host of ['localhost', `127.0.0.1:${port}`, `[::1]:${port}`]) expect(await ask(host), host).toBe(200);
    for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', '10.0.0.1']) {
      expect(await ask(host), host).toBe(403);
    }
  });
});
