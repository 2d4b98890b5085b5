import { afterEach, expect, test } from 'vitest';
import { settleRestored } from '../../src/backup/aftermath.ts';
import { MIGRATIONS, openDatabase } from '../../src/compose.ts';
import { createLog } from '../../src/log.ts';
import { DATABASES, freshPostgres, manualClock, stopServers } from '../harness.ts';
import { mint, randomBytes, refresh, refusalOf, startFamily, startServer, verdictOf } from './issuing.ts';

afterEach(stopServers);

test.each(DATABASES)(
  'after a restore on %s no token of before is worth anything, and new ones are',
  async (database) => {
    const env: Record<string, string> = { LATCHKEY_ISSUER: 'http://localhost:4000' };
    if (database === 'postgres') env.LATCHKEY_DATABASE_URL = await freshPostgres();
    const clock = manualClock();
    const server = await startServer({ database, env, clock });
    const { refreshToken, accessToken } = await startFamily(server);
    const opaque = { name: 'Orders', audience: 'https://orders.example', token_format: 'opaque' };
    expect((await server.call('/v1/resources', { key: server.rootKey, json: opaque })).status).toBe(201);
    const other = await startFamily(server, { audience: opaque.audience });
    expect(other.accessToken.text).toMatch(/^lk_at_/);
    const kids = server.latchkey.signingKeys.current().rows.map(({ kid }) => kid);
    await server.stop();
    const restored = openDatabase(server.config, createLog('error', { write: () => {} }));
    const deps = {
      clock,
      randomBytes,
      version: 'test',
      environment: {},
      keys: server.config.encryptionKeys,
      envelope: null,
      migrations: MIGRATIONS,
      sealedColumns: [],
      openDatabase: async () => restored,
    };
    const manifest = { id: 'backup', created_at: '2030-01-01T00:00:00Z' } as Parameters<typeof settleRestored>[2];
    await settleRestored(deps, restored, manifest, { events: [], disableKeys: false });
    await restored.close();
    const again = await startServer({ database, env, clock, dataDir: server.dataDir });
    expect(await verdictOf(again, accessToken.text)).toBe('401 invalid_token');
    expect(await verdictOf(again, other.accessToken.text)).toBe('401 invalid_token');
    expect(await again.latchkey.database.read.selectFrom('opaque_tokens').selectAll().execute()).toEqual([]);
    expect(refusalOf(await refresh(again, refreshToken.text))).toBe('revoked');
    for (const { kid } of again.latchkey.signingKeys.current().rows) expect(kids).not.toContain(kid);
    expect(await verdictOf(again, mint(again, { workspaceId: server.workspaceId }))).toBe('valid');
  },
);
