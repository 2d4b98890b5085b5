import type { CallOptions, TestReply, TestServer } from '../harness.ts';

/** The owner of the first workspace, signed in by cookie; gives how that person calls. */
export async function signInOwner(
  server: TestServer,
): Promise<(path: string, options?: CallOptions) => Promise<TestReply>> {
  const { email = '', password = '' } = server.firstStart?.owner ?? {};
  const origin = { origin: server.issuer };
  const json = { username: email, password, cookie: true };
  const reply = await server.call('/v1/auth/login', { key: null, json, headers: origin });
  if (reply.status !== 200) throw new Error(`the owner cannot sign in: ${reply.text}`);
  const cookie = (reply.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
  return (path, options = {}) =>
    server.call(path, { ...options, key: null, headers: { cookie, ...origin, ...options.headers } });
}
