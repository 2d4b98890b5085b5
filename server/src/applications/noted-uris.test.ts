import fc from 'fast-check';
import { expect, test } from 'vitest';
import { notedUris } from './noted-uris.ts';

test('a few addresses are noted as they are', () => {
  const uris = ['https://a.example/cb', 'https://b.example/cb'];
  expect(notedUris(uris)).toEqual({ redirect_uris: uris });
  expect(notedUris([])).toEqual({ redirect_uris: [] });
});

test('of many an event holds little, and tells one list from another', () => {
  const list = fc.array(fc.webUrl({ size: 'large' }), { maxLength: 60 });
  fc.assert(
    fc.property(list, (uris) => {
      const noted = notedUris(uris) as { redirect_uris: string[]; redirect_uri_count?: number };
      expect(noted.redirect_uris).toEqual(uris.slice(0, noted.redirect_uris.length));
      expect(noted.redirect_uris.join('').length).toBeLessThanOrEqual(2000);
      expect(noted.redirect_uri_count ?? noted.redirect_uris.length).toBe(uris.length);
    }),
  );
  const many = Array.from({ length: 20 }, (_, index) => `https://app.example/${'x'.repeat(1900)}/${index}`);
  expect(JSON.stringify(notedUris(many)).length).toBeLessThan(2300);
  expect(notedUris(many)).not.toEqual(notedUris([...many.slice(0, -1), 'https://other.example/']));
});
