import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { newDataDir, type Program, runProgram, startProgram, stopPrograms } from '../running/program.ts';

// Each command is a process of its own, and the machine may be busy.
vi.setConfig({ testTimeout: 120_000 });

let program: Program;
beforeAll(async () => {
  program = await startProgram();
});
afterAll(stopPrograms);

/** `latchkey` beside the running server, with the root key that it made; stdout is a pipe. */
const run = (...args: string[]) => runProgram(args, { dataDir: program.dataDir, env: {} });
const json = async (...args: string[]) => {
  const { code, stdout, stderr } = await run(...args, '--json');
  expect([args, code, stderr]).toEqual([args, 0, expect.any(String)]);
  return JSON.parse(stdout);
};

const WEB = ['--name', 'Shop', '--scope', 'openid', '--scope', 'read', '--redirect-uri', 'https://shop.example/cb'];

describe('applications', () => {
  test('are made with a secret for a file, listed, changed, disabled, enabled and deleted', async () => {
    const path = join(newDataDir(), 'secret.txt');
    const made = await json('applications', 'create', ...WEB, '--require-pkce', 'yes', '--secret-file', path);
    const secret = readFileSync(path, 'utf8').trim();
    expect(secret).toMatch(/^lk_cs_[0-9A-Za-z]{46}$/);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(made).not.toHaveProperty('client_secret');
    expect(made).toMatchObject({ type: 'web', scopes: ['openid', 'read'], require_pkce: true, state: 'active' });
    const { id } = made;
    const listed = await run('applications', 'list');
    expect([listed.code, listed.stdout]).toEqual([0, expect.stringContaining(id)]);
    const shown = await run('applications', 'get', id);
    expect(shown.stdout).toMatch(/client id +app_/);
    expect(shown.stdout).toContain('https://shop.example/cb');
    expect(listed.stdout + shown.stdout).not.toContain(secret);
    const more = ['--name', 'Store', '--logo-uri', 'https://shop.example/logo.png', '--token-seconds', '600'];
    expect(await json('applications', 'update', id, ...more)).toMatchObject({
      name: 'Store',
      logo_uri: 'https://shop.example/logo.png',
      access_token_ttl_seconds: 600,
    });
    expect(await json('applications', 'update', id, '--clear', 'logo-uri')).toMatchObject({ logo_uri: null });
    expect((await run('applications', 'update', id)).code).toBe(2);
    expect((await run('applications', 'update', id, '--clear', 'plan', '--plan', 'starter')).code).toBe(2);
    expect(await json('applications', 'disable', id, '--yes')).toMatchObject({ state: 'disabled' });
    expect(await json('applications', 'enable', id)).toMatchObject({ state: 'active' });
    expect((await run('applications', 'delete', id, '--yes')).stderr).toContain(`${id} is deleted`);
    expect((await run('applications', 'get', id)).code).not.toBe(0);
  });

  test('without a secret need no place for one', async () => {
    const native = ['--type', 'native', '--redirect-uri', 'http://127.0.0.1/cb'];
    const made = await json('applications', 'create', '--name', 'CLI', '--scope', 'read', ...native);
    expect(made).toMatchObject({ type: 'native', token_endpoint_auth_method: 'none', secrets: [] });
    const lost = await run('applications', 'create', ...WEB);
    expect([lost.code, lost.stdout, lost.stderr]).toEqual([2, '', expect.stringContaining('--secret-file PATH')]);
    const refused = await run('applications', 'create', '--name', 'x', '--scope', 'read', '--type', 'native');
    expect(refused.stderr).toContain('redirect_uris');
  });

  test('get another secret beside the first, and lose one', async () => {
    const { id } = await json('applications', 'create', ...WEB, '--show-secret');
    const made = await json('applications', 'secrets', 'create', id, '--expires-in', '90d', '--show-secret');
    expect(made.client_secret).toMatch(/^lk_cs_/);
    expect((await json('applications', 'secrets', 'list', id)).data).toHaveLength(2);
    const third = await run('applications', 'secrets', 'create', id, '--show-secret');
    expect([third.code === 0, third.stderr]).toEqual([false, expect.stringContaining('overlap')]);
    const rotated = await run('applications', 'secrets', 'create', id, '--overlap', '0s', '--show-secret');
    expect(rotated.stdout).toMatch(/lk_cs_[0-9A-Za-z]{46}/);
    const [left, ...others] = (await json('applications', 'secrets', 'list', id)).data;
    expect(others).toEqual([]);
    expect((await run('applications', 'secrets', 'delete', id, left.id, '--yes')).stderr).toContain('has ended');
    expect((await run('applications', 'secrets', 'delete', id, 'app_x', '--yes')).code).toBe(2);
  });

  test('say which verbs there are', async () => {
    expect((await run('applications')).stderr).toContain('create, list, get, update, disable, enable, delete, secrets');
  });
});

test('resources are added, listed, changed and deleted', async () => {
  const made = await json('resources', 'create', '--name', 'Billing', '--audience', 'https://billing.example');
  expect(made).toMatchObject({ signing_alg: 'ES256', token_format: 'jwt', access_token_ttl_seconds: 900 });
  const { id } = made;
  expect((await run('resources', 'list')).stdout).toContain('https://billing.example');
  expect((await run('resources', 'get', id)).stdout).toMatch(/audience +https:\/\/billing\.example/);
  const changed = await json('resources', 'update', id, '--token-seconds', '600', '--accept', 'urn:old');
  expect(changed).toMatchObject({ access_token_ttl_seconds: 600, accepted_audiences: ['urn:old'] });
  expect((await run('resources', 'update', id)).code).toBe(2);
  expect((await run('resources', 'delete', id, '--yes')).code).toBe(0);
  expect((await json('resources', 'list')).data).toHaveLength(1);
});
