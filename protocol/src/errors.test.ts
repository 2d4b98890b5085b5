import { describe, expect, test } from 'vitest';
import vectors from '../vectors/errors.json' with { type: 'json' };
import { docsAnchor, ERRORS, type ErrorCode, GENERAL_CODES, generalCode, isErrorCode } from './errors.ts';

describe('vectors', () => {
  test('name every code', () => {
    expect(vectors.errors.map(({ code }) => code).toSorted()).toEqual(Object.keys(ERRORS).toSorted());
  });

  test.each(vectors.errors)('$code', ({ code, status, class: errorClass, general }) => {
    expect(ERRORS[code as ErrorCode]).toMatchObject({ status, class: errorClass });
    expect(generalCode(code)).toBe(general);
    expect(isErrorCode(code)).toBe(true);
    expect(docsAnchor(code)).toBe(`errors#${code}`);
  });
});

test('each message is one plain sentence of its own', () => {
  const messages = Object.values(ERRORS).map(({ message }) => message);
  for (const message of messages) expect(message).toMatch(/^[A-Z][^.]*\.$/);
  expect(new Set(messages).size).toBe(messages.length);
});

test('one status has one class', () => {
  const pairs = new Set(Object.values(ERRORS).map((row) => `${row.status} ${row.class}`));
  expect(pairs.size).toBe(new Set(Object.values(ERRORS).map(({ status }) => status)).size);
});

test('unknown codes are no codes and stay as they are', () => {
  for (const text of ['', 'toString', '__proto__', 'invalid_grant', ...Object.values(GENERAL_CODES)]) {
    if (text === 'forbidden') continue;
    expect(isErrorCode(text)).toBe(false);
    expect(generalCode(text)).toBe(text);
  }
});
