import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Failure } from '../failure.ts';
import { createCursors } from './cursor.ts';

/** Any UTF-16 code unit: control characters and halves of surrogate pairs too. */
const anyChar = fc.nat({ max: 0xffff }).map((code) => String.fromCharCode(code));

const cursors = createCursors([new Uint8Array(32).fill(7)]);
const others = createCursors([new Uint8Array(32).fill(8)]);
const letter = fc.integer({ min: 1, max: 0xd7ff }).map((code) => String.fromCharCode(code));
const text = fc.string({ unit: letter, minLength: 1, maxLength: 60 });

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return error instanceof Failure ? error.code : String(error);
  }
  return 'not refused';
}

test('a cursor gives back its position, in its own list only', () => {
  fc.assert(
    fc.property(text, text, text, (list, position, other) => {
      const cursor = cursors.encode(list, position);
      expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/);
      expect(cursors.decode(list, cursor)).toBe(position);
      expect(refusal(() => others.decode(list, cursor))).toBe('invalid_request');
      if (other !== list) expect(refusal(() => cursors.decode(other, cursor))).toBe('invalid_request');
    }),
  );
});

test('list and position do not run into each other', () => {
  const cursor = cursors.encode('["a","b', '"]');
  expect(refusal(() => cursors.decode('["a","', cursor))).toBe('invalid_request');
  expect(cursors.encode('ab', 'c')).not.toBe(cursors.encode('a', 'bc'));
});

test('no other text is that cursor: not one letter changed, added or dropped', () => {
  const cursor = cursors.encode('list', 'key_0VbiGkxFTUd6gBL0975oT6tO');
  const at = fc.integer({ min: 0, max: cursor.length });
  const added = fc.oneof(fc.constantFrom(...'AZaz09-_=+/ !\0'), anyChar);
  fc.assert(
    fc.property(at, added, fc.constantFrom(0, 1), (index, inserted, dropped) => {
      const altered = cursor.slice(0, index) + inserted + cursor.slice(index + dropped);
      fc.pre(altered !== cursor);
      expect(refusal(() => cursors.decode('list', altered))).toBe('invalid_request');
      fc.pre(index < cursor.length);
      const shorter = cursor.slice(0, index) + cursor.slice(index + 1);
      expect(refusal(() => cursors.decode('list', shorter))).toBe('invalid_request');
    }),
  );
});

test('whatever comes is refused, never a crash', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: anyChar }), fc.base64String()), (cursor) => {
      expect(refusal(() => cursors.decode('list', cursor))).toBe('invalid_request');
    }),
  );
});

test('a cursor outlives a new key in front, and not the end of its own', () => {
  const [old, next] = [new Uint8Array(32).fill(7), new Uint8Array(32).fill(9)];
  const cursor = createCursors([old]).encode('list', 'position');
  expect(createCursors([next, old]).decode('list', cursor)).toBe('position');
  expect(() => createCursors([next]).decode('list', cursor)).toThrow();
});
