import type { KeyObject } from 'node:crypto';
import { hmacText, macKey, secretsEqual } from '../crypto/index.ts';
import { Failure } from '../failure.ts';

/** Opaque positions in lists. A cursor works only for the list (path, workspace, filters) that it came from. */
export interface Cursors {
  encode(list: string, position: string): string;
  /** Throws `invalid_request` when the cursor was altered, or is another list's. */
  decode(list: string, cursor: string): string;
}

const MAC_LENGTH = 22;

/** The first key makes cursors; those of the others are still good, so that a new key in front ends no walk through a list. */
export function createCursors(secrets: readonly Uint8Array[]): Cursors {
  const keys = secrets.map(macKey);
  const [first] = keys;
  if (!first) throw new Error('cursors need a key');
  const mac = (key: KeyObject, list: string, position: string) =>
    hmacText(key, JSON.stringify([list, position])).slice(0, MAC_LENGTH);
  return {
    encode: (list, position) => Buffer.from(mac(first, list, position) + position).toString('base64url'),
    decode: (list, cursor) => {
      const text = Buffer.from(cursor, 'base64url').toString('utf8');
      const position = text.slice(MAC_LENGTH);
      const isWhole = position !== '' && Buffer.from(text).toString('base64url') === cursor;
      const given = text.slice(0, MAC_LENGTH);
      if (!isWhole || !keys.some((key) => secretsEqual(given, mac(key, list, position)))) {
        throw new Failure('invalid_request', 'The cursor is not valid for this list. Start again without it.');
      }
      return position;
    },
  };
}
