import { gzipSync } from 'node:zlib';
import type { Dice } from './dice.ts';
import { hostileJson, hostileText, RawJson, writeJson } from './values.ts';

/** A body on its way: first a value, then JSON text, then bytes. What is undefined was not made yet. */
export interface Body {
  bytes: Buffer;
  /** A Content-Encoding that goes with it. */
  encoding?: string;
}

type Fields = Record<string, unknown>;

/** The object to change: the body itself, or one inside it. */
function someObject(value: Fields, dice: Dice): Fields {
  const inner = Object.values(value).flatMap((each) =>
    (Array.isArray(each) ? each : [each]).filter(
      (one) => typeof one === 'object' && one !== null && !(one instanceof RawJson),
    ),
  ) as Fields[];
  return inner.length > 0 && dice.chance(0.35) ? someObject(dice.pick(inner), dice) : value;
}

/** Changes to the value itself. */
const OF_VALUES: Record<string, (value: Fields, dice: Dice) => void> = {
  'a hostile value': (value, dice) => {
    const names = Object.keys(value);
    if (names.length > 0) value[dice.pick(names)] = hostileJson(dice);
  },
  'hostile values everywhere': (value, dice) => {
    for (const name of Object.keys(value)) value[name] = hostileJson(dice);
  },
  null: (value, dice) => {
    const names = Object.keys(value);
    if (names.length > 0) value[dice.pick(names)] = null;
  },
  missing: (value, dice) => {
    const names = Object.keys(value);
    if (names.length > 0) delete value[dice.pick(names)];
  },
  'an unknown field': (value, dice) => {
    value[dice.pick(['is_admin', 'constructor', 'toString', 'id', 'key', hostileText(dice)])] = hostileJson(dice);
  },
  'a field in a list': (value, dice) => {
    const names = Object.keys(value).filter((name) => Array.isArray(value[name]));
    if (names.length > 0) (value[dice.pick(names)] as unknown[]).push(hostileJson(dice));
  },
  'a value inside a list': (value, dice) => {
    const names = Object.keys(value);
    if (names.length === 0) return;
    const name = dice.pick(names);
    value[name] = [value[name]];
  },
};

const insideFirst = (json: string, text: string) => json.replace('{', `{${text}${json.startsWith('{}') ? '' : ','}`);

/** Changes to the JSON text: what `JSON.stringify` would never write. */
const OF_TEXT: Record<string, (json: string, dice: Dice) => string> = {
  __proto__: (json) => insideFirst(json, '"__proto__":{"admin":true}'),
  '__proto__, escaped': (json) => insideFirst(json, '"\\u005f_proto__":{"admin":true}'),
  'constructor.prototype': (json) => insideFirst(json, '"constructor":{"prototype":{"x":1}}'),
  'a key twice': (json) => insideFirst(json, '"name":"first","scopes":["admin"],"name":"second"'),
  'a trailing comma': (json) => json.replace(/\}$/, ',}'),
  'a trailing word': (json) => `${json}x`,
  'two documents': (json) => json + json,
  'cut off': (json, dice) => json.slice(0, dice.below(json.length + 1)),
  'a comment': (json) => `/*a*/${json}//b`,
  'single quotes': (json) => json.replaceAll('"', "'"),
  NaN: (json) => insideFirst(json, '"x":NaN'),
  'white space': (json, dice) =>
    dice.pick([' ', '\t\r\n', '\u00a0', '\u2028', '\u000b']).repeat(dice.pick([1, 2000])) + json,
  'a whole other value': (_, dice) => hostileJson(dice).text,
  nothing: () => '',
  form: () => 'name=x&scopes=admin&name=y',
  'not JSON': (_, dice) => hostileText(dice),
};

/** Changes to the bytes. */
const OF_BYTES: Record<string, (bytes: Buffer, dice: Dice) => Body> = {
  'a byte order mark': (bytes) => ({ bytes: Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bytes]) }),
  'UTF-16': (bytes) => ({
    bytes: Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(bytes.toString(), 'utf16le')]),
  }),
  'bytes that are no UTF-8': (bytes, dice) => {
    const at = dice.below(bytes.length + 1);
    const bad = dice.pick([[0x80], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xc3], [0xf5, 0x80, 0x80, 0x80], [0xff]]);
    return { bytes: Buffer.concat([bytes.subarray(0, at), Buffer.from(bad), bytes.subarray(at)]) };
  },
  'a NUL byte': (bytes, dice) => {
    const at = dice.below(bytes.length + 1);
    return { bytes: Buffer.concat([bytes.subarray(0, at), Buffer.from([0]), bytes.subarray(at)]) };
  },
  'flipped bits': (bytes, dice) => {
    const flipped = Buffer.from(bytes);
    for (let count = 1 + dice.below(3); count > 0 && flipped.length > 0; count -= 1) {
      const at = dice.below(flipped.length);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << dice.below(8));
    }
    return { bytes: flipped };
  },
  'gzip, said': (bytes) => ({ bytes: gzipSync(bytes), encoding: 'gzip' }),
  'gzip, not said': (bytes) => ({ bytes: gzipSync(bytes) }),
  'plain, said to be gzip': (bytes, dice) => ({
    bytes,
    encoding: dice.pick(['gzip', 'br', 'zstd', 'x', 'gzip, gzip']),
  }),
  'over the limit': (bytes, dice) => ({
    bytes: Buffer.concat([bytes, Buffer.alloc(dice.pick([65_537, 70_000, 300_000]), ' ')]),
  }),
  noise: (_, dice) => ({ bytes: Buffer.from(dice.bytes(1 + dice.below(300))) }),
};

/** The body of a value, with `count` things done to it, whose names go into `done`. */
export function mutatedBody(value: unknown, count: number, dice: Dice, done: string[]): Body {
  let bytes: Body = { bytes: Buffer.alloc(0) };
  const kinds = Array.from({ length: count }, () => dice.below(10));
  const fields = typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
  for (const kind of kinds) {
    if (kind < 6) apply(OF_VALUES, dice, done, (change) => change(someObject(fields, dice), dice));
  }
  let json = writeJson(fields);
  for (const kind of kinds) {
    if (kind < 6 || kind > 7) continue;
    apply(OF_TEXT, dice, done, (change) => {
      json = change(json, dice);
    });
  }
  bytes = { bytes: Buffer.from(json.toWellFormed()) };
  for (const kind of kinds) {
    if (kind < 8) continue;
    apply(OF_BYTES, dice, done, (change) => {
      bytes = { ...bytes, ...change(bytes.bytes, dice) };
    });
  }
  return bytes;
}

function apply<T>(changes: Record<string, T>, dice: Dice, done: string[], use: (change: T) => void): void {
  const name = dice.pick(Object.keys(changes));
  done.push(`body: ${name}`);
  use(changes[name] as T);
}
