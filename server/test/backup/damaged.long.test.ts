import { createHash } from 'node:crypto';
import {
  appendFileSync,
  cpSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { newEncryptionKey } from '../../src/config/index.ts';
import { pooledRandom, sha256Hex } from '../../src/crypto/index.ts';
import { DATABASES, type DatabaseName } from '../harness.ts';
import { newDataDir, stopPrograms } from '../running/program.ts';
import { emptyPlaceFor, type Installation, latchkey, newFolder, newInstallation, start } from './installations.ts';

// Each starts several programs, one after another.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

afterAll(stopPrograms);

const randomBytes = pooledRandom();

interface Damage {
  /** What to do to a whole backup. */
  harm(folder: string, file: string): void;
  says: RegExp;
}

const edit = (folder: string, change: (manifest: Record<string, unknown>) => unknown) => {
  const path = join(folder, 'manifest.json');
  const manifest = JSON.parse(readFileSync(path, 'utf8'));
  writeFileSync(path, JSON.stringify({ ...manifest, ...Object(change(manifest)) }));
};

/** A manifest that fits a changed file: what a checksum alone does not find. */
const fit = (folder: string, file: string) =>
  edit(folder, (manifest) => {
    const bytes = readFileSync(file);
    const { name } = manifest.file as { name: string };
    return { file: { name, bytes: bytes.length, sha256: digest(bytes) } };
  });

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

const flip = (file: string, at: number) => {
  const bytes = readFileSync(file);
  bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  writeFileSync(file, bytes);
};

const damages: Record<string, Damage> = {
  'cut off': { harm: (_, file) => truncateSync(file, 20_000), says: /is damaged \(it has 20000 bytes of \d+\)/ },
  longer: { harm: (_, file) => appendFileSync(file, 'x'), says: /is damaged/ },
  'one byte changed': { harm: (_, file) => flip(file, 10_000), says: /is damaged \(its bytes changed\)/ },
  'without its copy': { harm: (_, file) => rmSync(file), says: /cannot be read \(ENOENT\)/ },
  'without its manifest': {
    harm: (folder) => rmSync(join(folder, 'manifest.json')),
    says: /is no backup: manifest.json cannot be read/,
  },
  'its manifest cut off': {
    harm: (folder) => truncateSync(join(folder, 'manifest.json'), 100),
    says: /manifest.json is damaged/,
  },
  'its manifest of another form': {
    harm: (folder) => edit(folder, () => ({ rows: null })),
    says: /manifest.json is damaged/,
  },
  'a path in the manifest': {
    harm: (folder) => edit(folder, ({ file }) => ({ file: { ...Object(file), name: '../../etc/passwd' } })),
    says: /manifest.json is damaged/,
  },
  'of a newer format': { harm: (folder) => edit(folder, () => ({ format: 2 })), says: /made by a newer version/ },
  'of a newer schema': {
    harm: (folder) => edit(folder, ({ migrations }) => ({ migrations: [...Object(migrations), '0999_later_thing'] })),
    says: /newer version of Latchkey .*0999_later_thing/,
  },
  'with escapes in its manifest': {
    harm: (folder) =>
      edit(folder, ({ migrations }) => ({ version: '9\u001b[2J', migrations: [...Object(migrations), '0999'] })),
    says: /newer version of Latchkey \(9\\u\{1b\}\[2J/,
  },
  'damaged before it was summed up': {
    harm: (folder, file) => {
      truncateSync(file, 30_000);
      fit(folder, file);
    },
    says: /is damaged|is no whole SQLite database|pg_restore failed/,
  },
  'with fewer rows than its manifest says': {
    harm: (folder) => edit(folder, ({ rows }) => ({ rows: { ...Object(rows), api_keys: 7 } })),
    says: /does not hold what its manifest says \(rows of api_keys\)/,
  },
  'with another audit log': {
    harm: (folder) => edit(folder, () => ({ audit: { batches: 1, head: sha256Hex('x') } })),
    says: /does not hold what its manifest says \(the head of the audit log\)/,
  },
};

describe.each(DATABASES)('a backup on %s', (kind) => {
  let installation: Installation;
  let whole: string;

  beforeAll(async () => {
    installation = await newInstallation(kind);
    const program = await start(installation);
    await vi.waitFor(() => expect(program.stderr()).toContain('audit batch sealed'), { timeout: 10_000 });
    whole = newFolder();
    expect((await latchkey(installation, 'backup', whole)).code).toBe(0);
    await program.end('SIGTERM');
  });

  const copyOf = (name: DatabaseName) => {
    const folder = newFolder();
    cpSync(whole, folder, { recursive: true });
    return { folder, file: join(folder, name === 'sqlite' ? 'database.sqlite' : 'database.dump') };
  };

  test.each(Object.keys(damages))('%s is refused, and the place stays empty', async (name) => {
    const { harm, says } = damages[name]!;
    const { folder, file } = copyOf(kind);
    harm(folder, file);
    const place = await emptyPlaceFor(kind, installation);
    const { code, stdout, stderr } = await latchkey(place, 'restore', folder, '--yes');
    expect(stderr).toMatch(says);
    expect([code, stdout]).toEqual([1, '']);
    expect(readdirSync(place.dataDir).filter((entry) => !entry.includes('.serving'))).toEqual(['encryption-keys']);
    // The place is as good as new.
    const restored = await latchkey(place, 'restore', whole, '--yes');
    expect([restored.code, restored.stderr]).toEqual([0, '']);
  });

  test('of the other database is refused', async () => {
    const other = await newInstallation(kind === 'sqlite' ? 'postgres' : 'sqlite');
    const { code, stderr } = await latchkey(other, 'restore', whole, '--yes');
    expect([code, stderr]).toEqual([1, expect.stringMatching(/the backup is of \w+: set LATCHKEY_DATABASE_URL/)]);
  });

  test('is refused without its encryption keys, and with others of the same name', async () => {
    const { dataDir, env } = await newInstallation(kind);
    const withKeys = (keys: string) => ({ dataDir, env: { ...env, LATCHKEY_ENCRYPTION_KEYS: keys } });
    const missing = await latchkey(withKeys(newEncryptionKey('other', randomBytes)), 'restore', whole, '--yes');
    expect([missing.code, missing.stderr]).toEqual([1, expect.stringContaining('needs the encryption key "dev"')]);
    const wrong = await latchkey(withKeys(newEncryptionKey('dev', randomBytes)), 'restore', whole, '--yes');
    expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('a key "dev" that does not open')]);
    const dry = await latchkey({ dataDir, env }, 'restore', whole, '--dry-run');
    expect(dry.code).toBe(1);
    const right = readFileSync(join(installation.dataDir, 'encryption-keys'), 'utf8').trim();
    const restored = await latchkey(withKeys(right), 'restore', whole, '--yes');
    expect([restored.code, restored.stderr]).toEqual([0, '']);
  });

  test('is not put in while a server serves, nor over what is there unless it may be moved aside', async () => {
    const place = await emptyPlaceFor(kind, installation);
    const { LATCHKEY_DATABASE_URL: url } = place.env;
    // Servers are known by the name of their connections, whatever name the URL has for them.
    if (url) place.env.LATCHKEY_DATABASE_URL = `${url}${url.includes('?') ? '&' : '?'}application_name=mine`;
    const program = await start(place);
    const root = program.ready.root_key ?? '';
    const serving = await latchkey(place, 'restore', whole, '--yes', '--force');
    expect([serving.code, serving.stderr]).toEqual([1, expect.stringMatching(/a server serves|stop every server/)]);
    expect((await program.call('/v1/auth/verify')).status).toBe(200);
    const { json: old } = await program.call('/v1/workspaces', { key: root });
    await program.end('SIGTERM');
    const full = await latchkey(place, 'restore', whole, '--yes');
    expect([full.code, full.stderr]).toEqual([1, expect.stringMatching(/--force/)]);
    const asked = await latchkey(place, 'restore', whole, '--force');
    expect([asked.code, asked.stderr]).toEqual([2, expect.stringMatching(/--yes/)]);
    const forced = await latchkey(place, 'restore', whole, '--yes', '--force', '--json');
    expect([forced.code, forced.stderr]).toEqual([0, '']);
    const { movedTo } = JSON.parse(forced.stdout) as { movedTo: string };
    const now = await start(place);
    const { json: restored } = await now.call('/v1/workspaces', { key: root });
    expect(restored.data[0].id).not.toBe(old.data[0].id);
    await now.end('SIGTERM');
    // What was there is whole under its new name.
    if (kind === 'sqlite') {
      const dataDir = newDataDir();
      renameSync(movedTo, join(dataDir, 'latchkey.sqlite'));
      cpSync(join(place.dataDir, 'encryption-keys'), join(dataDir, 'encryption-keys'));
      const before = await start({ dataDir, env: { LATCHKEY_ROOT_KEY: root } });
      expect((await before.call('/v1/workspaces', { key: root })).json.data).toEqual(old.data);
    } else expect(movedTo).toMatch(/^before_restore_\d{14}$/);
  });
});
