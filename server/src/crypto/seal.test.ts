import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createEnvelope } from './envelope.ts';
import { pooledRandom } from './random.ts';
import { seal, unseal } from './seal.ts';

const randomBytes = pooledRandom();
const key = randomBytes(32);

describe('a seal', () => {
  test('is AES-256-GCM: case 14 of the GCM specification', () => {
    const zeros = (count: number) => new Uint8Array(count);
    const sealed = seal(zeros(32), '\0'.repeat(16), '', zeros);
    const expected = `${'00'.repeat(12)}cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919`;
    expect(Buffer.from(sealed, 'base64url').toString('hex')).toBe(expected);
  });

  test('opens to the text that was sealed, and never looks the same twice', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), fc.string(), (text, context) => {
        const sealed = seal(key, text, context, randomBytes);
        expect(sealed).toMatch(/^[\w-]+$/);
        expect(unseal(key, sealed, context)).toBe(text);
        expect(seal(key, text, context, randomBytes)).not.toBe(sealed);
      }),
    );
  });

  test('does not open with another key, for another row, or with any bit changed', () => {
    const sealed = seal(key, 'secret', 'row:1', randomBytes);
    expect(unseal(randomBytes(32), sealed, 'row:1')).toBeNull();
    expect(unseal(key, sealed, 'row:2')).toBeNull();
    const bytes = Buffer.from(sealed, 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(unseal(key, changed.toString('base64url'), 'row:1')).toBeNull();
    }
  });

  test('that is cut short or no seal at all does not open, and does not throw', () => {
    const sealed = seal(key, 'secret', '', randomBytes);
    for (let length = 0; length < sealed.length - 1; length += 1) {
      expect(unseal(key, sealed.slice(0, length), '')).toBeNull();
    }
    fc.assert(fc.property(fc.string(), (text) => unseal(key, text, '') === null));
  });
});

describe('the envelope', () => {
  const oldKey = { id: 'old', bytes: randomBytes(32) };
  const newKey = { id: 'new', bytes: randomBytes(32) };

  test('encrypts with the first key and opens with all', () => {
    const before = createEnvelope([oldKey], randomBytes);
    const rotating = createEnvelope([newKey, oldKey], randomBytes);
    const sealed = before.seal('secret', 'table.column:1');
    expect(sealed).toMatch(/^old:[\w-]+$/);
    expect(rotating.unseal(sealed, 'table.column:1')).toBe('secret');
    expect(rotating.seal('secret', 'table.column:1')).toMatch(/^new:/);
    expect(rotating.primaryKey()).toBe(newKey);
  });

  test('says which key is missing, and nothing of what is sealed', () => {
    const sealed = createEnvelope([oldKey], randomBytes).seal('secret', 'row');
    const after = createEnvelope([newKey], randomBytes);
    expect(() => after.unseal(sealed, 'row')).toThrow(/no encryption key with the id old .* LATCHKEY_ENCRYPTION_KEYS/);
  });

  test('opens nothing that was moved to another row, given another key id, or changed', () => {
    const twin = { id: 'twin', bytes: oldKey.bytes };
    const envelope = createEnvelope([oldKey, twin], randomBytes);
    const sealed = envelope.seal('secret', 'row:1');
    for (const changed of [sealed.replace('old:', 'twin:'), `${sealed}A`, `${sealed.slice(0, -4)}AAAA`]) {
      expect(() => envelope.unseal(changed, 'row:1')).toThrow(/does not open/);
    }
    expect(() => envelope.unseal(sealed, 'row:2')).toThrow(/does not open/);
    expect(() => envelope.unseal('no seal at all', 'row:1')).toThrow(/no encryption key/);
  });

  test('needs a key', () => {
    expect(() => createEnvelope([], randomBytes)).toThrow(/at least one/);
  });
});
