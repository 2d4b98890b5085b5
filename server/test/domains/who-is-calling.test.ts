import { connect } from 'node:net';
import { crc32, encodeBase62, mintSecret, SECRET_PREFIXES, type SecretKind } from '@latchkey/protocol';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { pooledRandom } from '../../src/crypto/index.ts';
import { DATABASES, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { iso, type MadeKey, makeKey, START_MS } from './installation.ts';

const random = pooledRandom();

/** Sends bytes that no HTTP client would, and gives all that came back until the server closed; nothing, when it was cut. */
function sendRaw({ url }: TestServer, head: Buffer): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(head));
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    // A server that stops reading resets the connection: what came before that counts.
    socket.on('error', () => {});
    socket.on('close', () => resolve(Buffer.concat(chunks).toString()));
  });
}

/** A header value that carries these letters as UTF-8 bytes, which is all that a header can do with them. */
const asHeader = (text: string) => Buffer.from(text, 'utf8').toString('latin1');

describe.each(DATABASES)('who is calling, on %s', (database) => {
  const clock = manualClock(START_MS);
  const secondRoot = mintSecret('root', random);
  let server: TestServer;
  let made: MadeKey;

  beforeAll(async () => {
    const firstRoot = mintSecret('root', random);
    server = await startServer({ database, clock, env: { LATCHKEY_ROOT_KEY: `${firstRoot}, ${secondRoot}` } });
    made = await makeKey(server, { scopes: ['write:orders', 'read'], expires_in: '1h', owner: 'billing team' });
  });
  afterAll(stopServers);

  const verify = (key: string | null, headers: Record<string, string> = {}) =>
    server.call('/v1/auth/verify', { key, headers });

  describe('a valid key', () => {
    test('is told exactly who it is, in both versions', async () => {
      const facts = {
        user_id: 'billing team',
        subject: made.id,
        subject_issuer: server.issuer,
        scopes: ['write:orders', 'read'],
        expires_at: iso(START_MS + 3_600_000),
        method: 'api_key',
        environment: 'test',
        workspace_id: server.workspaceId,
        client_id: null,
        credential_id: made.id,
      };
      const v1 = await verify(made.key);
      expect([v1.status, v1.json]).toEqual([200, { authenticated: true, ...facts }]);
      const v2 = await server.call('/v2/auth/test', { key: made.key });
      expect([v2.status, v2.json]).toEqual([200, { valid: true, ...facts }]);
    });

    test('has no owner, no end and no scopes when none were given', async () => {
      const { key } = await makeKey(server, { environment: 'live' });
      expect((await verify(key)).json).toMatchObject({
        user_id: null,
        expires_at: null,
        scopes: [],
        environment: 'live',
      });
    });

    test('comes as a bearer of any case, as X-API-Key, or as both', async () => {
      const { key } = made;
      for (const headers of [
        { authorization: `Bearer ${key}` },
        { authorization: `bearer ${key}` },
        { authorization: `BEARER   ${key}` },
        { 'x-api-key': key },
        { 'X-API-KEY': `  ${key} ` },
        { authorization: `Bearer ${key}`, 'x-api-key': key },
      ]) {
        expect((await verify(null, headers)).json.credential_id).toBe(made.id);
      }
    });

    test('of one beside another is refused, whichever is valid (I16)', async () => {
      const other = await makeKey(server, {});
      for (const [bearer, apiKey] of [
        [made.key, other.key],
        [made.key, 'x'],
        ['x', made.key],
        [server.rootKey, made.key],
      ]) {
        const refused = await verify(null, { authorization: `Bearer ${bearer}`, 'x-api-key': apiKey ?? '' });
        expect([refused.status, refused.json.error]).toEqual([400, 'ambiguous_credentials']);
      }
    });

    test('hears the configured issuer, whatever host the request names (E2)', async () => {
      const forged = { 'x-forwarded-host': 'evil.example', forwarded: 'host=evil.example;proto=https' };
      expect((await verify(made.key, forged)).json.subject_issuer).toBe(server.issuer);
      const head = `GET /v1/auth/verify HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\nx-api-key: ${made.key}\r\n\r\n`;
      const raw = await sendRaw(server, Buffer.from(head));
      expect(raw).toContain(`"subject_issuer":"${server.issuer}"`);
      expect(raw).not.toContain('evil.example');
      const refused = await server.call('/v1/auth/verify', { key: null, headers: forged });
      expect(refused.json.docs_url).toBe(`${server.issuer}/docs/errors#missing_token`);
    });

    test('is answered by HEAD without a body', async () => {
      for (const path of ['/v1/auth/verify', '/v2/auth/test']) {
        const head = await server.call(path, { method: 'HEAD', key: made.key });
        expect([head.status, head.text]).toEqual([200, '']);
        expect((await server.call(path, { method: 'HEAD', key: null })).status).toBe(401);
      }
    });
  });

  describe('nobody', () => {
    test.each(['/v1/projects', '/v2/orders', '/v1/data', '/v1/auth/verify', '/v2/auth/test', '/api-keys'])(
      'hears a bare challenge at %s (I1)',
      async (path) => {
        const refused = await server.call(path, { key: null });
        const challenge = refused.headers.get('www-authenticate');
        // No error: nothing was presented (RFC 6750 §3.1). Where to get a token stands there (RFC 9728 §5.1).
        expect(challenge).toMatch(/^Bearer resource_metadata="[^" ]+\/\.well-known\/oauth-protected-resource[^" ]*"$/);
        expect(refused.status).toBe(401);
        expect(refused.text).toContain('missing_token');
      },
    );

    test('is told so before anything else is looked at', async () => {
      const put = { key: null, body: '{"broken', headers: { 'content-type': 'application/json' } };
      expect((await server.call('/v1/api-keys', put)).status).toBe(401);
      expect((await server.call('/v1/api-keys/nonsense', { key: null })).status).toBe(401);
    });
  });

  describe('what is no valid credential', () => {
    const fieldsOf = async (key: string | null, headers: Record<string, string> = {}) => {
      const { status, json, headers: replied } = await verify(key, headers);
      const isChallenged = replied.get('www-authenticate')?.startsWith('Bearer error="invalid_token"');
      return [status, json.error, isChallenged];
    };
    const invalid = [401, 'invalid_token', true];
    const wellFormed = mintSecret('secret_test', random);

    test('is named as a bad API key', async () => {
      expect(await fieldsOf(wellFormed)).toEqual(invalid);
      expect((await verify(wellFormed)).json.message).toBe('Invalid API key provided');
      expect((await server.call('/v2/auth/test', { key: wellFormed })).json.error).toMatchObject({
        code: 'UNAUTHORIZED',
        reason: 'invalid_token',
        message: 'Invalid API key provided',
      });
    });

    test.each([
      ['the wrong checksum', `${wellFormed.slice(0, -6)}000000`],
      ['a letter too few', wellFormed.slice(0, -1)],
      ['a letter too many', `${wellFormed}0`],
      ['only the prefix', 'sk_test_'],
      ['another prefix', `pk_test_${wellFormed.slice(8)}`],
      ['a prefix in capitals', wellFormed.replace('sk_test_', 'SK_TEST_')],
      ['the hint', 'sk_test_…AbCd'],
      ['another maker’s key', 'AKIAIOSFODNN7EXAMPLE'],
      ['a JWT', 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.'],
      ['quotes', `"${wellFormed}"`],
      ['angle brackets', `<${wellFormed}>`],
      ['a colon', `${wellFormed}:`],
      ['padding', `${wellFormed}==`],
      ['a percent escape', wellFormed.replace('_', '%5F')],
      ['SQL', "' OR '1'='1"],
      ['a comma list', `${wellFormed},${wellFormed}`],
    ])('with %s is refused (J14)', async (_, text) => {
      const header = asHeader(text);
      expect(await fieldsOf(null, { 'x-api-key': header })).toEqual(invalid);
      expect(await fieldsOf(null, { authorization: `Bearer ${header}` })).toEqual(invalid);
    });

    test('that only looks like a valid key is refused (J14)', async () => {
      const { key } = made;
      const lookalikes: [RegExp, string][] = [
        [/^s/, 'ѕ'],
        [/k/, 'κ'],
        [/_/, '＿'],
        [/_/g, '‿'],
        [/e/, 'е'],
        [/.$/, '０'],
        [/$/, '\u200b'],
        [/^/, '\ufeff'],
        [/t/, 't\u00ad'],
        [/^/, '\u00a0'],
        [/$/, '\u00a0'],
        [/_/, '-'],
        [/^/, '\u202e'],
      ];
      for (const [letter, other] of lookalikes) {
        const text = asHeader(key.replace(letter, other));
        expect(await fieldsOf(null, { 'x-api-key': text })).toEqual(invalid);
        expect(await fieldsOf(null, { authorization: `Bearer ${text}` })).toEqual(invalid);
      }
    });

    test('that is padded inside the header is refused (J14)', async () => {
      for (const text of [`${made.key} x`, `x ${made.key}`, `${made.key.slice(0, 20)} ${made.key.slice(20)}`]) {
        expect(await fieldsOf(null, { 'x-api-key': text })).toEqual(invalid);
        expect(await fieldsOf(null, { authorization: `Bearer ${text}` })).toEqual(invalid);
      }
      for (const authorization of ['Bearer', made.key, `Bearer:${made.key}`, `Bearer\t${made.key}`, ':']) {
        expect(await fieldsOf(null, { authorization })).toEqual(invalid);
      }
    });

    test.each([
      ['NUL', Buffer.from(`${wellFormed}\0`)],
      ['NUL in front', Buffer.from(`\0${wellFormed}`)],
      ['a line break', Buffer.from(`${wellFormed}\rx`)],
      ['an escape', Buffer.from(`${wellFormed}\u001b[31m`)],
    ])('with %s never becomes a request (J14)', async (_, bytes) => {
      for (const name of ['authorization: Bearer ', 'x-api-key: ']) {
        const head = [
          Buffer.from(`GET /v1/auth/verify HTTP/1.1\r\nhost: a\r\n${name}`),
          bytes,
          Buffer.from('\r\n\r\n'),
        ];
        expect(await sendRaw(server, Buffer.concat(head))).toMatch(/^HTTP\/1\.1 400 /);
      }
    });

    test('that is a megabyte long is refused unread (J14)', async () => {
      const long = Buffer.from(
        `GET /v1/auth/verify HTTP/1.1\r\nhost: a\r\nx-api-key: sk_test_${'a'.repeat(1_000_000)}\r\n\r\n`,
      );
      expect(await sendRaw(server, long)).toMatch(/^(?:HTTP\/1\.1 413 |$)/);
      for (const length of [100, 1000, 15_000]) {
        expect(await fieldsOf(`sk_test_${'a'.repeat(length)}`)).toEqual(invalid);
      }
    });

    test('whatever it says is 401 or 400, and never somebody', async () => {
      const header = fc.oneof(
        fc.string({ unit: 'binary-ascii', maxLength: 80 }),
        fc.stringMatching(/^(?:sk|rk|lk)_(?:test|live|root|cs|at)_[0-9A-Za-z]{44,48}$/),
      );
      const visible = header.filter((text) => /^[\x20-\x7e]*$/.test(text));
      await fc.assert(
        fc.asyncProperty(visible, fc.constantFrom('Bearer ', 'Basic ', 'DPoP ', ''), async (text, scheme) => {
          const { status, json } = await verify(null, { authorization: scheme + text });
          expect([400, 401]).toContain(status);
          expect(json.authenticated).toBeUndefined();
        }),
        { numRuns: 60 },
      );
    });

    const notForCalls = (Object.keys(SECRET_PREFIXES) as SecretKind[]).filter(
      (kind) => kind.endsWith('_token') || kind === 'client_secret',
    );
    test.each(notForCalls)('a %s does not call the API', async (kind) => {
      expect(await fieldsOf(mintSecret(kind, random))).toEqual(invalid);
    });

    test.each(['Basic', 'Token', 'DPoP', 'Digest', 'ApiKey'])('the scheme %s does not carry a key', async (scheme) => {
      expect(await fieldsOf(null, { authorization: `${scheme} ${made.key}` })).toEqual(invalid);
    });
  });

  describe('the root key', () => {
    test('is told that it is root, and belongs nowhere', async () => {
      const facts = {
        user_id: null,
        subject: 'root',
        subject_issuer: null,
        scopes: [],
        expires_at: null,
        method: 'api_key',
        environment: null,
        workspace_id: null,
        client_id: null,
        credential_id: 'root',
      };
      expect((await verify(server.rootKey)).json).toEqual({ authenticated: true, ...facts });
      expect((await server.call('/v2/auth/test', { key: server.rootKey })).json).toEqual({ valid: true, ...facts });
      expect((await verify(null, { 'x-api-key': server.rootKey })).json.subject).toBe('root');
    });

    test('may be one of two while it is being changed', async () => {
      expect(server.config.rootKeys).toEqual([server.rootKey, secondRoot]);
      for (const key of [server.rootKey, secondRoot]) expect((await verify(key)).json.subject).toBe('root');
    });

    test('is not any other, however near', async () => {
      const near = server.rootKey.slice(0, -7) + (server.rootKey.at(-7) === 'a' ? 'b' : 'a');
      for (const key of [mintSecret('root', random), near + encodeBase62(crc32(near), 6)]) {
        const refused = await verify(key);
        expect([refused.status, refused.json.error]).toEqual([401, 'invalid_token']);
        expect((await server.call('/v1/api-keys', { key, json: { name: 'x', scopes: [] } })).status).toBe(401);
      }
      for (const key of [`${server.rootKey}0`, server.rootKey.slice(0, -1), server.rootKey.toUpperCase()]) {
        expect((await verify(key)).status).toBe(401);
      }
      expect((await verify(`${server.rootKey},${secondRoot}`)).status).toBe(401);
    });

    test.each(['/v1', '/v2'])('does not call the sandbox under %s', async (base) => {
      for (const path of ['/projects', '/orders', '/data', `/projects/prj_${'0'.repeat(24)}`]) {
        const refused = await server.call(base + path, { key: server.rootKey });
        expect(refused.status).toBe(403);
        expect(refused.json.error.reason ?? refused.json.error).toBe('forbidden');
        expect(refused.text).toContain('The root key manages Latchkey; it does not call APIs.');
        expect(refused.headers.get('www-authenticate')).toBeNull();
      }
      const made = await server.call(`${base}/projects`, { key: server.rootKey, json: { name: 'x' } });
      expect(made.status).toBe(403);
    });
  });

  test.each([
    ['/v1/auth/verify', 'authenticated'],
    ['/v2/auth/test', 'valid'],
  ])('%s answers as the OpenAPI document says', async (path, lead) => {
    const { json } = await server.call('/openapi.json', { key: null });
    const { schema } = json.paths[path].get.responses['200'].content['application/json'];
    const validate = new Ajv({ strict: false }).compile({ ...schema, additionalProperties: false });
    expect(schema.required).toContain(lead);
    for (const key of [server.key, made.key, server.rootKey]) {
      const reply = await server.call(path, { key });
      expect(reply.headers.get('content-type')).toBe('application/json; charset=utf-8');
      expect(validate(reply.json), JSON.stringify(validate.errors)).toBe(true);
    }
  });

  test('a missing scope is named beside those held (I3)', async () => {
    const { key } = await makeKey(server, { scopes: ['read:orders', 'projects:read'] });
    const v1 = await server.call('/v1/projects', { key, json: { name: 'x' } });
    expect([v1.status, v1.json.error, v1.json.code]).toEqual([403, 'insufficient_scope', 403]);
    for (const scope of ['projects:write', 'read:orders', 'projects:read']) expect(v1.json.message).toContain(scope);
    const challenge = v1.headers.get('www-authenticate') ?? '';
    expect(challenge).toMatch(/^Bearer error="insufficient_scope", /);
    expect(challenge).toContain('scope="projects:write"');
    const v2 = await server.call('/v2/orders', { key, json: { item: 'x' } });
    expect(v2.json.error).toMatchObject({ code: 'FORBIDDEN', reason: 'insufficient_scope' });
    expect(v2.json.error.message).toContain('orders:write');
  });

  test('no answer to a credential sets a cookie or may be cached (J11)', async () => {
    const calls: Parameters<TestServer['call']>[] = [
      ['/v1/auth/verify'],
      ['/v2/auth/test', { key: server.rootKey }],
      ['/v1/projects', { headers: { cookie: 'session=1; __Host-session=2' } }],
      ['/v1/projects', { json: { name: 'Cookie' } }],
      ['/v1/api-keys', { json: { name: 'x', scopes: [] } }],
      ['/v1/api-keys', { key: null }],
      ['/v1/projects', { key: 'bad' }],
      ['/v1/nowhere'],
      ['/metrics'],
    ];
    for (const call of calls) {
      const { headers } = await server.call(...call);
      expect([call[0], headers.getSetCookie(), headers.get('cache-control')]).toEqual([call[0], [], 'no-store']);
    }
  });
});

describe.each(DATABASES)('without its tables, on %s,', (database) => {
  /** Every table under another name: whoever asks the database for anything now gets an error. */
  async function hideTables({ latchkey }: TestServer): Promise<void> {
    const { database: open } = latchkey;
    const names = (await open.read.introspection.getTables()).map(({ name }) => name);
    expect(names).toContain('api_keys');
    await open.write(async ({ query }) => {
      for (const name of names) await query.schema.alterTable(name).renameTo(`hidden_${name}`).execute();
    });
  }

  test('a key in memory is verified, a malformed one refused, an unknown one never let in', async () => {
    onTestFinished(stopServers);
    const clock = manualClock(START_MS);
    const server = await startServer({ database, clock });
    const verify = (key: string) => server.call('/v1/auth/verify', { key });
    const [warm, cold] = [await makeKey(server, { expires_in: '1h' }), await makeKey(server, {})];
    expect((await verify(warm.key)).status).toBe(200);
    await hideTables(server);
    for (let call = 0; call < 3; call += 1) expect((await verify(warm.key)).json.credential_id).toBe(warm.id);
    expect((await server.call('/v2/auth/test', { key: warm.key })).status).toBe(200);
    expect((await verify(server.rootKey)).status).toBe(200);
    for (const text of [
      `${cold.key}0`,
      `${cold.key.slice(0, -1)}-`,
      `sk_test_${'x'.repeat(20)}`,
      'x',
      'f'.repeat(513),
    ]) {
      expect((await verify(text)).json.error).toBe('invalid_token');
    }
    for (const key of [cold.key, mintSecret('secret_live', random), 'a-key-of-another-system']) {
      const failed = await verify(key);
      expect([500, 503]).toContain(failed.status);
      expect(failed.text).not.toMatch(/sqlite|postgres|table|relation|hidden_/i);
    }
  });
});
