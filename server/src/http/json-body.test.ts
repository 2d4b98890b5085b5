import fc from 'fast-check';
import Fastify from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Failure } from '../failure.ts';
import { acceptJsonBodies, refuseUnstorableText } from './json-body.ts';

/** Any UTF-16 code unit: control characters and halves of surrogate pairs too. */
const anyChar = fc.nat({ max: 0xffff }).map((code) => String.fromCharCode(code));

const app = Fastify();

beforeAll(async () => {
  acceptJsonBodies(app);
  app.setErrorHandler((error, _request, reply) => {
    const failure = error instanceof Failure ? error : null;
    reply.code(failure?.status ?? 500).send({ code: failure?.code ?? String(error), fields: failure?.details.fields });
  });
  app.post('/', (request) => ({ got: request.body }));
  await app.ready();
});
afterAll(() => app.close());

async function parse(payload: string | Buffer, type = 'application/json') {
  const reply = await app.inject({ method: 'POST', url: '/', payload, headers: { 'content-type': type } });
  return { status: reply.statusCode, ...(reply.json() as { got?: unknown; code?: string; fields?: unknown }) };
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

describe('a body', () => {
  test('that can be stored comes through as it is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ maxDepth: 8, stringUnit: 'binary-ascii' }), async (value) => {
        const json = JSON.stringify(value);
        fc.pre(!/\\u0000|__proto__|constructor/.test(json));
        expect((await parse(json)).got).toEqual(JSON.parse(json));
        expect((await parse(JSON.stringify(value, null, '\t'))).got).toEqual(JSON.parse(json));
      }),
    );
  });

  test('of any bytes is read or refused, never a crash', async () => {
    const bytes = fc.oneof(
      fc.uint8Array(),
      fc.string({ unit: anyChar }).map((text) => Buffer.from(text)),
    );
    await fc.assert(
      fc.asyncProperty(bytes, async (body) => {
        expect([200, 400, 422]).toContain((await parse(Buffer.from(body))).status);
      }),
    );
  });

  test('may be nested 20 levels deep, whatever brackets its texts hold', async () => {
    const open = fc.constantFrom('[', '{"a":', '["[[{{\\"]]",', '{"}]\\\\":0,"b":');
    await fc.assert(
      fc.asyncProperty(fc.array(open, { minLength: 1, maxLength: 30 }), async (opened) => {
        const closed = opened.map((text) => (text.startsWith('[') ? ']' : '}')).reverse();
        const json = `${opened.join('')}null${closed.join('')}`;
        const { status, got } = await parse(json);
        expect(status).toBe(opened.length > 20 ? 400 : 200);
        if (status === 200) expect(depthOf(got)).toBe(opened.length);
      }),
    );
  });

  test.each(['', ' ', '\n\r\t ', '\ufeff', '{}'])('%j is {}', async (body) => {
    const { status, got } = await parse(body);
    expect([status, got]).toEqual([200, {}]);
  });

  test.each([
    '{"__proto__":1}',
    '{"a":{"\\u005f_proto__":{}}}',
    '[{"constructor":{"prototype":{}}}]',
    '{"a":',
    '{a:1}',
    "{'a':1}",
    '[1,]',
    '01',
    '"\t"',
    '1 2',
    'undefined',
  ])('%s is 400', async (body) => {
    expect(await parse(body)).toMatchObject({ status: 400, code: 'invalid_request' });
  });

  test('is UTF-8 and nothing else', async () => {
    expect((await parse(Buffer.from('"ü"', 'latin1'))).status).toBe(400);
    expect((await parse(Buffer.from('"ü"', 'utf16le'))).status).toBe(400);
    expect((await parse('"ü"', 'application/json; charset=utf-8')).got).toBe('ü');
    expect((await parse('"ü"', 'application/json; charset=iso-8859-1')).status).toBe(415);
  });
});

describe('text that no database takes', () => {
  test('is found wherever it stands', () => {
    const bad = fc.constantFrom('\0', 'a\0', '\ud800', 'x\udfff', '\udc00\ud800');
    const place = fc.array(fc.constantFrom('field', 'item'), { maxLength: 6 });
    fc.assert(
      fc.property(bad, place, (text, path) => {
        const value = path.reduceRight<unknown>(
          (inner, step) => (step === 'field' ? { a: 1, f: inner } : ['x', inner]),
          text,
        );
        expect(() => refuseUnstorableText(value)).toThrow(Failure);
        expect(() => refuseUnstorableText({ [text]: 1 })).toThrow(Failure);
      }),
    );
  });

  test('is all that is refused', () => {
    fc.assert(
      fc.property(
        fc.object({
          values: [
            fc.string({ unit: fc.integer({ min: 1, max: 0xd7ff }).map((code) => String.fromCharCode(code)) }),
            fc.integer(),
            fc.constant(null),
          ],
        }),
        (value) => {
          fc.pre(!JSON.stringify(value).includes('\\u0000'));
          expect(() => refuseUnstorableText(value)).not.toThrow();
        },
      ),
    );
  });

  test('is named by its place', async () => {
    const { status, fields } = await parse('{"a":{"b":["x","\\u0000"]}}');
    expect([status, fields]).toEqual([422, [{ path: 'a.b.1', message: expect.stringContaining('NUL') }]]);
  });
});
