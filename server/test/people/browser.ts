import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import type { CallOptions, TestReply, TestServer } from '../harness.ts';
import { findBinary } from '../services/find-binary.ts';

/** A browser as the server sees one: it keeps cookies and says that its requests come from the server's own pages. */
export interface Browser {
  cookies: Map<string, string>;
  call(path: string, options?: CallOptions): Promise<TestReply>;
  post(path: string, json?: object): Promise<TestReply>;
}

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';

export function newBrowser(server: TestServer, headers: Record<string, string> = {}): Browser {
  const cookies = new Map<string, string>();
  const call = async (path: string, options: CallOptions = {}): Promise<TestReply> => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const reply = await server.call(path, {
      key: null,
      ...options,
      headers: {
        'sec-fetch-site': 'same-origin',
        'user-agent': FIREFOX,
        ...(cookie === '' ? {} : { cookie }),
        ...headers,
        ...options.headers,
      },
    });
    for (const line of reply.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (/Max-Age=0(?:;|$)/.test(line)) cookies.delete(name);
      else cookies.set(name, value);
    }
    return reply;
  };
  return { cookies, call, post: (path, json = {}) => call(path, { method: 'POST', json }) };
}

export const PASSWORD = 'plum trellis 41 gravel';

/** The latest mail to an address that a development server kept, and the token of its link. */
export async function mailTo(server: TestServer, address: string, subject?: string) {
  const { json } = await server.call('/dev/mail', { key: null, headers: { host: 'localhost' } });
  const mail = json.data.find(
    (each: { to: string; subject: string }) =>
      each.to === address && (subject === undefined || each.subject === subject),
  );
  expect(mail, `a mail to ${address}`).toBeDefined();
  const link: string = /https?:\/\/\S+/.exec(mail.text)?.[0] ?? '';
  return { ...mail, link, token: new URL(link).searchParams.get('token') ?? '' };
}

/** How many mails went to an address. */
export async function mailCount(server: TestServer, address: string): Promise<number> {
  const { json } = await server.call('/dev/mail', { key: null });
  return json.data.filter((each: { to: string }) => each.to === address).length;
}

let people = 0;
export function newAddress(name = 'ada'): string {
  people += 1;
  return `${name}${people}@example.com`;
}

export interface Person extends Browser {
  email: string;
  password: string;
  userId: string;
  sessionId: string;
  workspaceId: string;
}

/** A person made by root with a place in a workspace, and signed in. */
export async function newPerson(server: TestServer, fields: Record<string, unknown> = {}): Promise<Person> {
  const email = newAddress();
  const json = { email, password: PASSWORD, email_verified: true, workspace_id: server.workspaceId, ...fields };
  const made = await server.call('/v1/users', { key: server.rootKey, json });
  expect(made.status, made.text).toBe(201);
  const browser = newBrowser(server);
  const signedIn = await signIn(browser, made.json.email);
  expect(signedIn.status, signedIn.text).toBe(201);
  const { workspace_id: workspaceId, id: sessionId } = signedIn.json;
  return { ...browser, email: made.json.email, password: PASSWORD, userId: made.json.id, sessionId, workspaceId };
}

export function signIn(browser: Browser, email: string, password = PASSWORD, more: object = {}): Promise<TestReply> {
  return browser.post('/v1/account/sign-in', { email, password, ...more });
}

const run = promisify(execFile);

/** What an authenticator app would show at a time, computed by `oathtool` and not by the server's own library. */
export async function otpAt(secret: string, timeMs: number): Promise<string> {
  const oathtool = findBinary({ name: 'oathtool', also: [], debianPackage: 'oathtool' });
  const now = new Date(timeMs)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, ' UTC');
  const { stdout } = await run(oathtool, ['--totp', '--base32', `--now=${now}`, secret]);
  return stdout.trim();
}

/** Turns an authenticator app on; its secret, its backup codes, and a way to move to the next code. */
export async function enrolTotp(person: Person, nowMs: () => number) {
  const offered = await person.post('/v1/account/factors/totp');
  expect(offered.status, offered.text).toBe(201);
  const { secret } = offered.json;
  const code = await otpAt(secret, nowMs());
  const confirmed = await person.post('/v1/account/factors/totp/confirm', { code });
  expect(confirmed.status, confirmed.text).toBe(200);
  return { secret: secret as string, backupCodes: confirmed.json.backup_codes as string[], code };
}

/** The refusal's status and code. */
export const refusal = ({ status, json }: TestReply): [number, string | undefined] => [status, json?.error];
