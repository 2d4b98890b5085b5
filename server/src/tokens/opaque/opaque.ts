import { mintSecret, SECRET_PREFIXES } from '@latchkey/protocol';
import { type RandomBytes, sha256Hex } from '../../crypto/index.ts';
import type { Database, Tx } from '../../database/index.ts';
import type { JsonObject } from '../../signing-keys/index.ts';
import { insertOpaque, opaqueByHash } from './store.ts';

export interface OpaqueDeps {
  database: Database;
  randomBytes: RandomBytes;
}

export const isOpaqueText = (text: string) => text.startsWith(SECRET_PREFIXES.access_token);

/** Keeps what a token says, on disk before its text is returned. In a transaction of its own where there is none. */
export async function keepOpaque(
  { database, randomBytes }: OpaqueDeps,
  tx: Tx | null,
  claims: { exp: number },
): Promise<string> {
  const text = mintSecret('access_token', randomBytes);
  const row = { token_hash: sha256Hex(text), claims: JSON.stringify(claims), expires_at: claims.exp * 1000 };
  if (tx) await insertOpaque(tx, row);
  else await database.write((own) => insertOpaque(own, row));
  return text;
}

/** What a token says; null when there is none of this text. */
export async function readOpaque({ database }: Pick<OpaqueDeps, 'database'>, text: string): Promise<JsonObject | null> {
  const row = await opaqueByHash(database.read, sha256Hex(text));
  return row ? (JSON.parse(row.claims) as JsonObject) : null;
}
