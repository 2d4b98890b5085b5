import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DATABASES, startServer, stopServers, type TestServer } from '../harness.ts';

afterAll(stopServers);

interface Page {
  data: { id: string }[];
  next_cursor?: string | null;
}

const KEYS = 45;

describe.each(DATABASES)('cursors on %s', (database) => {
  let server: TestServer;
  let liveKey: string;
  let ids: string[];

  beforeAll(async () => {
    server = await startServer({ database });
    const create = (json: object) => server.call('/v1/api-keys', { key: server.rootKey, json });
    const made = await Promise.all(
      Array.from({ length: KEYS - 1 }, (_, index) => create({ name: `key ${index}`, scopes: [], environment: 'test' })),
    );
    const live = await create({
      name: 'live',
      scopes: ['read', 'api_keys:read', 'api_keys:write'],
      environment: 'live',
    });
    liveKey = live.json.key;
    await Promise.all(Array.from({ length: 4 }, () => create({ name: 'live', scopes: [], environment: 'live' })));
    const own = (await server.call('/v1/auth/verify')).json.credential_id;
    ids = [...made.map(({ json }) => json.id), own];
  });

  const page = async (query: string, key = server.key): Promise<Page> => {
    const reply = await server.call(query, { key });
    expect(reply.status).toBe(200);
    return reply.json;
  };
  const walk = async (path: string, limit: number, between: () => Promise<unknown> = async () => {}) => {
    const seen: string[] = [];
    const sizes: number[] = [];
    let cursor: string | null | undefined;
    do {
      const query = cursor ? `limit=${limit}&cursor=${encodeURIComponent(cursor)}` : `limit=${limit}`;
      const { data, next_cursor: next } = await page(`${path}?${query}`);
      seen.push(...data.map(({ id }) => id));
      sizes.push(data.length);
      cursor = next;
      await between();
    } while (cursor);
    return { seen, sizes };
  };
  const firstCursor = async (path = '/v1/api-keys', key = server.key) => {
    const { next_cursor: cursor } = await page(`${path}${path.includes('?') ? '&' : '?'}limit=2`, key);
    expect(cursor).toEqual(expect.any(String));
    return String(cursor);
  };
  const refusal = async (path: string, cursor: string, key = server.key) => {
    const { status, json } = await server.call(
      `${path}${path.includes('?') ? '&' : '?'}cursor=${encodeURIComponent(cursor)}`,
      { key },
    );
    return [status, json.error?.reason ?? json.error];
  };
  const REFUSED = [400, 'invalid_request'];

  test.each([1, 7, 15, 20, 44, 45, 46, 100])('all keys come once, newest first, in pages of %i', async (limit) => {
    const { seen, sizes } = await walk('/v1/api-keys', limit);
    expect(seen).toEqual([...ids].sort().reverse());
    expect(sizes.slice(0, -1).every((size) => size === limit)).toBe(true);
    expect(sizes).toHaveLength(Math.ceil(KEYS / limit));
  });

  test('20 unless said, and the same under /v2 and unversioned', async () => {
    expect((await page('/v1/api-keys')).data).toHaveLength(20);
    const cursor = await firstCursor();
    const pages = await Promise.all(['/v1', '/v2', ''].map((base) => page(`${base}/api-keys?cursor=${cursor}`)));
    expect(new Set(pages.map(({ data }) => JSON.stringify(data))).size).toBe(1);
  });

  test('what is made while paging neither shifts nor doubles what was there', async () => {
    const { seen } = await walk('/v1/projects', 2, () => server.call('/v1/projects', { json: { name: 'new' } }));
    expect(new Set(seen).size).toBe(seen.length);
    const keys = await walk('/v1/api-keys', 10, () =>
      server.call('/v1/api-keys', { json: { name: 'late', scopes: [] } }),
    );
    expect(keys.seen).toEqual([...ids].sort().reverse());
    ids = (await walk('/v1/api-keys', 100)).seen;
  }, 10_000);

  test('altered ones are 400', async () => {
    const cursor = await firstCursor();
    expect((await page(`/v1/api-keys?cursor=${cursor}`)).data.length).toBeGreaterThan(0);
    const flips = [0, 5, 30, 40, cursor.length - 1].map((at) => {
      const other = cursor[at] === 'A' ? 'B' : 'A';
      return cursor.slice(0, at) + other + cursor.slice(at + 1);
    });
    const forged = Buffer.from(`${'A'.repeat(22)}key_000000000000000000000000`).toString('base64url');
    const others = [
      `${cursor}A`,
      `${cursor}=`,
      ` ${cursor}`,
      `${cursor}!`,
      cursor.slice(0, -1),
      cursor.slice(1),
      forged,
    ];
    for (const altered of [...flips, ...others]) expect(await refusal('/v1/api-keys', altered)).toEqual(REFUSED);
  });

  test('what never was one is 400', async () => {
    const texts = [
      '',
      'x',
      '0',
      '2',
      "' OR 1=1--",
      '\u0000',
      '😀',
      '../..',
      'null',
      '[]',
      'A'.repeat(8000),
      ids[3] ?? '',
    ];
    for (const text of texts) {
      const [status, error] = await refusal('/v1/api-keys', text);
      // NUL is no text for a database anywhere; the rest is merely no cursor.
      expect([text, status, error]).toEqual([text, ...(text === '\u0000' ? [422, 'validation_failed'] : REFUSED)]);
    }
    expect(await refusal('/v2/api-keys', 'x')).toEqual(REFUSED);
    expect(await refusal('/v1/projects', 'x')).toEqual(REFUSED);
  });

  test("another list's is 400", async () => {
    for (const name of ['a', 'b', 'c']) {
      await server.call('/v1/projects', { json: { name } });
      await server.call('/v1/orders', { json: { item: name } });
    }
    const [keys, projects, orders] = [
      await firstCursor(),
      await firstCursor('/v1/projects'),
      await firstCursor('/v1/orders'),
    ];
    expect(await refusal('/v1/projects', keys)).toEqual(REFUSED);
    expect(await refusal('/v1/api-keys', projects)).toEqual(REFUSED);
    expect(await refusal('/v1/orders', projects)).toEqual(REFUSED);
    expect(await refusal('/v1/projects', orders)).toEqual(REFUSED);
    expect(await refusal('/v1/api-keys?external_id=x', keys)).toEqual(REFUSED);
  });

  test("another environment's or workspace's is 400", async () => {
    const test = await firstCursor();
    const live = await firstCursor('/v1/api-keys', liveKey);
    expect(await refusal('/v1/api-keys', live)).toEqual(REFUSED);
    expect(await refusal('/v1/api-keys', test, liveKey)).toEqual(REFUSED);
    const every = await firstCursor('/v1/api-keys', server.rootKey);
    expect(await refusal('/v1/api-keys', every)).toEqual(REFUSED);
    expect(await refusal('/v1/api-keys', test, server.rootKey)).toEqual(REFUSED);
    expect(await refusal('/v1/api-keys?environment=live', every, server.rootKey)).toEqual(REFUSED);
  });

  test("root's page of one environment is that environment's", async () => {
    const { next_cursor: cursor } = await page('/v1/api-keys?environment=live&limit=3', server.rootKey);
    const { data, next_cursor: end } = await page(`/v1/api-keys?environment=live&cursor=${cursor}`, server.rootKey);
    expect([data.length, end]).toEqual([2, null]);
  });
});
