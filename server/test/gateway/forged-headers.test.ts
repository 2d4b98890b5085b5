import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MadeKey } from '../domains/installation.ts';
import { stopServers } from '../harness.ts';
import { PROXIES } from './proxies.ts';
import { bearer, type Stack, startStack } from './stack.ts';
import { asRead, type Received, valuesOf } from './upstream.ts';

const IDENTITY = [
  'Method',
  'User-Id',
  'Subject',
  'Workspace-Id',
  'Client-Id',
  'Credential-Id',
  'Environment',
  'Scopes',
  'Request-Id',
].map((part) => `X-Latchkey-${part}`);

const stacks: Stack[] = [];
afterAll(async () => {
  for (const stack of stacks) await stack.stop();
  await stopServers();
});

/** The identity as a program reads it, case, dashes and underscores alike; a name twice is a list of two. */
function identityIn(received: Received): Record<string, string[]> {
  const all: Record<string, string[]> = {};
  for (const name of IDENTITY) {
    const values = valuesOf(received, name);
    // nginx leaves an empty header out, Caddy sends it.
    if (values.join('') !== '') all[asRead(name)] = values;
  }
  return all;
}

describe.each(PROXIES)('%s and a caller who sends identity', (name) => {
  let stack: Stack;
  let reader: MadeKey;
  beforeAll(async () => {
    stack = await startStack(name);
    stacks.push(stack);
    // Without an owner, so that there is an empty header to fill.
    reader = await stack.key(['orders:read']);
  });

  async function identityFor(line: string, headers: readonly string[]): Promise<Record<string, string[]>> {
    const reply = await stack.send(line, headers);
    expect([line, headers, reply.status]).toEqual([line, headers, 200]);
    const [received, ...more] = stack.upstream.taken();
    if (!received || more.length > 0) throw new Error('not one request reached the program');
    expect(JSON.stringify(received.rawHeaders)).not.toContain('forged');
    return identityIn(received);
  }

  const spellings: [string, (name: string) => string[]][] = [
    ['as it is', (header) => [`${header}: forged`]],
    ['twice', (header) => [`${header}: forged`, `${header}: forged too`]],
    ['in small letters', (header) => [`${header.toLowerCase()}: forged`]],
    ['in capitals', (header) => [`${header.toUpperCase()}: forged`]],
    ['in mixed case', (header) => [`${header.replace(/[a-z]/g, (c, at) => (at % 2 ? c.toUpperCase() : c))}: forged`]],
    ['with underscores', (header) => [`${header.replaceAll('-', '_')}: forged`]],
    ['with one underscore in front', (header) => [`${header.replace('-', '_')}: forged`]],
    ['with underscores behind', (header) => [`X-Latchkey_${header.slice(11).replaceAll('-', '_')}: forged`]],
    ['with underscores in small letters', (header) => [`${header.replaceAll('-', '_').toLowerCase()}: forged`]],
    ...[..."!#$%&'*+.^`|~"].map((odd): [string, (name: string) => string[]] => [
      `with ${odd} for a dash`,
      (header) => [`${header.replaceAll('-', odd)}: forged`, `${header.replace('-', odd)}: forged`],
    ]),
    ['after an empty one', (header) => [`${header}:`, `${header}: forged`]],
    ['as a list', (header) => [`${header}: forged, forged`]],
    ['named in Connection', (header) => [`${header}: forged`, `Connection: close, ${header}`]],
    ['named in Connection in small letters', (header) => [`Connection: close, ${header.toLowerCase()}`]],
    ['named in two Connection lines', (header) => ['Connection: close', `Connection: ${header}`]],
    ['named in Connection and Upgrade', (header) => [`Connection: close, upgrade, ${header}`, 'Upgrade: h2c']],
    ['named in Keep-Alive and TE', (header) => [`Keep-Alive: ${header}`, `TE: ${header}`, 'Connection: close, TE']],
  ];

  test.each(spellings)('%s: the program reads only what Latchkey said (I8)', async (_, spell) => {
    const id = 'X-Request-ID: mine';
    const plain = await identityFor('GET /orders', [bearer(reader), id]);
    expect(Object.keys(plain)).toHaveLength(7);
    const forged = new Set(IDENTITY.flatMap(spell));
    expect(await identityFor('GET /orders', [bearer(reader), id, ...forged])).toEqual(plain);
    for (const header of IDENTITY) {
      expect(await identityFor('GET /orders', [bearer(reader), id, ...spell(header)])).toEqual(plain);
    }
  });

  test.each(spellings)('%s, where all may call: nobody poses as somebody', async (_, spell) => {
    for (const header of IDENTITY) expect(await identityFor('GET /healthz', spell(header))).toEqual({});
  });

  test('with a name that is no name is refused or dropped', async () => {
    for (const header of [
      'X-Latchkey-User-Id : forged',
      ' X-Latchkey-User-Id: forged',
      'X-Latchkey-User-Id\t: forged',
      'X-Latchkey-User-Id\0: forged',
      'X-Latchkey-User-Id',
      'X-Other: x\r\n X-Latchkey-User-Id: forged',
      'X-Other: x\nX-Latchkey-User-Id: forged',
      'X-Other: x\rX-Latchkey-User-Id: forged',
      'X.Latchkey.User.Id: forged',
    ]) {
      const status = await stack.statusOf(
        `GET /orders HTTP/1.1\r\nHost: localhost\r\n${bearer(reader)}\r\nConnection: close\r\n${header}\r\n\r\n`,
      );
      for (const received of stack.upstream.taken()) {
        expect(valuesOf(received, 'x-latchkey-user-id').join('')).toBe('');
      }
      expect([header, status]).toEqual([header, expect.toBeOneOf([200, 400])]);
    }
  });

  test('in the trailer of a body is not taken for a header', async () => {
    const writer = await stack.key(['orders:write']);
    const headers = [bearer(writer), 'Transfer-Encoding: chunked', 'Trailer: X-Latchkey-User-Id'];
    const body = '2\r\nhi\r\n0\r\nX-Latchkey-User-Id: forged\r\n\r\n';
    expect((await stack.send('POST /orders', headers, body)).status).toBe(200);
    const [received] = stack.upstream.taken();
    expect(received?.body).toBe('hi');
    expect(received && identityIn(received)).toMatchObject({ 'x-latchkey-credential-id': [writer.id] });
    expect(received && valuesOf(received, 'x-latchkey-user-id').join('')).toBe('');
  });

  test('headers by which a program might be led elsewhere do not pass (I9, I11)', async () => {
    const misleading = [
      'X-HTTP-Method-Override: DELETE',
      'X-HTTP-Method: DELETE',
      'X-Method-Override: DELETE',
      'X_HTTP_Method_Override: DELETE',
      'X-Original-URL: /admin',
      'X-Original-URI: /admin',
      'X-Original-Method: DELETE',
      'X-Rewrite-URL: /admin',
      'X_Rewrite_URL: /admin',
      'X-Forwarded-Uri: /admin',
      'X-Forwarded-Method: DELETE',
      'X-Forwarded-Prefix: /admin',
      'X-Forwarded-User: admin',
      'X-Forwarded-Host: /admin',
      'X-Forwarded-Proto: /admin',
      'Forwarded: for=admin',
      'X-Latchkey-Error: admin',
    ];
    for (const line of ['GET /orders', 'GET /healthz']) {
      for (const header of [...misleading, ...misleading.map((each) => each.toLowerCase())]) {
        expect((await stack.send(line, [bearer(reader), header])).status).toBe(200);
        expect([header, JSON.stringify(stack.upstream.taken())]).toEqual([
          header,
          expect.not.stringMatching(/admin|DELETE|"delete"/),
        ]);
      }
    }
  });
});
