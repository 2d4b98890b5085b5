import { describe, expect, test } from 'vitest';
import { problemsText } from './problems.ts';
import { type Ready, readyJson, readyText } from './ready.ts';

const first = {
  workspaceId: 'ws_1',
  owner: { email: 'owner@example.com', password: 'the-password' },
  testKey: 'sk_test_1',
  application: { clientId: 'app_1', clientSecret: 'lk_cs_1' },
};

const ready: Ready = {
  url: 'http://localhost:4000',
  issuer: 'https://auth.example.com',
  dataDir: '/data',
  isSecure: false,
  rootKey: 'lk_root_1',
  first,
  sandbox: true,
};

const later: Ready = { ...ready, rootKey: null, first: null };
const secrets = ['lk_root_1', 'the-password', 'sk_test_1', 'lk_cs_1'];

describe('the ready line', () => {
  test('of a first start holds what was made, and a request to try', () => {
    const line = readyJson(ready);
    expect(line).not.toContain('\n');
    expect(JSON.parse(line)).toEqual({
      url: 'http://localhost:4000',
      issuer: 'https://auth.example.com',
      first_start: true,
      root_key: 'lk_root_1',
      workspace_id: 'ws_1',
      owner: first.owner,
      test_key: 'sk_test_1',
      application: { client_id: 'app_1', client_secret: 'lk_cs_1' },
      curl: 'curl -H "Authorization: Bearer sk_test_1" http://localhost:4000/v1/projects',
    });
  });

  test('of a later start holds no secret, nor the name of one', () => {
    const { url, issuer } = ready;
    expect(JSON.parse(readyJson(later))).toEqual({ url, issuer, first_start: false });
  });

  test('tells a root key that was made now, also when the rest was there', () => {
    expect(JSON.parse(readyJson({ ...later, rootKey: 'lk_root_1' }))).toMatchObject({
      root_key: 'lk_root_1',
      first_start: false,
    });
  });

  test('tries what is there: without the sandbox the verification, with our own TLS an unknown certificate', () => {
    const withoutSandbox = { ...ready, sandbox: false, isSecure: true, url: 'https://localhost:4000' };
    const curl = 'curl --insecure -H "Authorization: Bearer sk_test_1" https://localhost:4000/v1/auth/verify';
    expect(JSON.parse(readyJson(withoutSandbox))).toMatchObject({ curl });
    expect(readyText(withoutSandbox)).toContain(curl);
  });
});

describe('the text for people', () => {
  test('says the same as the line', () => {
    const text = readyText(ready);
    const { curl, owner, workspace_id } = JSON.parse(readyJson(ready));
    for (const part of [ready.url, '/data', curl, owner.email, workspace_id, ...secrets]) expect(text).toContain(part);
    expect(text).toContain('shown only now');
  });

  test('of a later start holds no secret', () => {
    const text = readyText(later);
    expect(text).toContain(ready.url);
    for (const part of [...secrets, 'shown only now', 'Password']) expect(text).not.toContain(part);
  });
});

test('problems are told with their cures, one or many', () => {
  const problem = { setting: 'PORT', problem: '4000 is in use', cure: 'set PORT' };
  expect(problemsText([problem])).toBe(
    'latchkey: cannot start; one thing needs attention.\n\n  PORT 4000 is in use.\n    -> set PORT.\n',
  );
  expect(problemsText([problem, problem])).toContain('2 things need attention');
});
