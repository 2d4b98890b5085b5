import { ERRORS, type ErrorCode, isErrorCode } from '@latchkey/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Failure } from '../failure.ts';
import { type ErrorFormat, type RenderContext, renderFailure } from './render-failure.ts';

/** Any UTF-16 code unit: control characters and halves of surrogate pairs too. */
const anyChar = fc.nat({ max: 0xffff }).map((code) => String.fromCharCode(code));

const CODES = Object.keys(ERRORS) as ErrorCode[];
const FORMATS: ErrorFormat[] = ['v1', 'v2', 'oauth', 'problem'];
const contextOf = (format: ErrorFormat, detail: RenderContext['detail'] = 'full'): RenderContext => ({
  format,
  detail,
  requestId: 'req_1',
  nowMs: Date.UTC(2030, 0, 1),
  issuer: 'https://auth.example.com',
});
const render = (failure: Failure, format: ErrorFormat, detail?: RenderContext['detail']) =>
  renderFailure(failure, contextOf(format, detail));

describe('every code of the catalogue', () => {
  test.each(CODES)('%s has its status and message in each shape', (code) => {
    const { status, class: errorClass, message } = ERRORS[code];
    const failure = new Failure(code);
    expect(render(failure, 'v1')).toMatchObject({
      status,
      contentType: 'application/json; charset=utf-8',
      body: {
        error: code,
        message,
        code: status,
        timestamp: '2030-01-01T00:00:00.000Z',
        request_id: 'req_1',
        docs_url: `https://auth.example.com/docs/errors#${code}`,
      },
    });
    expect(render(failure, 'v2')).toMatchObject({
      status,
      body: { error: { code: errorClass, reason: code, message, request_id: 'req_1' } },
    });
    expect(render(failure, 'problem')).toMatchObject({
      status,
      contentType: 'application/problem+json',
      body: { type: `https://auth.example.com/docs/errors#${code}`, title: code, status, detail: message },
    });
    expect(render(failure, 'oauth').body).toMatchObject({ error_description: message, request_id: 'req_1' });
  });

  test.each(CODES)('%s tells only its class when asked to', (code) => {
    const told = render(new Failure(code, 'the exact check'), 'v1', 'general').body;
    const isNamed = code === 'mfa_required' || code === 'insufficient_user_authentication';
    const hidden = [401, 403, 429].includes(ERRORS[code].status) && !isNamed;
    expect(told.error).toBe(
      hidden ? { 401: 'unauthorized', 403: 'forbidden', 429: 'rate_limited' }[told.code as 401] : code,
    );
    expect(JSON.stringify(told).includes('the exact check')).toBe(!hidden);
  });
});

test('OAuth endpoints use the words of RFC 6749', () => {
  const told = (code: ErrorCode) => {
    const { status, body } = render(new Failure(code), 'oauth');
    return [status, body.error];
  };
  expect(told('validation_failed')).toEqual([400, 'invalid_request']);
  expect(told('ambiguous_credentials')).toEqual([400, 'invalid_request']);
  expect(told('unsupported_media_type')).toEqual([415, 'invalid_request']);
  expect(told('payload_too_large')).toEqual([413, 'invalid_request']);
  expect(told('internal_error')).toEqual([500, 'server_error']);
  expect(told('unavailable')).toEqual([503, 'temporarily_unavailable']);
});

test('fields stand at the top in /v1 and problems, inside error in /v2, and nowhere in OAuth', () => {
  const fields = [{ path: 'name', message: 'is required' }];
  const failure = new Failure('validation_failed', undefined, { fields });
  expect(render(failure, 'v1').body.fields).toEqual(fields);
  expect(render(failure, 'problem').body.fields).toEqual(fields);
  expect(render(failure, 'v2').body).toMatchObject({ error: { fields } });
  expect(Object.keys(render(failure, 'oauth').body)).toEqual(['error', 'error_description', 'request_id']);
});

describe('headers', () => {
  test('WWW-Authenticate on every 401, and on no other status but insufficient_scope', () => {
    for (const code of CODES) {
      const challenge = render(new Failure(code), 'v1').headers['www-authenticate'];
      const wanted = ERRORS[code].status === 401 || code === 'insufficient_scope';
      expect([code, challenge?.startsWith('Bearer') ?? false]).toEqual([code, wanted]);
    }
  });

  test('a bare challenge without a credential, whatever the code', () => {
    const bare = (failure: Failure) => render(failure, 'v1').headers['www-authenticate'];
    expect(bare(new Failure('missing_token'))).toBe('Bearer');
    expect(bare(new Failure('invalid_token', undefined, { noCredential: true }))).toBe('Bearer');
  });

  test('Retry-After is a whole number of seconds, at least one', () => {
    const after = (retryAfterSeconds: number) =>
      render(new Failure('rate_limit_exceeded', undefined, { retryAfterSeconds }), 'v1').headers['retry-after'];
    expect([0, 0.2, 1, 1.001, 59.9].map(after)).toEqual(['1', '1', '1', '2', '60']);
    expect(render(new Failure('rate_limit_exceeded'), 'v1').headers).not.toHaveProperty('retry-after');
  });

  test('Allow lists the methods', () => {
    const { headers } = render(new Failure('method_not_allowed', undefined, { allow: ['GET', 'HEAD'] }), 'v2');
    expect(headers.allow).toBe('GET, HEAD');
  });

  test('no text can break out of a header or its quotes', () => {
    const text = fc.string({ unit: anyChar, maxLength: 60 });
    fc.assert(
      fc.property(
        fc.constantFrom(...CODES),
        text,
        fc.array(text),
        fc.constantFrom(...FORMATS),
        (code, message, wanted, format) => {
          const { headers } = render(new Failure(code, message, { scopes: { wanted, held: [] } }), format);
          for (const value of Object.values(headers)) expect(value).toMatch(/^[\x20-\x7e]*$/);
          const challenge = headers['www-authenticate'] ?? 'Bearer';
          expect(challenge).toMatch(/^Bearer(?: [a-z_]+="[^"\\]*"(?:, [a-z_]+="[^"\\]*")*)?$/);
        },
      ),
    );
  });
});

test('any failure renders as JSON with a code that the docs explain', () => {
  fc.assert(
    fc.property(fc.constantFrom(...CODES), fc.string(), fc.constantFrom(...FORMATS), (code, message, format) => {
      const { status, body } = render(new Failure(code, message), format);
      expect(JSON.parse(JSON.stringify(body))).toEqual(body);
      expect(status).toBeGreaterThanOrEqual(400);
      if (format === 'v1') expect(isErrorCode(String(body.error))).toBe(true);
    }),
  );
});
