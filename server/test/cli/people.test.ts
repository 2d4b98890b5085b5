import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { newDataDir, type Program, runProgram, startProgram, stopPrograms } from '../running/program.ts';
import { onTerminal } from './terminal.ts';

// Each command is a process of its own, and the machine may be busy.
vi.setConfig({ testTimeout: 120_000 });

let program: Program;
beforeAll(async () => {
  program = await startProgram();
});
afterAll(stopPrograms);

const run = (args: string[], input?: string, env: Record<string, string> = {}) =>
  runProgram(args, { dataDir: program.dataDir, env, ...(input === undefined ? {} : { input }) });
const json = async (...args: string[]) => {
  const { code, stdout, stderr } = await run([...args, '--json']);
  expect([code, stderr], args.join(' ')).toEqual([0, '']);
  return JSON.parse(stdout);
};

const PASSWORD = ' plum trellis 41 gravel ';
const logIn = async (username: string, password: string) =>
  (await program.call('/v1/auth/login', { key: null, json: { username, password } })).status;

let made = 0;
/** An account in the first workspace, with a password that begins and ends with a space. */
async function makeUser(...more: string[]): Promise<{ id: string; email: string; member_id: string }> {
  made += 1;
  const email = `ada${made}@example.com`;
  const args = ['users', 'create', '--email', email, '--email-verified', 'yes', '--password-stdin', '--json', ...more];
  const { code, stdout, stderr } = await run(args, `${PASSWORD}\n`);
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout);
}

function passwordFile(text: string, mode = 0o600): string {
  const path = join(newDataDir(), 'password');
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

test('the life of an account', async () => {
  const user = await makeUser('--name', 'Ada', '--role', 'viewer', '--external-id', 'e1', '--metadata', 'team=a=b');
  expect(user).toMatchObject({
    name: 'Ada',
    role: 'viewer',
    external_id: 'e1',
    metadata: { team: 'a=b' },
    email_verified: true,
  });
  expect(await logIn(user.email, PASSWORD)).toBe(200);
  expect(await json('users', 'get', user.id)).toEqual(user);
  expect((await run(['users', 'list', '--email', user.email])).stdout).toMatch(
    new RegExp(`^ID +EMAIL .*\n${user.id}  ${user.email}  Ada +viewer +active +no +e1\n$`),
  );
  expect((await json('users', 'list', '--external-id', 'e1')).data).toEqual([user]);
  const changed = await run(['users', 'update', user.id, '--name', 'Émile', '--clear', 'external-id']);
  expect([changed.code, changed.stdout]).toEqual([0, expect.stringMatching(/^name +Émile$/m)]);
  expect(await json('users', 'get', user.id)).toMatchObject({ name: 'Émile', external_id: null });
  expect(await json('users', 'disable', user.id, '--yes')).toMatchObject({ state: 'disabled' });
  expect(await logIn(user.email, PASSWORD)).toBe(403);
  expect((await run(['users', 'enable', user.id])).stdout).toMatch(/^state +active$/m);
  expect(await logIn(user.email, PASSWORD)).toBe(200);
  const deleted = await run(['users', 'delete', user.id, '--yes']);
  expect(deleted).toMatchObject({ code: 0, stdout: '', stderr: `${user.id} is deleted.\n` });
  expect((await run(['users', 'get', user.id])).code).toBe(4);
});

test('second factors are taken from who lost them', async () => {
  const { id } = await makeUser();
  const reset = await run(['users', 'reset-factors', id, '--yes']);
  expect(reset).toMatchObject({ code: 0, stdout: '', stderr: `${id} has no second factor any more.\n` });
  const asKey = await run(['users', 'reset-factors', id, '--yes'], undefined, {
    LATCHKEY_KEY: program.ready.test_key as string,
  });
  expect([asKey.code, asKey.stderr]).toEqual([3, expect.stringContaining('Only the root key may do this.')]);
});

test('what cannot be undone is not done where nobody can be asked', async () => {
  const { id, member_id: memberId } = await makeUser();
  const invitation = await json('invitations', 'create', '--email', 'asked@example.com', '--role', 'viewer');
  const deeds = [
    ['users', 'disable', id],
    ['users', 'delete', id],
    ['users', 'reset-factors', id],
    ['members', 'remove', memberId],
    ['invitations', 'revoke', invitation.id],
    ['signing-keys', 'rotate', '--emergency'],
  ];
  for (const deed of deeds) {
    const { code, stdout, stderr } = await run(deed);
    expect([deed, code, stdout, stderr]).toEqual([deed, 2, '', expect.stringContaining('add --yes')]);
  }
  expect(await json('users', 'get', id)).toMatchObject({ state: 'active', member_id: memberId });
  expect(await json('invitations', 'get', invitation.id)).toMatchObject({ state: 'pending' });
  expect((await json('signing-keys', 'list')).data.map(({ state }: { state: string }) => state)).not.toContain(
    'revoked',
  );
});

describe('a password', () => {
  test('comes from a file that only its owner may read', async () => {
    const { id, email } = await makeUser();
    const update = (path: string, ...more: string[]) => run(['users', 'update', id, '--password-file', path, ...more]);
    const open = await update(passwordFile('another trellis 42\n', 0o644));
    expect([open.code, open.stderr]).toEqual([2, expect.stringContaining('chmod 600')]);
    for (const [path, said] of [
      [passwordFile('\n'), 'is empty'],
      [join(newDataDir(), 'none'), 'does not exist'],
    ] as const) {
      const { code, stderr } = await update(path);
      expect([code, stderr]).toEqual([2, expect.stringContaining(said)]);
    }
    expect((await update(passwordFile('x'), '--password-stdin')).stderr).toContain('give one of them');
    expect(await logIn(email, PASSWORD)).toBe(200);
    const filed = await update(passwordFile('another trellis 42\n'));
    expect(filed.code).toBe(0);
    expect(filed.stdout + filed.stderr).not.toContain('another trellis');
    expect([await logIn(email, 'another trellis 42'), await logIn(email, PASSWORD)]).toEqual([200, 401]);
  });

  test('is refused by its rules, with the option that it came by', async () => {
    const weak = await run(['users', 'create', '--email', 'weak@example.com', '--password-stdin'], 'password');
    expect([weak.code, weak.stderr]).toEqual([2, expect.stringContaining('password (--password-stdin): ')]);
    const none = await run(['users', 'create', '--email', 'weak@example.com', '--password-stdin'], '\n');
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('stdin is empty')]);
    expect((await json('users', 'list', '--email', 'weak@example.com')).data).toEqual([]);
  });

  test('is asked for twice on a terminal, and never shown', async () => {
    const ask = async (email: string, again: string) => {
      const args = ['users', 'create', '--email', email, '--email-verified', 'yes', '--password-stdin'];
      const screen = onTerminal(args, { LATCHKEY_DATA_DIR: program.dataDir });
      await screen.sees('The password');
      screen.type('typed trellis 43\r');
      await screen.sees('The password again');
      screen.type(`${again}\r`);
      const code = await screen.ended;
      const shown = stripVTControlCharacters(screen.shown());
      expect(shown).not.toContain('trellis');
      return { code, shown };
    };
    expect(await ask('typed@example.com', 'typed trellis 44')).toEqual({
      code: 2,
      shown: expect.stringContaining('the two differ; nothing was done'),
    });
    expect((await ask('typed@example.com', 'typed trellis 43')).code).toBe(0);
    expect(await logIn('typed@example.com', 'typed trellis 43')).toBe(200);
  });

  test('is no argument', async () => {
    const { code, stderr } = await run(['users', 'create', '--email', 'x@example.com', '--password', 'x']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('--password')]);
  });
});

test('nothing to change, and both set and cleared', async () => {
  const { id } = await makeUser();
  expect((await run(['users', 'update', id])).stderr).toContain('nothing to change was named');
  const both = await run(['users', 'update', id, '--name', 'x', '--clear', 'name']);
  expect([both.code, both.stderr]).toEqual([2, expect.stringContaining('name is both set and cleared')]);
  expect((await run(['users', 'get', '..'])).stderr).toContain('the id looks like usr_…');
});

test('who stands behind a key', async () => {
  const { id, email } = await makeUser();
  const made = await run([
    'keys',
    'create',
    '--name',
    'k',
    '--owner',
    id,
    '--scope',
    'read',
    '--json',
    '--show-secret',
  ]);
  const me = await run(['users', 'me'], undefined, { LATCHKEY_KEY: JSON.parse(made.stdout).key });
  expect([me.code, me.stdout]).toEqual([0, expect.stringMatching(new RegExp(`^id +${id}\nemail +${email}$`, 'm'))]);
  expect((await run(['users', 'me'])).code).toBe(3);
});

test('members of a workspace', async () => {
  const user = await makeUser();
  const { id: workspace } = await json('workspaces', 'create', '--name', 'Acme', '--second-factor', 'required');
  expect((await run(['workspaces', 'get', workspace])).stdout).toMatch(/^second factor +required$/m);
  const optional = await json('workspaces', 'update', workspace, '--second-factor', 'optional');
  expect(optional).toMatchObject({ require_second_factor: false });
  const in_ = ['--workspace', workspace];
  const member = await json('members', 'add', '--user', user.id, '--role', 'owner', ...in_);
  expect(member).toMatchObject({ user_id: user.id, role: 'owner', workspace_id: workspace });
  expect(await json('members', 'get', member.id, ...in_)).toEqual(member);
  expect((await run(['members', 'list', ...in_])).stdout).toMatch(
    new RegExp(`^ID +EMAIL .*\n${member.id}  ${user.email}  - +owner +active +no +`),
  );
  // The last owner stays one.
  const last = await run(['members', 'update', member.id, '--role', 'viewer', ...in_]);
  expect([last.code, last.stderr]).toEqual([1, expect.stringContaining('conflict (409)')]);
  const other = await makeUser('--workspace', workspace);
  const handed = await run(['members', 'update', other.member_id, '--role', 'owner', ...in_]);
  expect([handed.code, handed.stdout]).toEqual([0, expect.stringMatching(/^role +owner$/m)]);
  expect(await json('members', 'update', member.id, '--role', 'admin', ...in_)).toMatchObject({ role: 'admin' });
  const removed = await run(['members', 'remove', member.id, '--yes', ...in_]);
  expect(removed).toMatchObject({ code: 0, stdout: '', stderr: `${member.id} is removed.\n` });
  expect((await json('members', 'list', ...in_)).data).toMatchObject([{ user_id: other.id, role: 'owner' }]);
  // With two workspaces root must say which.
  expect((await run(['members', 'list'])).stderr).toContain('workspace_id (--workspace): is required');
});

test('invitations', async () => {
  const place = ['--workspace', program.ready.workspace_id as string];
  const invite = () => json('invitations', 'create', '--email', 'new@example.com', '--role', 'developer', ...place);
  const older = await invite();
  expect(older).toMatchObject({ email: 'new@example.com', role: 'developer', state: 'pending' });
  const newer = await invite();
  expect(await json('invitations', 'get', older.id, ...place)).toMatchObject({ state: 'revoked' });
  expect((await run(['invitations', 'list', '--limit', '2', ...place])).stdout).toMatch(
    new RegExp(`^ID .*\n${newer.id}  new@example.com  developer  pending .*\n${older.id} .* revoked .*\n$`),
  );
  const revoked = await run(['invitations', 'revoke', newer.id, '--yes', ...place]);
  expect(revoked).toMatchObject({ code: 0, stderr: `${newer.id} is revoked.\n` });
  expect((await run(['invitations', 'revoke', newer.id, '--yes', ...place])).code).toBe(1);
  expect((await run(['invitations', 'get', newer.id, ...place])).stdout).toMatch(/^state +revoked$/m);
});

test('signing keys', async () => {
  const listed = await json('signing-keys', 'list');
  const active = listed.data.find(({ state }: { state: string }) => state === 'active');
  const next = listed.data.find(({ state }: { state: string }) => state === 'next');
  expect((await run(['signing-keys', 'list'])).stdout).toMatch(
    new RegExp(`^ID +ALGORITHM +STATE .*$[\\s\\S]*^${active.id}  ES256 +active `, 'm'),
  );
  const shown = await run(['signing-keys', 'get', '--', active.id]);
  expect(shown.stdout).toContain(`\n\n${active.pem.trimEnd()}\n`);
  const planned = await run(['signing-keys', 'rotate']);
  expect([planned.code, planned.stdout]).toEqual([0, expect.stringMatching(/^state +next$/m)]);
  expect(planned.stderr).toMatch(/^Planned: verifiers must know the key first\. It signs from 20\S+Z\.\n$/);
  const emergency = await json('signing-keys', 'rotate', '--emergency', '--yes');
  expect(emergency).toMatchObject({ id: next.id, state: 'active' });
  expect((await run(['signing-keys', 'rotate', '--algorithm', 'RS256'])).code).toBe(4);
  const asKey = await run(['signing-keys', 'list'], undefined, { LATCHKEY_KEY: program.ready.test_key as string });
  expect([asKey.code, asKey.stderr]).toEqual([3, expect.stringContaining('owner of the first workspace')]);
  expect((await run(['signing-keys', 'get', 'a/b'])).code).toBe(2);
});

test('an owner of the first workspace does the same with a login', async () => {
  const owner = await makeUser('--role', 'owner', '--workspace', program.ready.workspace_id as string);
  const json = { username: owner.email, password: PASSWORD };
  const login = await program.call('/v1/auth/login', { key: null, json });
  const as = { LATCHKEY_KEY: login.json.token as string };
  const listed = await run(['signing-keys', 'list', '--json'], undefined, as);
  expect([listed.code, listed.stderr]).toEqual([0, '']);
  expect((await run(['scopes', 'create', 'reports:read', '--description', 'x'], undefined, as)).code).toBe(0);
  expect((await run(['users', 'me'], undefined, as)).stdout).toContain(owner.email);
  const admin = await run(['users', 'create', '--email', 'x@example.com'], undefined, as);
  expect([admin.code, admin.stderr]).toEqual([3, expect.stringContaining('Only the root key may do this.')]);
});

test('help lists the commands under headings, each once', async () => {
  const { stdout } = await run(['help']);
  expect(stdout).toMatch(/^API keys:\n {2}keys create +Make a key/m);
  expect(stdout).toMatch(/^People:\n {2}users create +Make an account/m);
  expect(stdout.match(/^ {2}members list /gm)).toHaveLength(1);
});
