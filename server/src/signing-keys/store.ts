import type { Kysely } from 'kysely';
import type { Tables, Tx } from '../database/index.ts';
import type { AlgorithmName } from './algorithms.ts';
import type { SigningKeyRow } from './tables.ts';

/** At most a handful for each algorithm. */
export function allKeys(query: Kysely<Tables>): Promise<SigningKeyRow[]> {
  return query.selectFrom('signing_keys').selectAll().orderBy('created_at', 'desc').orderBy('kid').execute();
}

/** Adds those whose place (`next` or `active` of an algorithm) is free, in one statement; returns which were added. */
export async function insertMissingKeys(tx: Tx, rows: readonly SigningKeyRow[]): Promise<SigningKeyRow[]> {
  return tx.query
    .insertInto('signing_keys')
    .values([...rows])
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .execute();
}

/** What ends a key: it becomes `previous` or `revoked`, and its private half is forgotten. */
export type Retirement = Pick<SigningKeyRow, 'state' | 'retired_at' | 'expires_at'>;

/** Ends the key that signs. False when it was not the active one any more: somebody else has ended it. */
export async function retireActive(tx: Tx, kid: string, values: Retirement): Promise<boolean> {
  const won = await tx.query
    .updateTable('signing_keys')
    .set({ ...values, private_key_sealed: null })
    .where('kid', '=', kid)
    .where('state', '=', 'active')
    .returning('kid')
    .executeTakeFirst();
  return won !== undefined;
}

/** Revokes every previous key of an algorithm; returns which. */
export async function revokePrevious(tx: Tx, algorithm: AlgorithmName, retiredAtMs: number): Promise<string[]> {
  const rows = await tx.query
    .updateTable('signing_keys')
    .set({ state: 'revoked', retired_at: retiredAtMs })
    .where('algorithm', '=', algorithm)
    .where('state', '=', 'previous')
    .returning('kid')
    .execute();
  return rows.map(({ kid }) => kid);
}

/** The next key begins to sign. Undefined when it was not the next one any more. */
export function activateNext(tx: Tx, kid: string, nowMs: number): Promise<SigningKeyRow | undefined> {
  return tx.query
    .updateTable('signing_keys')
    .set({ state: 'active', active_at: nowMs })
    .where('kid', '=', kid)
    .where('state', '=', 'next')
    .returningAll()
    .executeTakeFirst();
}

/** Says when the next key is to begin, unless that is said already. Undefined when it is, or is not the next one. */
export function scheduleNext(tx: Tx, kid: string, activeAtMs: number): Promise<SigningKeyRow | undefined> {
  return tx.query
    .updateTable('signing_keys')
    .set({ active_at: activeAtMs })
    .where('kid', '=', kid)
    .where('state', '=', 'next')
    .where('active_at', 'is', null)
    .returningAll()
    .executeTakeFirst();
}

/** Forgets every key: what any of them signed is worth nothing from the next start on, which makes new ones. */
export async function deleteAllKeys(tx: Tx): Promise<void> {
  await tx.query.deleteFrom('signing_keys').execute();
}

export async function deleteExpiredKeys(tx: Tx, nowMs: number): Promise<void> {
  await tx.query.deleteFrom('signing_keys').where('expires_at', '<', nowMs).execute();
}
