import { decodeBase62, encodeBase62, type RandomBytes, randomBase62 } from './base62.ts';

/** What the id of each kind of object begins with, before the underscore. */
export const ID_PREFIXES = {
  workspace: 'ws',
  user: 'usr',
  api_key: 'key',
  application: 'app',
  resource: 'res',
  grant: 'grt',
  trusted_issuer: 'iss',
  webhook: 'whk',
  event: 'evt',
  request: 'req',
  project: 'prj',
  order: 'ord',
  member: 'mem',
  invitation: 'inv',
  session: 'ses',
  passkey: 'psk',
  access_token: 'tok',
  token_family: 'fam',
  client_secret: 'sec',
} as const;

export type IdKind = keyof typeof ID_PREFIXES;

const TIME_LENGTH = 8;
const RANDOM_LENGTH = 16;
const BODY_LENGTH = TIME_LENGTH + RANDOM_LENGTH;
const BODY = /^[0-9A-Za-z]{24}$/;
const PREFIXES = Object.values(ID_PREFIXES);

/**
 * Makes an id: prefix, underscore, 8 base62 letters of the time in milliseconds since 1970, 16 random ones (95 bits).
 * Ids of one kind sort by time in ASCII order; within one millisecond their order is random.
 * @throws RangeError when `nowMs` is negative, not whole, or past the year 8888.
 */
export function makeId(kind: IdKind, nowMs: number, randomBytes: RandomBytes): string {
  return `${ID_PREFIXES[kind]}_${encodeBase62(nowMs, TIME_LENGTH)}${randomBase62(RANDOM_LENGTH, randomBytes)}`;
}

/** Whether the text has the form of an id of this kind. The cost does not grow with the length of the text. */
export function isId(kind: IdKind, text: string): boolean {
  return hasForm(ID_PREFIXES[kind], text);
}

function hasForm(prefix: string, text: string): boolean {
  const bodyAt = prefix.length + 1;
  return text.length === bodyAt + BODY_LENGTH && text.startsWith(`${prefix}_`) && BODY.test(text.slice(bodyAt));
}

/** The source of a JSON Schema `pattern` for ids of this kind, as `^ws_[0-9A-Za-z]{24}$`. */
export function idPattern(kind: IdKind): string {
  return `^${ID_PREFIXES[kind]}_[0-9A-Za-z]{${BODY_LENGTH}}$`;
}

/**
 * The time at which an id was made, in milliseconds since 1970.
 * @throws RangeError when the text is no id of any kind.
 */
export function idTimeMs(id: string): number {
  if (!PREFIXES.some((prefix) => hasForm(prefix, id))) throw new RangeError('The text is no id.');
  return decodeBase62(id.slice(-BODY_LENGTH, -RANDOM_LENGTH));
}
