import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readEmail } from './email.ts';

test('an address is kept as it was typed, and compared in lower case', () => {
  expect(readEmail('  Ada.L+x@Example.com ')).toEqual({ email: 'Ada.L+x@Example.com', key: 'ada.l+x@example.com' });
});

test('an international domain becomes what mail goes to and what is compared, one and the same', () => {
  for (const typed of ['BÜCHER.example', 'bücher.example', 'ｂücher.example', 'bu\u0308cher.example']) {
    expect(readEmail(`ada@${typed}`), typed).toEqual({
      email: 'ada@xn--bcher-kva.example',
      key: 'ada@xn--bcher-kva.example',
    });
  }
});

test('what a URL parser drops from a domain, no mail server does: it is no address', () => {
  const odd = [
    'victim.com/.evil.com',
    'victim.com?.evil.com',
    'victim.com#.evil.com',
    'victim.com\\.evil.com',
    'victim.com/,bob',
    'victim\n.com',
    'victim\t.com',
    'victim\u00ad.com',
    'victim%2ecom',
    'victim.com:25',
    'u:p\uff20victim.com',
    '[127.0.0.1]',
    '127.0.0.1',
    'victim.com.',
  ];
  for (const domain of odd) expect(readEmail(`ada@${domain}`), JSON.stringify(domain)).toBeNull();
});

test('whatever is typed, the domain that mail goes to is the domain that is compared', () => {
  const part = fc.string({ unit: 'binary', maxLength: 12 });
  const glue = fc.constantFrom('.', '/', '?', '#', '@', ':', '\\', '\u3002', '%2e', '\r\n', ',', '<', '>');
  fc.assert(
    fc.property(
      fc.array(fc.oneof(part, glue, fc.constantFrom('victim.com', 'evil.com')), { maxLength: 5 }),
      (parts) => {
        const read = readEmail(`ada@${parts.join('')}`);
        if (read === null) return;
        expect(read.email.toLowerCase()).toBe(read.key);
        expect(read.key).toMatch(/^ada@[a-z0-9.-]+$/);
      },
    ),
    { numRuns: 2000 },
  );
});
