import type { Kysely } from 'kysely';
import type { Tables, Tx } from '../../database/index.ts';
import type { IdempotencyRow } from './tables.ts';

export interface Slot {
  principal: string;
  route: string;
  key: string;
}

/** A slot as one run of the call holds it. */
export interface HeldSlot extends Slot {
  holder: string;
}

/** Takes the slot in one statement: true when it was free, expired, or its holder died before it changed anything. */
export async function claimSlot(tx: Tx, row: IdempotencyRow, nowMs: number): Promise<boolean> {
  const { principal: _, route: __, key: ___, ...values } = row;
  const won = await tx.query
    .insertInto('idempotency_keys')
    .values(row)
    .onConflict((conflict) =>
      conflict
        .columns(['principal', 'route', 'key'])
        .doUpdateSet(values)
        .where((where) =>
          where.or([
            where('idempotency_keys.expires_at', '<', nowMs),
            where.and([
              where('idempotency_keys.state', '=', 'pending'),
              where('idempotency_keys.locked_until', '<', nowMs),
              where('idempotency_keys.fingerprint', '=', row.fingerprint),
            ]),
          ]),
        ),
    )
    .returning('key')
    .executeTakeFirst();
  return won !== undefined;
}

export function readSlot(read: Kysely<Tables>, slot: Slot): Promise<IdempotencyRow | undefined> {
  return read
    .selectFrom('idempotency_keys')
    .selectAll()
    .where('principal', '=', slot.principal)
    .where('route', '=', slot.route)
    .where('key', '=', slot.key)
    .executeTakeFirst();
}

/** Keeps the reply; false, and nothing is changed, when the slot is another's by now. */
export async function finishSlot(
  tx: Tx,
  slot: HeldSlot,
  values: Pick<IdempotencyRow, 'status' | 'reply_sealed' | 'reply_expires_at' | 'object_id'>,
): Promise<boolean> {
  const held = await tx.query
    .updateTable('idempotency_keys')
    .set({ ...values, state: 'done' })
    .where('principal', '=', slot.principal)
    .where('route', '=', slot.route)
    .where('key', '=', slot.key)
    .where('state', '=', 'pending')
    .where('holder', '=', slot.holder)
    .returning('key')
    .executeTakeFirst();
  return held !== undefined;
}

/** Frees the slot of a call that changed nothing. */
export async function freeSlot(tx: Tx, slot: HeldSlot): Promise<void> {
  await tx.query
    .deleteFrom('idempotency_keys')
    .where('principal', '=', slot.principal)
    .where('route', '=', slot.route)
    .where('key', '=', slot.key)
    .where('state', '=', 'pending')
    .where('holder', '=', slot.holder)
    .execute();
}

export async function pruneSlots(tx: Tx, nowMs: number): Promise<void> {
  await tx.query.deleteFrom('idempotency_keys').where('expires_at', '<', nowMs).execute();
  await tx.query
    .updateTable('idempotency_keys')
    .set({ reply_sealed: null })
    .where('reply_expires_at', '<', nowMs)
    .where('reply_sealed', 'is not', null)
    .execute();
}
