import { expect } from 'vitest';
import type { TestReply, TestServer } from '../harness.ts';

/** A plain HTTP client that keeps cookies and fills forms, as a browser without script would. */
export interface PageClient {
  cookies: Map<string, string>;
  get(path: string, headers?: Record<string, string>): Promise<TestReply>;
  /** Follows every redirect by GET. */
  visit(path: string): Promise<TestReply>;
  /** Posts fields with the token of the page that was loaded last. */
  post(path: string, fields?: Record<string, string>, headers?: Record<string, string>): Promise<TestReply>;
  /** The same, and where it leads. */
  submit(path: string, fields?: Record<string, string>): Promise<TestReply>;
  /** The token of the page that was loaded last. */
  token(): string;
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const SAME = { 'sec-fetch-site': 'same-origin', origin: 'null' };

export function pageClient(server: TestServer, cookies = new Map<string, string>()): PageClient {
  let token = '';
  const send = async (path: string, options: { body?: string; headers: Record<string, string> }) => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { accept: 'text/html', ...(cookie === '' ? {} : { cookie }), ...options.headers };
    const reply = await server.call(path, { ...options, key: null, headers });
    for (const line of reply.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (/Max-Age=0(?:;|$)/.test(line)) cookies.delete(name);
      else cookies.set(name, value);
    }
    token = /name="form_token" value="([^"]+)"/.exec(reply.text)?.[1] ?? token;
    return reply;
  };
  const get = (path: string, headers: Record<string, string> = {}) => send(path, { headers });
  const post = (path: string, fields: Record<string, string> = {}, headers: Record<string, string> = SAME) => {
    const body = new URLSearchParams({ form_token: token, ...fields }).toString();
    return send(path, { body, headers: { ...FORM, ...headers } });
  };
  const follow = async (first: TestReply) => {
    let reply = first;
    for (let steps = 0; reply.status === 303; steps += 1) {
      expect(steps).toBeLessThan(5);
      reply = await get(reply.headers.get('location') ?? '');
    }
    return reply;
  };
  return {
    cookies,
    get,
    visit: async (path) => follow(await get(path)),
    post,
    submit: async (path, fields) => {
      const reply = await post(path, fields);
      expect(reply.status, reply.text).toBe(303);
      return follow(reply);
    },
    token: () => token,
  };
}

/** A page's text without its tags, its token and its ids. */
export function plainText(reply: TestReply): string {
  return reply.text
    .replace(/<[^>]*>/g, ' ')
    .replace(/req_\w+/g, 'req_…')
    .replace(/\s+/g, ' ')
    .trim();
}

export async function signInByForm(client: PageClient, username: string, password: string): Promise<TestReply> {
  await client.get('/sign-in');
  return client.post('/sign-in', { username, password });
}
