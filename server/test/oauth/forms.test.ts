import { request as httpRequest } from 'node:http';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OAuthFailure } from '../../src/failure.ts';
import type { FormCall, FormRoute } from '../../src/http/index.ts';
import { closeForms, serveForms } from './form-server.ts';

const FORM = 'application/x-www-form-urlencoded';

function echo({ params, resources, authorization, address }: FormCall) {
  return { status: 200, body: { params: [...params], resources, authorization: authorization ?? null, address } };
}

const shared = { tag: 'oauth', summary: 'An endpoint', parameters: { code: { description: 'A code' } } } as const;
const routes: FormRoute[] = [
  { ...shared, method: 'POST', path: '/oauth/token', allowsJson: true, cors: 'public', handler: echo },
  { ...shared, method: 'POST', path: '/oauth/par', handler: echo },
  { ...shared, method: 'GET', path: '/oauth/userinfo', cors: 'public', handler: echo },
  {
    ...shared,
    method: 'POST',
    path: '/oauth/introspect',
    handler: () => {
      throw new OAuthFailure('invalid_client', 'The client or its "secret" is wrong \\ unknown – sorry.');
    },
  },
  {
    ...shared,
    method: 'POST',
    path: '/oauth/revoke',
    handler: () => {
      throw new OAuthFailure('invalid_grant', 'The code was used.');
    },
  },
];

let base: string;
let general: string;

beforeAll(async () => {
  base = await serveForms(routes);
  general = await serveForms(routes, 'general');
});
afterAll(closeForms);

async function send(path: string, body: string | Uint8Array, headers: Record<string, string> = {}, at = base) {
  const reply = await fetch(at + path, {
    method: 'POST',
    body: body as string,
    headers: { 'content-type': FORM, ...headers },
  });
  // biome-ignore lint/suspicious/noExplicitAny: replies are looked into freely in tests
  const json: any = await reply.json();
  return { status: reply.status, headers: reply.headers, json };
}

const outcome = async (path: string, body: string | Uint8Array, headers: Record<string, string> = {}) => {
  const { status, json } = await send(path, body, headers);
  return [status, json.error];
};

describe('a form', () => {
  test('becomes text by name, decoded once, unknown names too', async () => {
    const { status, json } = await send(
      '/oauth/token',
      'code=a%2Bb+c&x[y]=1&__proto__=2&constructor=%2525&%C3%A4=%E2%82%AC',
    );
    expect(status).toBe(200);
    const expected = [
      ['code', 'a+b c'],
      ['x[y]', '1'],
      ['__proto__', '2'],
      ['constructor', '%25'],
      ['ä', '€'],
    ];
    expect(json.params).toEqual(expected);
  });

  test('any text survives the way', async () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((each) => !each.includes('\0'));
    const pairs = fc.uniqueArray(fc.tuple(text, text), { selector: ([name]) => name, maxLength: 10 });
    const without = pairs.filter((each) => each.every(([name]) => name !== 'resource'));
    await fc.assert(
      fc.asyncProperty(without, async (sent) => {
        const { json } = await send('/oauth/token', new URLSearchParams(sent).toString());
        expect(json.params).toEqual(sent);
        const { json: again } = await send('/oauth/token', JSON.stringify(Object.fromEntries(sent)), {
          'content-type': 'application/json',
        });
        expect(new Map(again.params)).toEqual(new Map(sent));
      }),
      { numRuns: 60 },
    );
  });

  test('an empty parameter was not sent (RFC 6749 §3.1), and an empty body has none', async () => {
    expect((await send('/oauth/token', 'code=&a=1&&b&resource=')).json).toMatchObject({
      params: [['a', '1']],
      resources: [],
    });
    expect((await send('/oauth/token', '')).json.params).toEqual([]);
    const bare = await fetch(`${base}/oauth/token`, { method: 'POST' });
    expect([bare.status, (await bare.json()).params]).toEqual([200, []]);
  });

  test.each([
    ['in the body', '/oauth/token', 'code=1&code=2'],
    ['with the same value', '/oauth/token', 'code=1&code=1'],
    ['once empty', '/oauth/token', 'code=&code=1'],
    ['spelled in two ways', '/oauth/token', 'code=1&%63ode=2'],
    ['in query and body', '/oauth/token?code=1', 'code=2'],
  ])('a parameter twice, %s, is invalid_request', async (_where, path, body) => {
    const { status, json } = await send(path, body);
    expect([status, json.error, json.error_description]).toEqual([400, 'invalid_request', 'A parameter occurs twice.']);
  });

  test('resource may occur more than once', async () => {
    const { json } = await send('/oauth/token', 'resource=https://a.example&resource=https://b.example');
    expect(json).toMatchObject({ params: [], resources: ['https://a.example', 'https://b.example'] });
  });

  test('a POST takes nothing from the query', async () => {
    const { status, json } = await send('/oauth/token?grant_type=x', 'code=2');
    expect([status, json.error, json.error_description]).toEqual([
      400,
      'invalid_request',
      'Send the parameters in the body, not in the query.',
    ]);
  });

  test.each([
    ['a cut-off escape', 'code=%4'],
    ['no hexadecimal', 'code=%zz'],
    ['an overlong slash', 'code=%c0%af'],
    ['half a surrogate', 'code=%ed%a0%80'],
    ['bytes that are no UTF-8', Buffer.from([0x61, 0x3d, 0xff])],
    ['NUL', 'code=a%00b'],
    ['NUL in a name', 'a%00=b'],
  ])('%s is invalid_request', async (_what, body) => {
    expect(await outcome('/oauth/token', body)).toEqual([400, 'invalid_request']);
  });

  test('200 parameters are read, 201 refused, and 64 KiB is the end', async () => {
    const many = (count: number) => Array.from({ length: count }, (_, index) => `p${index}=1`).join('&');
    expect((await send('/oauth/token', many(200))).json.params).toHaveLength(200);
    expect(await outcome('/oauth/token', many(201))).toEqual([400, 'invalid_request']);
    expect(await outcome('/oauth/token', '&'.repeat(60_000))).toEqual([400, 'invalid_request']);
    expect(await outcome('/oauth/token', `code=${'x'.repeat(65_536)}`)).toEqual([413, 'invalid_request']);
  });
});

describe('a type', () => {
  test.each([
    'application/json, application/x-www-form-urlencoded',
    'application/x-www-form-urlencoded, application/json',
    'application/x-www-form-urlencoded\t; charset=utf-8',
    'application/x-www-form-urlencoded; charset=utf-8; a=b',
    'application/x-www-form-urlencodedx',
    'multipart/form-data; boundary=x',
    'text/plain',
    'application/jsonx',
    'application/vnd.x+json',
  ])('%s is 415 everywhere', async (type) => {
    const headers = { 'content-type': type };
    expect(await outcome('/oauth/token', '{"code":"1"}', headers)).toEqual([415, 'invalid_request']);
    expect(await outcome('/oauth/par', 'code=1', headers)).toEqual([415, 'invalid_request']);
  });

  test.each([`${FORM};charset=UTF-8`, `${FORM}; charset="utf-8"`, FORM.toUpperCase()])('%s is a form', async (type) => {
    expect((await send('/oauth/token', 'code=1', { 'content-type': type })).json.params).toEqual([['code', '1']]);
  });

  test('another character set or an encoding is 415', async () => {
    const latin = { 'content-type': `${FORM}; charset=latin1` };
    expect(await outcome('/oauth/token', 'code=1', latin)).toEqual([415, 'invalid_request']);
    expect(await outcome('/oauth/token', 'code=1', { 'content-encoding': 'gzip' })).toEqual([415, 'invalid_request']);
  });
});

describe('JSON', () => {
  const json = { 'content-type': 'application/json' };

  test('is taken where it is allowed, with the same names', async () => {
    const { status, json: reply } = await send(
      '/oauth/token',
      '{"code":"1","resource":"https://a.example","e":""}',
      json,
    );
    expect([status, reply.params, reply.resources]).toEqual([200, [['code', '1']], ['https://a.example']]);
    expect(await outcome('/oauth/par', '{"code":"1"}', json)).toEqual([415, 'invalid_request']);
  });

  test.each([
    '{"code":1}',
    '{"code":null}',
    '{"code":["1"]}',
    '{"code":{"a":"b"}}',
    '["code"]',
    '"code"',
    'null',
    '{"code":"1"',
    '{"code":"1","code":"2"}',
    '{"code":"1","\\u0063ode":"2"}',
    '{"code":"\\u0000"}',
    '{"code":"\\ud800"}',
    'code=1',
  ])('%s is invalid_request', async (body) => {
    expect(await outcome('/oauth/token', body, json)).toEqual([400, 'invalid_request']);
  });

  test('is read with names that mean something to JavaScript', async () => {
    const { json: reply } = await send('/oauth/token', '{"__proto__":"1","a:\\"b\\":":"\\"x\\":"}', json);
    expect(reply.params).toEqual([
      ['__proto__', '1'],
      ['a:"b":', '"x":'],
    ]);
  });
});

describe('a reply', () => {
  test.each([
    ['success', '/oauth/token', 200],
    ['refusal', '/oauth/introspect', 401],
  ])('of %s is JSON that nobody keeps (RFC 6749 §5.1)', async (_kind, path, expected) => {
    const { status, headers } = await send(path, 'code=1');
    expect(status).toBe(expected);
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('pragma')).toBe('no-cache');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  });

  test('a refused client is told so in the letters that RFC 6749 §5.2 allows', async () => {
    const { status, headers, json } = await send('/oauth/introspect', '');
    expect([status, json]).toEqual([
      401,
      {
        error: 'invalid_client',
        error_description: "The client or its 'secret' is wrong ' unknown ? sorry.",
        request_id: headers.get('x-request-id'),
      },
    ]);
    expect(headers.get('www-authenticate')).toBe('Basic realm="latchkey", charset="UTF-8"');
  });

  test('where errors name only their class, the words of OAuth stay', async () => {
    const client = await send('/oauth/introspect', '', {}, general);
    expect([client.json.error, client.json.error_description]).toEqual([
      'invalid_client',
      'The request is not authenticated.',
    ]);
    const grant = await send('/oauth/revoke', '', {}, general);
    expect([grant.status, grant.json.error, grant.json.error_description]).toEqual([
      400,
      'invalid_grant',
      'The grant is not valid.',
    ]);
  });

  test('another method is 405, never 500', async () => {
    const reply = await fetch(`${base}/oauth/token?code=1`);
    expect([reply.status, reply.headers.get('allow'), (await reply.json()).error]).toEqual([
      405,
      'OPTIONS, POST',
      'invalid_request',
    ]);
  });
});

describe('CORS', () => {
  const origin = { origin: 'https://elsewhere.example' };

  test('is open without credentials where an endpoint says so, for refusals too', async () => {
    for (const body of ['code=1', 'code=1&code=2']) {
      const { headers } = await send('/oauth/token', body, origin);
      expect(headers.get('access-control-allow-origin')).toBe('*');
      expect(headers.get('access-control-allow-credentials')).toBeNull();
      expect(headers.get('access-control-expose-headers')).toContain('WWW-Authenticate');
    }
    const preflight = await fetch(`${base}/oauth/token`, { method: 'OPTIONS', headers: origin });
    expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([204, '*']);
    expect(preflight.headers.get('access-control-allow-methods')).toBe('OPTIONS, POST');
    expect(preflight.headers.get('access-control-allow-headers')).toContain('Authorization');
  });

  test('is closed elsewhere', async () => {
    expect((await send('/oauth/par', 'code=1', origin)).headers.has('access-control-allow-origin')).toBe(false);
    const preflight = await fetch(`${base}/oauth/par`, { method: 'OPTIONS', headers: origin });
    expect([preflight.status, preflight.headers.has('access-control-allow-origin')]).toEqual([204, false]);
  });
});

describe('a GET', () => {
  test('takes its query, strictly too', async () => {
    const get = async (query: string) => {
      const reply = await fetch(`${base}/oauth/userinfo${query}`, { headers: { authorization: 'Bearer x' } });
      return [reply.status, await reply.json()] as const;
    };
    expect(await get('?code=1')).toEqual([
      200,
      { params: [['code', '1']], resources: [], authorization: 'Bearer x', address: '127.0.0.1' },
    ]);
    expect(await get('?code=1&code=2')).toMatchObject([400, { error: 'invalid_request' }]);
    // RFC 6750 §5.3.
    expect(await get('?access_token=1')).toMatchObject([400, { error: 'invalid_request' }]);
  });
});

test('two Authorization lines are refused', async () => {
  const reply = await new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
    const headers = ['Content-Type', FORM, 'Authorization', 'Basic YQ==', 'Authorization', 'Basic Yg=='];
    const sent = httpRequest(
      `${base}/oauth/token`,
      { method: 'POST', headers: ['Host', 'x', ...headers] },
      (response) => {
        let text = '';
        response.on('data', (chunk) => {
          text += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode, text }));
      },
    );
    sent.on('error', reject);
    sent.end('code=1');
  });
  expect([reply.status, JSON.parse(reply.text).error]).toEqual([400, 'invalid_request']);
});

test('the OpenAPI document has the endpoints, their parameters and types', async () => {
  const { paths } = await (await fetch(`${base}/openapi.json`)).json();
  const { requestBody } = paths['/oauth/token'].post;
  expect(Object.keys(requestBody.content)).toEqual([FORM, 'application/json']);
  expect(requestBody.content[FORM].schema.properties.code).toEqual({ type: 'string', description: 'A code' });
  expect(Object.keys(paths['/oauth/par'].post.requestBody.content)).toEqual([FORM]);
  expect(paths['/oauth/userinfo'].get.parameters[0]).toMatchObject({ in: 'query', name: 'code' });
});
