import { mintSecret, type SecretKind } from '@latchkey/protocol';
import type { Dice } from './dice.ts';

/** Text that is written into JSON as it stands, such as `1e309`. */
export class RawJson {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** Texts that have broken something somewhere before. */
export const HOSTILE_TEXTS: readonly string[] = [
  '',
  ' ',
  '\t\r\n',
  '\u0000',
  'a\u0000b',
  '\ud800',
  '\udfffx',
  'x\ud83d',
  '\ufeff',
  '\ufffe\uffff',
  '\u202eabc\u202c',
  'a\u200bb\u2060',
  '\u0085\u2028\u2029',
  '😀👩‍👩‍👧‍👦🏳️‍🌈',
  'İıſK',
  'e\u0301'.repeat(40),
  "'",
  '"',
  "'; DROP TABLE api_keys; --",
  "' OR '1'='1",
  '") OR 1=1 --',
  '\\',
  '\\u0000',
  '%',
  '_%',
  '%00',
  '%s%n%x',
  '$1',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is meant as it stands
  '${7*7}',
  '{{7*7}}',
  '../../../../etc/passwd',
  '..\\..\\x',
  'file:///etc/passwd',
  'http://169.254.169.254/',
  '//evil.example',
  'javascript:alert(1)',
  '<script>alert(1)</script>',
  '=cmd|x',
  '\r\nX-Injected: yes',
  '\u001b[31mred\u001b[0m',
  '\u0007\b\u007f',
  '{"a":1}',
  '[]',
  'null',
  'undefined',
  'true',
  'NaN',
  '-0',
  '0x10',
  '1e309',
  '1e-400',
  '9007199254740993',
  '99999999999999999999999999',
  '-1',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'length',
  '*',
  '.',
  '..',
  '/',
  '0'.repeat(64),
  'a'.repeat(99),
  `${'a'.repeat(50)}!`,
  `${'a '.repeat(30)}!`,
  `${'a.'.repeat(30)}!`,
  `${'0'.repeat(50)}x`,
  `${' '.repeat(60)}x`,
  `${'-'.repeat(60)}_`,
  'a'.repeat(101),
  'a'.repeat(5000),
  `${'a'.repeat(3000)}!`,
  '('.repeat(200),
  `${' '.repeat(3000)}x`,
  '1'.repeat(400),
  `${'0'.repeat(300)}d`,
  '😀'.repeat(300),
  '2030-01-31T12:00:00Z',
  '2030-02-30T25:61:61Z',
  '+275760-09-13T00:00:00.001Z',
  '-000001-01-01T00:00:00Z',
  '0000-00-00T00:00:00Z',
  '9999-12-31T23:59:60Z',
  '999999999999d',
  '0s',
  '0.0.0.0/0',
  '::/0',
  '::ffff:127.0.0.1',
  '127.0.0.1/33',
  'fe80::1%lo',
  '1.2.3.4/-1',
  '0177.0.0.1',
  'a'.repeat(64_000),
];

/** Numbers as JSON spells them, beyond what fields mean. */
const HOSTILE_NUMBERS: readonly string[] = [
  '0',
  '-0',
  '-1',
  '1.5',
  '1e0',
  '1E+2',
  '1e309',
  '-1e309',
  '1e-400',
  '5e-324',
  '2147483648',
  '4294967296',
  '9007199254740991',
  '9007199254740993',
  '9223372036854775808',
  '18446744073709551616',
  '0.1e1',
  '123456789012345678901234567890',
  `1${'0'.repeat(400)}`,
  `0.${'0'.repeat(400)}1`,
];

const OTHER_VALUES: readonly string[] = [
  'null',
  'true',
  'false',
  '[]',
  '{}',
  '[null]',
  '[[]]',
  '{"":""}',
  '{"length":1}',
  '{"__proto__":{"admin":true}}',
  '{"constructor":{"prototype":{"admin":true}}}',
  '{"toString":1,"valueOf":2,"hasOwnProperty":3}',
  '{"$ref":"#"}',
  '{"$gt":""}',
  '{"then":1}',
  '{"toJSON":{}}',
];

function repeated(dice: Dice): string {
  const depth = dice.pick([2, 10, 18, 19, 20, 21, 100, 5000, 30_000]);
  const kind = dice.below(4);
  if (kind === 0) return '['.repeat(depth) + ']'.repeat(depth);
  if (kind === 1) return `${'{"a":'.repeat(Math.min(depth, 10_000))}1${'}'.repeat(Math.min(depth, 10_000))}`;
  const count = dice.pick([51, 101, 201, 1001, 9000]);
  if (kind === 2) return `[${Array.from({ length: count }, (_, index) => `"${index % 97}"`).join(',')}]`;
  return `{${Array.from({ length: Math.min(count, 5000) }, (_, index) => `"k${index}":1`).join(',')}}`;
}

/** Any JSON value that the field did not expect. */
export function hostileJson(dice: Dice): RawJson {
  const kind = dice.below(10);
  if (kind < 4) return new RawJson(JSON.stringify(hostileText(dice)));
  if (kind < 7) return new RawJson(dice.pick(HOSTILE_NUMBERS));
  if (kind < 9) return new RawJson(dice.pick(OTHER_VALUES));
  return new RawJson(repeated(dice));
}

export function hostileText(dice: Dice): string {
  if (dice.chance(0.05)) return decoySecret(dice);
  if (dice.chance(0.1)) return dice.pick(HOSTILE_TEXTS) + dice.pick(HOSTILE_TEXTS);
  return dice.pick(HOSTILE_TEXTS);
}

/** The same for a URL or a header: no half letters, and not so long that nothing else is read. */
export function hostileWord(dice: Dice): string {
  const text = hostileText(dice).toWellFormed();
  return dice.chance(0.05) ? text : text.slice(0, 600);
}

const DECOY_KINDS: SecretKind[] = ['secret_test', 'secret_live', 'restricted_test', 'root', 'refresh_token'];

/** A secret with a right checksum that nobody issued. Wherever it turns up, a true one would have. */
export function decoySecret(dice: Dice): string {
  const decoy = mintSecret(dice.pick(DECOY_KINDS), (count) => dice.bytes(count));
  decoys.add(decoy);
  return decoy;
}

const decoys = new Set<string>();

export function isDecoy(secret: string): boolean {
  return decoys.has(secret);
}

/** JSON with what `JSON.stringify` cannot say. */
export function writeJson(value: unknown): string {
  if (value instanceof RawJson) return value.text;
  if (Array.isArray(value)) return `[${value.map(writeJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    return `{${Object.entries(value)
      .map(([name, each]) => `${JSON.stringify(name)}:${writeJson(each)}`)
      .join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}
