import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, globSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, matchesGlob } from 'node:path';
import { createClient } from 'redis';
import { afterAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readConfig, SETTINGS } from '../../src/config/index.ts';
import { pooledRandom } from '../../src/crypto/index.ts';
import { temporaryFolder } from '../harness.ts';
import { newCertificate } from '../running/certificate.ts';
import { repository, startProgram, stopPrograms } from '../running/program.ts';
import { findBinary } from '../services/find-binary.ts';
import { startRedis } from '../services/redis.ts';
import { environmentOf, readDockerfile, wordsOf } from './dockerfile.ts';

const at = (path: string) => join(repository, path);
const read = (path: string) => readFileSync(at(path), 'utf8');
const folder = temporaryFolder();
afterAll(async () => {
  await stopPrograms();
  rmSync(folder, { recursive: true, force: true });
});

const deployed = globSync('deploy/**/*', { cwd: repository }).filter((path) => statSync(at(path)).isFile());

test('every setting that is named for production is one', () => {
  const known = new Set(SETTINGS.map(({ name }) => name));
  expect(deployed.length).toBeGreaterThan(10);
  for (const path of [...deployed, 'docs/guides/going-live.md']) {
    for (const [name] of read(path).matchAll(/\bLATCHKEY_[A-Z_]*[A-Z]\b/g))
      expect([path, known.has(name), name]).toEqual([path, true, name]);
  }
});

test('nothing that ships holds a password', () => {
  for (const path of deployed) {
    expect([path, read(path)]).toEqual([
      path,
      expect.not.stringMatching(/(?:PASSWORD|SECRET|ROOT_KEY)[=:] *["']?(?!file:)\w/),
    ]);
  }
});

describe('deploy/Dockerfile', () => {
  const stages = readDockerfile(at('deploy/Dockerfile'));
  const last = stages.at(-1);
  const all = (name: string) => last?.instructions.filter((each) => each.name === name).map(({ text }) => text) ?? [];

  test('is built on the Node that the tests run on, and ends in a slim image', () => {
    const slim = `node:${process.versions.node}-bookworm-slim`;
    expect(stages.map(({ image, alias }) => [image, alias])).toEqual([
      [slim, 'manifests'],
      ['manifests', 'build'],
      ['manifests', 'dependencies'],
      [slim, ''],
    ]);
  });

  test('runs as a user, stops by SIGTERM, needs no shell and no curl', () => {
    expect([all('USER'), all('STOPSIGNAL'), all('VOLUME')]).toEqual([['node'], ['SIGTERM'], ['/data']]);
    expect(last?.instructions.findLast(({ name }) => ['USER', 'COPY', 'RUN'].includes(name))?.name).toBe('USER');
    expect(wordsOf(all('ENTRYPOINT')[0] ?? '').concat(wordsOf(all('CMD')[0] ?? ''))).toEqual([
      'node',
      'server/bin/latchkey.js',
      'serve',
    ]);
    expect(all('HEALTHCHECK')[0]).toMatch(/^--interval=\S+ --timeout=\S+ .*CMD \["node", "-e", /);
  });

  test('asks for its health over HTTP, and over TLS where Latchkey serves that', async () => {
    const { cert, key } = newCertificate(folder);
    for (const env of [{}, { LATCHKEY_TLS_CERT: cert, LATCHKEY_TLS_KEY: key }]) {
      const program = await startProgram({ env });
      const { port } = new URL(program.ready.url);
      const [, ...script] = wordsOf(all('HEALTHCHECK')[0] ?? '');
      const check = () => spawnSync(process.execPath, script, { env: { ...env, PORT: port } }).status;
      expect(check()).toBe(0);
      expect((await program.end('SIGTERM')).code).toBe(0);
      expect(check()).toBe(1);
    }
  });

  test('takes what it copies from the project, and sends the builder nothing else', () => {
    const lines = read('deploy/Dockerfile.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    const [everything, ...rest] = lines;
    expect(everything).toBe('*');
    const allowed = rest.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
    const copied = stages.flatMap(({ instructions }) =>
      instructions
        .filter(({ name, text }) => name === 'COPY' && !text.startsWith('--from'))
        .flatMap(({ text }) => text.split(/ +/).slice(0, -1)),
    );
    expect(new Set(copied)).toEqual(new Set(allowed));
    for (const path of allowed) expect(() => statSync(at(path))).not.toThrow();
    const denied = rest.filter((line) => !line.startsWith('!'));
    for (const path of ['server/src/clock.test.ts', 'server/node_modules', 'server/dist']) {
      expect([path, denied.some((glob) => matchesGlob(path, glob))]).toEqual([path, true]);
    }
  });

  test('sets what production needs, and leaves the rest to who runs it', () => {
    const env = environmentOf(last ?? { image: '', alias: '', instructions: [] });
    expect(env).toEqual({
      NODE_ENV: 'production',
      HOST: '0.0.0.0',
      PORT: '4000',
      LATCHKEY_MODE: 'production',
      LATCHKEY_DATA_DIR: '/data',
    });
    expect(all('RUN')).toEqual(['install -d -o node -g node -m 0700 /data']);
    expect(all('LABEL')[0]).toContain(`version="${JSON.parse(read('server/package.json')).version}"`);
  });
});

// biome-ignore lint/suspicious/noExplicitAny: the file is looked into freely
const compose: any = parse(read('deploy/compose.yaml'));
// biome-ignore lint/suspicious/noExplicitAny: the file is looked into freely
const services = Object.entries<any>(compose.services);

/** Runs make-secrets.sh in a copy of deploy/, with the program of this clone. */
function makeSecrets(): string {
  const copy = join(folder, 'deploy');
  mkdirSync(copy, { recursive: true });
  cpSync(at('deploy/make-secrets.sh'), join(copy, 'make-secrets.sh'));
  const COMMAND = `${process.execPath} ${at('server/bin/latchkey.js')}`;
  execFileSync(join(copy, 'make-secrets.sh'), {
    env: { PATH: process.env.PATH, COMMAND },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  return join(copy, 'secrets');
}

describe('deploy/compose.yaml', () => {
  test('keeps its secrets, and refuses a folder that lacks some of them', () => {
    const secrets = makeSecrets();
    const keys = readFileSync(join(secrets, 'encryption-keys'), 'utf8');
    makeSecrets();
    rmSync(join(secrets, 'root-key'));
    expect(makeSecrets).toThrow(/no root-key/);
    expect(readFileSync(join(secrets, 'encryption-keys'), 'utf8')).toBe(keys);
    rmSync(secrets, { recursive: true });
  });

  test('gives no service more than it needs', () => {
    expect(services.map(([name]) => name)).toEqual(['latchkey', 'postgres', 'valkey']);
    for (const [name, service] of services) {
      expect([name, service.read_only, service.cap_drop, service.security_opt, service.privileged]).toEqual([
        name,
        true,
        ['ALL'],
        ['no-new-privileges:true'],
        undefined,
      ]);
      expect(service.cap_add).toBeUndefined();
      expect(service.restart).toBe('unless-stopped');
      expect(service.image).toMatch(/^[a-z/]+:\d[\w.-]*$/);
      if (name !== 'latchkey') {
        expect(service.user).not.toMatch(/^(?:root|0)/);
        expect([service.ports, service.networks]).toEqual([undefined, ['back']]);
        expect(service.healthcheck.test.length).toBeGreaterThan(1);
        expect(compose.services.latchkey.depends_on[name]).toEqual({ condition: 'service_healthy' });
      }
    }
    expect(compose.networks.back).toEqual({ internal: true });
    expect(compose.services.latchkey.ports).toEqual(['127.0.0.1:4000:4000']);
    expect(Number.parseInt(compose.services.latchkey.stop_grace_period, 10)).toBeGreaterThan(10);
  });

  test('declares every secret and volume that it uses, each from a file that make-secrets.sh makes', () => {
    const used = services.flatMap(([, service]) => service.secrets);
    expect(new Set(used)).toEqual(new Set(Object.keys(compose.secrets)));
    for (const [name, source] of Object.entries(compose.secrets)) expect(source).toEqual({ file: `./secrets/${name}` });
    const secrets = makeSecrets();
    expect(readdirSync(secrets).sort()).toEqual(Object.keys(compose.secrets).sort());
    expect((statSync(secrets).mode & 0o777).toString(8)).toBe('700');
    for (const name of readdirSync(secrets))
      expect((statSync(join(secrets, name)).mode & 0o777).toString(8)).toBe('444');
    const before = readFileSync(join(secrets, 'root-key'), 'utf8');
    expect(readFileSync(join(makeSecrets(), 'root-key'), 'utf8')).toBe(before);
  });

  test('gives Latchkey settings that it starts with', () => {
    const secrets = makeSecrets();
    const issuer = 'https://auth.example.com';
    const env: Record<string, string> = { ...environmentOf(readDockerfile(at('deploy/Dockerfile')).at(-1) ?? never()) };
    for (const [name, value] of Object.entries<string>(compose.services.latchkey.environment)) {
      env[name] = value
        .replace(/^\$\{LATCHKEY_ISSUER:\?.*\}$/, issuer)
        .replace('file:/run/secrets/', `file:${secrets}/`);
    }
    env.LATCHKEY_DATA_DIR = join(folder, 'data');
    const { config, unknownSettings } = readConfig(env, folder, pooledRandom());
    expect(unknownSettings).toEqual([]);
    expect(config).toMatchObject({ mode: 'production', issuer, trustProxy: 1, sandbox: false, host: '0.0.0.0' });
    const password = (name: string) => readFileSync(join(secrets, name), 'utf8').trim();
    expect(config.database).toEqual({
      kind: 'postgres',
      url: `postgres://latchkey:${password('postgres-password')}@postgres:5432/latchkey`,
    });
    const [, required] = /^requirepass ([0-9a-f]{48})$/m.exec(password('valkey-conf')) ?? [];
    expect(config.redisUrl).toBe(`redis://:${required}@valkey:6379`);
    expect(password('postgres-password')).toMatch(/^[0-9a-f]{48}$/);
  });

  test('gives the counting store a configuration that it starts with, and that asks for the password', async () => {
    const secrets = makeSecrets();
    const store = await startRedis({ own: true, configuration: join(secrets, 'valkey-conf') });
    try {
      const { port } = new URL(store.url);
      const given = readFileSync(join(secrets, 'redis-url'), 'utf8').trim().replace('valkey:6379', `127.0.0.1:${port}`);
      const client = await createClient({ url: given }).connect();
      expect(await client.ping()).toBe('PONG');
      expect(await client.configGet('maxmemory-policy')).toEqual({ 'maxmemory-policy': 'noeviction' });
      client.destroy();
      const stranger = createClient({ url: store.url, socket: { reconnectStrategy: false } }).on('error', () => {});
      await expect(stranger.connect()).rejects.toThrow(/NOAUTH/);
    } finally {
      await store.stop();
    }
  });

  test('a server starts with these secrets in production, and knows its root key', async () => {
    const secrets = makeSecrets();
    const env = {
      LATCHKEY_MODE: 'production',
      LATCHKEY_ISSUER: 'https://auth.example.com',
      LATCHKEY_ROOT_KEY: `file:${secrets}/root-key`,
      LATCHKEY_ENCRYPTION_KEYS: `file:${secrets}/encryption-keys`,
    };
    const program = await startProgram({ env });
    const { url, root_key, test_key } = program.ready;
    expect([root_key, test_key]).toEqual([undefined, undefined]);
    const key = readFileSync(join(secrets, 'root-key'), 'utf8').trim();
    const json = { name: 'Acme' };
    const made = await fetch(`${url}/v1/workspaces`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(json),
    });
    expect(made.status).toBe(201);
    expect((await program.end('SIGTERM')).code).toBe(0);
  });
});

function never(): never {
  throw new Error('the Dockerfile has no stage');
}

describe('deploy/latchkey.service', () => {
  const unit = read('deploy/latchkey.service');
  const lines = unit.split('\n').filter((line) => /^[A-Z]/.test(line));
  const setting = (name: string) => lines.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1);
  /** All that systemd-analyze says of a unit. It looks for the program, which is in another place on each machine. */
  const analyze = (args: string[], text = unit) => {
    const path = join(folder, 'latchkey.service');
    writeFileSync(path, text.replace('/usr/bin/node', process.execPath).replace(/^EnvironmentFile=.*$/m, ''));
    const binary = findBinary({ name: 'systemd-analyze', also: ['/usr/bin'], debianPackage: 'systemd' });
    const { status, stdout, stderr } = spawnSync(binary, [...args, path], { encoding: 'utf8' });
    return { status, said: stdout + stderr };
  };

  test('is one that systemd reads without a word', () => {
    expect(analyze(['verify', '--man=no'])).toEqual({ status: 0, said: '' });
    const typo = unit.replace('NoNewPrivileges', 'NoNewPriviledges');
    expect(analyze(['verify', '--man=no'], typo).said).toContain("'NoNewPriviledges'");
  });

  test('leaves the service little to attack: an exposure of at most 2.0 of 10', () => {
    const judge = ['security', '--offline=true', '--threshold=20', '--no-pager'];
    expect(analyze(judge).status).toBe(0);
    expect(analyze(judge, unit.replace(/^(?:Capability|Protect|Restrict|SystemCall).*$/gm, '')).status).not.toBe(0);
  });

  test('lets V8 compile, lets requests finish, and keeps secrets out of the environment', () => {
    expect(setting('MemoryDenyWriteExecute')).toBeUndefined();
    expect(Number(setting('TimeoutStopSec'))).toBeGreaterThan(10);
    expect([setting('DynamicUser'), setting('ProtectSystem'), setting('NoNewPrivileges')]).toEqual([
      'yes',
      'strict',
      'yes',
    ]);
    expect([setting('StateDirectory'), setting('Restart')]).toEqual(['latchkey', 'on-failure']);
    for (const name of ['root-key', 'encryption-keys']) {
      expect(unit).toContain(`LoadCredential=${name}:/etc/latchkey/${name}\n`);
      expect(unit).toMatch(new RegExp(`^Environment=LATCHKEY_[A-Z_]+=file:%d/${name}$`, 'm'));
    }
  });
});
