import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mintSecret } from '@latchkey/protocol';
import { afterEach, describe, expect, test } from 'vitest';
import { pooledRandom } from '../crypto/index.ts';
import { ConfigError, type ConfigProblem } from './config.ts';
import { newEncryptionKey } from './generated-secrets.ts';
import { readConfig } from './read-config.ts';
import { SETTINGS } from './settings.ts';

const randomBytes = pooledRandom();
const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-test-'));
  folders.push(folder);
  return folder;
}

const read = (environment: Record<string, string>, workingDir = newFolder()) =>
  readConfig(environment, workingDir, randomBytes);

function problemsOf(environment: Record<string, string>, workingDir = newFolder()): ConfigProblem[] {
  try {
    read(environment, workingDir);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

const refused = (environment: Record<string, string>) => problemsOf(environment).map(({ setting }) => setting);

describe('people', () => {
  test('come as they like in development, by invitation in production, and as the setting says', () => {
    expect(read({}).config).toMatchObject({ signUp: 'open', smtpUrl: null, mailFrom: 'Latchkey <no-reply@localhost>' });
    const production = {
      LATCHKEY_MODE: 'production',
      LATCHKEY_ISSUER: 'https://auth.example.com',
      LATCHKEY_ROOT_KEY: mintSecret('root', randomBytes),
      LATCHKEY_ENCRYPTION_KEYS: newEncryptionKey('a', randomBytes),
    };
    const mailFrom = 'Latchkey <no-reply@auth.example.com>';
    expect(read(production).config).toMatchObject({ signUp: 'invitation', mailFrom });
    expect(read({ ...production, LATCHKEY_SIGN_UP: 'closed' }).config.signUp).toBe('closed');
  });

  test('get mails by SMTP, also by reference, from an address that adds no header', () => {
    const url = 'smtps://user:pass@mail.example.com:465';
    expect(read({ LATCHKEY_SMTP_URL: 'env:MAIL_URL', MAIL_URL: url }).config.smtpUrl).toBe(url);
    expect(read({ LATCHKEY_MAIL_FROM: 'Acme <no-reply@acme.example>' }).config.mailFrom).toBe(
      'Acme <no-reply@acme.example>',
    );
    for (const text of ['mail.example.com', 'http://mail.example.com', 'smtp://']) {
      expect(refused({ LATCHKEY_SMTP_URL: text }), text).toEqual(['LATCHKEY_SMTP_URL']);
    }
    for (const text of ['Acme', 'a@b\r\nBcc: c@d', 'Acme <a@b>, c@d', '<>']) {
      expect(refused({ LATCHKEY_MAIL_FROM: text }), text).toEqual(['LATCHKEY_MAIL_FROM']);
    }
    expect(refused({ LATCHKEY_SIGN_UP: 'maybe' })).toEqual(['LATCHKEY_SIGN_UP']);
  });
});

const rootKey = mintSecret('root', randomBytes);
const encryptionKeys = newEncryptionKey('a', randomBytes);
const production = {
  LATCHKEY_MODE: 'production',
  LATCHKEY_ISSUER: 'https://auth.example.com',
  LATCHKEY_ROOT_KEY: rootKey,
  LATCHKEY_ENCRYPTION_KEYS: encryptionKeys,
};

describe('settings', () => {
  test('need none to be set: everything has a default for development', () => {
    const folder = newFolder();
    const { config, newRootKey, unknownSettings } = read({}, folder);
    expect(config).toMatchObject({
      mode: 'development',
      host: '127.0.0.1',
      port: 4000,
      dataDir: join(folder, '.latchkey'),
      issuer: null,
      database: { kind: 'sqlite', path: join(folder, '.latchkey', 'latchkey.sqlite') },
      trustProxy: false,
      tls: null,
      outboundAllow: ['127.0.0.0/8', '::1/128'],
      errorDetail: 'full',
      logLevel: 'info',
      sandbox: true,
      maxStaleMs: 5000,
    });
    expect(config.rootKeys).toEqual([newRootKey]);
    expect(config.encryptionKeys).toHaveLength(1);
    expect(unknownSettings).toEqual([]);
  });

  test('that are empty or blank count as unset; blanks around a value do not count', () => {
    const blank = Object.fromEntries(SETTINGS.map(({ name }) => [name, ' ']));
    expect(read(blank).config).toMatchObject({ port: 4000, mode: 'development' });
    expect(read({ PORT: ' 8080 ', LATCHKEY_MODE: ' Development' }).config).toMatchObject({ port: 8080 });
  });

  test.each<[string, string, object]>([
    ['HOST', '::1', { host: '::1' }],
    ['PORT', '0', { port: 0 }],
    ['PORT', '65535', { port: 65_535 }],
    ['LATCHKEY_ISSUER', 'https://auth.example.com', { issuer: 'https://auth.example.com' }],
    ['LATCHKEY_DATABASE_URL', 'postgres://u@h:1/d', { database: { kind: 'postgres', url: 'postgres://u@h:1/d' } }],
    ['LATCHKEY_DATABASE_URL', 'postgresql://h/d', { database: { kind: 'postgres', url: 'postgresql://h/d' } }],
    ['LATCHKEY_DATABASE_URL', 'sqlite:/tmp/x.sqlite', { database: { kind: 'sqlite', path: '/tmp/x.sqlite' } }],
    ['LATCHKEY_DATABASE_URL', 'sqlite:///tmp/x.sqlite', { database: { kind: 'sqlite', path: '/tmp/x.sqlite' } }],
    ['LATCHKEY_ROOT_KEY', rootKey, { rootKeys: [rootKey] }],
    ['LATCHKEY_TRUST_PROXY', '2', { trustProxy: 2 }],
    ['LATCHKEY_TRUST_PROXY', '10.0.0.0/8', { trustProxy: ['10.0.0.0/8'] }],
    ['LATCHKEY_OUTBOUND_ALLOW', '10.1.0.0/16, fd00::/8', { outboundAllow: ['10.1.0.0/16', 'fd00::/8'] }],
    ['LATCHKEY_OUTBOUND_ALLOW', 'none', { outboundAllow: [] }],
    ['LATCHKEY_ERROR_DETAIL', 'GENERAL', { errorDetail: 'general' }],
    ['LATCHKEY_LOG_LEVEL', 'silent', { logLevel: 'silent' }],
    ['LATCHKEY_SANDBOX', 'off', { sandbox: false }],
    ['LATCHKEY_MAX_STALE', '2m', { maxStaleMs: 120_000 }],
    ['LATCHKEY_MAX_STALE', '1h', { maxStaleMs: 3_600_000 }],
  ])('%s=%s', (name, value, expected) => {
    expect(read({ [name]: value }).config).toMatchObject(expected);
  });

  test('a relative path of the database lies in the data dir', () => {
    const dataDir = newFolder();
    const { config } = read({ LATCHKEY_DATA_DIR: dataDir, LATCHKEY_DATABASE_URL: 'sqlite:other.sqlite' });
    expect(config.database).toEqual({ kind: 'sqlite', path: join(dataDir, 'other.sqlite') });
  });

  test.each([
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['PORT', '4000.5'],
    ['PORT', '0x10'],
    ['PORT', 'http'],
    ['LATCHKEY_MODE', 'prod'],
    ['LATCHKEY_ISSUER', 'auth.example.com'],
    ['LATCHKEY_ISSUER', 'http://localhost:4000/'],
    ['LATCHKEY_DATABASE_URL', 'mysql://root@localhost/x'],
    ['LATCHKEY_DATABASE_URL', 'postgres://u:%zz@localhost/x'],
    ['LATCHKEY_DATABASE_URL', '/var/lib/latchkey.sqlite'],
    ['LATCHKEY_ROOT_KEY', 'secret'],
    ['LATCHKEY_ENCRYPTION_KEYS', 'secret'],
    ['LATCHKEY_TRUST_PROXY', 'everyone'],
    ['LATCHKEY_OUTBOUND_ALLOW', 'example.com'],
    ['LATCHKEY_TLS_CERT', '/nowhere/cert.pem'],
    ['LATCHKEY_TLS_KEY', '/nowhere/key.pem'],
    ['LATCHKEY_ERROR_DETAIL', 'none'],
    ['LATCHKEY_LOG_LEVEL', 'verbose'],
    ['LATCHKEY_SANDBOX', 'yes'],
    ['LATCHKEY_MAX_STALE', '5'],
    ['LATCHKEY_MAX_STALE', '0s'],
    ['LATCHKEY_MAX_STALE', '61m'],
  ])('%s=%s is refused by name, with a cure', (name, value) => {
    const problems = problemsOf({ [name]: value });
    expect(new Set(problems.map(({ setting }) => setting))).toContain(name);
    for (const { problem, cure } of problems) {
      expect(problem).toMatch(/\w/);
      expect(cure).toMatch(/\w/);
    }
  });

  test('that are broken are all told of at once, and no secret is made meanwhile', () => {
    const dataDir = newFolder();
    const broken = {
      HOST: '0.0.0.0',
      PORT: 'http',
      LATCHKEY_ISSUER: 'example.com',
      LATCHKEY_DATABASE_URL: 'mysql://x',
      LATCHKEY_ENCRYPTION_KEYS: 'short',
      LATCHKEY_TRUST_PROXY: '*',
      LATCHKEY_TLS_CERT: '/nowhere/cert.pem',
      LATCHKEY_ERROR_DETAIL: 'none',
      LATCHKEY_LOG_LEVEL: 'loud',
      LATCHKEY_SANDBOX: 'maybe',
      LATCHKEY_MAX_STALE: 'long',
    };
    const expected = [...Object.keys(broken).filter((name) => name !== 'HOST'), 'LATCHKEY_MODE', 'LATCHKEY_TLS_CERT'];
    expect(refused({ ...broken, LATCHKEY_DATA_DIR: dataDir }).sort()).toEqual(expected.sort());
    expect(readdirSync(dataDir)).toEqual([]);
  });

  test('TLS needs a certificate and its own key', () => {
    const folder = newFolder();
    const file = (name: string, text: string) => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    expect(refused({ LATCHKEY_TLS_CERT: file('cert', 'x') })).toEqual(['LATCHKEY_TLS_CERT']);
    expect(refused({ LATCHKEY_TLS_KEY: file('key', 'x') })).toEqual(['LATCHKEY_TLS_KEY']);
    const both = { LATCHKEY_TLS_CERT: file('cert', 'no certificate'), LATCHKEY_TLS_KEY: file('key', 'no key') };
    expect(refused(both)).toEqual(['LATCHKEY_TLS_CERT']);
    expect(JSON.stringify(problemsOf(both))).not.toContain('no key"');
  });

  test('names that are none of ours, but look so, are told of', () => {
    const { unknownSettings } = read({
      LATCHKEY_ROOTKEY: 'x',
      LATCHKEY_URL: 'x',
      LATCHKEY_TEST_REDIS_URL: 'x',
      OTHER: 'x',
    });
    expect(unknownSettings).toEqual(['LATCHKEY_ROOTKEY']);
  });
});

describe('secret settings', () => {
  test('are read from a file or another variable', () => {
    const folder = newFolder();
    const path = join(folder, 'keys');
    writeFileSync(path, `${encryptionKeys}\n`);
    const references = {
      LATCHKEY_ENCRYPTION_KEYS: `file:${path}`,
      LATCHKEY_ROOT_KEY: 'env:MINE',
      MINE: ` ${rootKey}\n`,
    };
    const { config, newRootKey } = read(references);
    expect(config.rootKeys).toEqual([rootKey]);
    expect(config.encryptionKeys[0]?.id).toBe('a');
    expect(newRootKey).toBeNull();
    const url = read({ LATCHKEY_DATABASE_URL: 'env:DATABASE', DATABASE: 'postgres://h/d' }).config.database;
    expect(url).toEqual({ kind: 'postgres', url: 'postgres://h/d' });
  });

  test.each([
    ['file:/nowhere/at/all', /file \/nowhere\/at\/all, which cannot be read \(ENOENT\)/],
    ['file:/', /cannot be read \(EISDIR\)/],
    ['file:', /cannot be read/],
    ['env:NOT_SET', /variable NOT_SET, which is not set/],
    ['vault:secret/latchkey#root', /vault: reference, which this version cannot read; use file: or env:/],
    ['aws-sm:latchkey#root', /aws-sm: reference, which this version cannot read; use file: or env:/],
  ])('%s is refused in plain words', (reference, complaint) => {
    const [problem, ...rest] = problemsOf({ LATCHKEY_ROOT_KEY: reference });
    expect(rest).toEqual([]);
    expect(problem).toMatchObject({ setting: 'LATCHKEY_ROOT_KEY', problem: expect.stringMatching(complaint) });
  });

  test('settings that are no secrets take no references', () => {
    expect(refused({ PORT: 'env:OTHER', OTHER: '4000' })).toEqual(['PORT']);
  });

  test('are never repeated, however wrong they are', () => {
    const folder = newFolder();
    const path = join(folder, 'secret');
    writeFileSync(path, 'content-of-the-file');
    const wrong = {
      LATCHKEY_DATABASE_URL: 'mysql://user:hunter2-database@host/x',
      LATCHKEY_ROOT_KEY: `${rootKey.slice(0, -1)}-`,
      LATCHKEY_ENCRYPTION_KEYS: `file:${path}`,
    };
    const told = JSON.stringify(problemsOf(wrong));
    for (const name of Object.keys(wrong)) expect(told).toContain(name);
    for (const secret of ['hunter2', rootKey.slice(8, 40), 'content-of-the-file']) expect(told).not.toContain(secret);
  });
});

describe('secrets that a development server makes', () => {
  test('are made once, in files that only their owner can read, and never told of again', () => {
    const dataDir = join(newFolder(), 'deep', 'data');
    const first = read({ LATCHKEY_DATA_DIR: dataDir });
    expect(first.newRootKey).toMatch(/^lk_root_/);
    expect(readdirSync(dataDir).sort()).toEqual(['encryption-keys', 'root-key']);
    for (const name of readdirSync(dataDir)) expect(statSync(join(dataDir, name)).mode & 0o777).toBe(0o600);
    expect(statSync(dataDir).mode & 0o777).toBe(0o700);
    expect(readFileSync(join(dataDir, 'root-key'), 'utf8')).toBe(`${first.newRootKey}\n`);
    const second = read({ LATCHKEY_DATA_DIR: dataDir });
    expect(second.newRootKey).toBeNull();
    expect(second.config.rootKeys).toEqual(first.config.rootKeys);
    expect(second.config.encryptionKeys).toEqual(first.config.encryptionKeys);
  });

  test('are not made where they are given', () => {
    const dataDir = newFolder();
    const { newRootKey } = read({ ...production, LATCHKEY_MODE: 'development', LATCHKEY_DATA_DIR: dataDir });
    expect(newRootKey).toBeNull();
    expect(readdirSync(dataDir)).toEqual([]);
  });

  test.each([
    ['root-key', 'LATCHKEY_ROOT_KEY'],
    ['encryption-keys', 'LATCHKEY_ENCRYPTION_KEYS'],
  ])('a spoilt %s file is refused with its path, and kept', (name, setting) => {
    const dataDir = newFolder();
    for (const spoilt of ['', 'spoilt text']) {
      writeFileSync(join(dataDir, name), spoilt);
      const problems = problemsOf({ LATCHKEY_DATA_DIR: dataDir });
      expect(problems).toHaveLength(1);
      expect(problems[0]).toMatchObject({ setting, problem: expect.stringContaining(join(dataDir, name)) });
      expect(JSON.stringify(problems)).not.toContain('spoilt text');
      expect(readFileSync(join(dataDir, name), 'utf8')).toBe(spoilt);
    }
    rmSync(join(dataDir, name));
    mkdirSync(join(dataDir, name));
    expect(refused({ LATCHKEY_DATA_DIR: dataDir })).toEqual([setting]);
  });
});

describe('the mode', () => {
  test.each(['127.0.0.1', '127.8.8.8', '::1', '[::1]', 'localhost'])('may be left out on %s', (HOST) => {
    expect(read({ HOST }).config.mode).toBe('development');
  });

  test.each(['0.0.0.0', '::', '10.0.0.1', 'example.com', '127.0.0.1.example.com', 'localhost.example.com'])(
    'must be said on %s',
    (HOST) => {
      const problems = problemsOf({ HOST });
      expect(problems.map(({ setting }) => setting)).toEqual(['LATCHKEY_MODE']);
      expect(problems[0]?.cure).toMatch(/LATCHKEY_MODE=production.*LATCHKEY_MODE=development/);
      expect(read({ HOST, LATCHKEY_MODE: 'development' }).config).toMatchObject({ host: HOST, mode: 'development' });
    },
  );
});

describe('production', () => {
  test('starts with an https issuer and its own secrets, without the sandbox, and makes no files', () => {
    const dataDir = newFolder();
    const { config, newRootKey } = read({ ...production, HOST: '0.0.0.0', LATCHKEY_DATA_DIR: dataDir });
    expect(config).toMatchObject({ mode: 'production', sandbox: false, tls: null, rootKeys: [rootKey] });
    expect(newRootKey).toBeNull();
    expect(readdirSync(dataDir)).toEqual([]);
  });

  test.each<[string, Record<string, string>, string]>([
    ['an http issuer', { LATCHKEY_ISSUER: 'http://auth.example.com' }, 'LATCHKEY_ISSUER'],
    ['no issuer', { LATCHKEY_ISSUER: '' }, 'LATCHKEY_ISSUER'],
    ['no root key', { LATCHKEY_ROOT_KEY: '' }, 'LATCHKEY_ROOT_KEY'],
    ['no encryption keys', { LATCHKEY_ENCRYPTION_KEYS: '' }, 'LATCHKEY_ENCRYPTION_KEYS'],
    ['all of IPv4 as proxies', { LATCHKEY_TRUST_PROXY: '10.0.0.0/8,0.0.0.0/0' }, 'LATCHKEY_TRUST_PROXY'],
    ['every address exempt', { LATCHKEY_OUTBOUND_ALLOW: '::/0' }, 'LATCHKEY_OUTBOUND_ALLOW'],
    ['all of IPv6 as proxies', { LATCHKEY_TRUST_PROXY: '::/0' }, 'LATCHKEY_TRUST_PROXY'],
    ['a data dir that is a file', { LATCHKEY_DATA_DIR: '/etc/passwd' }, 'LATCHKEY_DATA_DIR'],
    ['a data dir below a file', { LATCHKEY_DATA_DIR: '/etc/passwd/data' }, 'LATCHKEY_DATA_DIR'],
    ['a data dir where none can be made', { LATCHKEY_DATA_DIR: '/proc/latchkey' }, 'LATCHKEY_DATA_DIR'],
  ])('refuses %s, naming the cure', (_, setting, name) => {
    const problems = problemsOf({ ...production, ...setting });
    expect(problems.map((problem) => problem.setting)).toEqual([name]);
    expect(problems[0]?.cure.length).toBeGreaterThan(10);
  });

  test('does not take the secrets that development made', () => {
    const dataDir = newFolder();
    read({ LATCHKEY_DATA_DIR: dataDir });
    const { LATCHKEY_ROOT_KEY: _, LATCHKEY_ENCRYPTION_KEYS: __, ...rest } = production;
    const expected = ['LATCHKEY_ENCRYPTION_KEYS', 'LATCHKEY_ROOT_KEY'];
    expect(refused({ ...rest, LATCHKEY_DATA_DIR: dataDir }).sort()).toEqual(expected);
  });
});
