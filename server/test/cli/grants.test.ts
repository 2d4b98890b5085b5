import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Program, runProgram, startProgram, stopPrograms } from '../running/program.ts';

// Each command is a process of its own, and the machine may be busy.
vi.setConfig({ testTimeout: 120_000 });

const PASSWORD = 'plum trellis 41 gravel';
const REDIRECT = 'https://app.example/cb';
let program: Program;
let cookie = '';
beforeAll(async () => {
  program = await startProgram();
});
afterAll(stopPrograms);

const run = (...args: string[]) => runProgram(args, { dataDir: program.dataDir });
const json = async (...args: string[]) => {
  const { code, stdout, stderr } = await run(...args, '--json');
  expect([code, stderr], args.join(' ')).toEqual([0, '']);
  return JSON.parse(stdout);
};

async function makeUser(role: string): Promise<{ id: string; email: string; member_id: string }> {
  const email = `${role}@example.com`;
  const args = ['users', 'create', '--email', email, '--role', role, '--email-verified', 'yes', '--password-stdin'];
  const { stdout } = await runProgram([...args, '--json'], { dataDir: program.dataDir, input: `${PASSWORD}\n` });
  return JSON.parse(stdout);
}

/** The application asks, and the person, who is signed in, is not asked: that stands in its registration. */
async function allow(clientId: string): Promise<void> {
  const asked = { response_type: 'code', client_id: clientId, redirect_uri: REDIRECT, scope: 'read', state: 's' };
  const path = `/oauth/authorize?${new URLSearchParams(asked)}`;
  const reply = await fetch(program.ready.url + path, { headers: { cookie }, redirect: 'manual' });
  expect(reply.headers.get('location')).toContain('code=');
}

test('what people allowed applications is listed, shown and withdrawn', async () => {
  const user = await makeUser('developer');
  const signedIn = await program.call('/v1/account/sign-in', {
    key: null,
    json: { email: user.email, password: PASSWORD },
    headers: { 'sec-fetch-site': 'same-origin' },
  });
  cookie = (signedIn.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
  const made = await program.call('/v1/applications', {
    key: program.ready.root_key ?? null,
    json: {
      name: 'Notes',
      redirect_uris: [REDIRECT],
      scopes: ['read'],
      consent: 'skip',
      workspace_id: program.ready.workspace_id,
    },
  });
  expect((await json('grants', 'list')).data).toEqual([]);
  await allow(made.json.client_id);
  const { data } = await json('grants', 'list', '--user', user.id, '--client', made.json.client_id);
  expect(data).toEqual([expect.objectContaining({ user_id: user.id, application_name: 'Notes', scopes: ['read'] })]);
  const { id } = data[0];
  expect(await json('grants', 'get', id)).toMatchObject({ id, client_id: made.json.client_id });
  expect((await run('grants', 'list')).stdout).toMatch(
    new RegExp(`^ID +USER .*\\n${id}  ${user.id}  Notes +test +read`),
  );
  expect((await run('grants', 'get', id)).stdout).toMatch(/application +Notes/);
  expect((await json('grants', 'list', '--client', 'app_000000000000000000000000')).data).toEqual([]);
  // Without somebody to ask, nothing is withdrawn unless that was said.
  expect((await run('grants', 'revoke', id)).code).not.toBe(0);
  const revoked = await run('grants', 'revoke', id, '--yes');
  expect([revoked.code, revoked.stderr]).toEqual([0, `${id} is revoked.\n`]);
  expect((await run('grants', 'get', id)).stderr).toContain('not_found');
  expect((await json('grants', 'list')).data).toEqual([]);
  expect((await run('grants', 'get', '../keys')).stderr).toContain('the id looks like grt_');
});

test('the operator hands a workspace over: another becomes an owner, then the first becomes less', async () => {
  const { data } = await json('members', 'list');
  const first = data.find(({ role }: { role: string }) => role === 'owner');
  const refused = await run('members', 'update', first.id, '--role', 'admin');
  expect([refused.code === 0, refused.stderr]).toEqual([false, expect.stringContaining('conflict')]);
  const next = await makeUser('admin');
  expect(await json('members', 'update', next.member_id, '--role', 'owner')).toMatchObject({ role: 'owner' });
  expect(await json('members', 'update', first.id, '--role', 'admin')).toMatchObject({ role: 'admin' });
});
