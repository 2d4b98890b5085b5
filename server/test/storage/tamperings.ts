import type { Tx } from '../../src/database/index.ts';

export interface Tampering {
  tamper(tx: Tx): Promise<void>;
  /** What the verifier says about it. */
  complaint: RegExp;
}

async function firstOfBatch(tx: Tx, number: number) {
  const query = tx.query.selectFrom('audit_events').selectAll().where('batch', '=', number).orderBy('seq');
  return query.executeTakeFirstOrThrow();
}

/** Ways to change an audit log of at least three sealed batches of several events each, behind its back. */
export const tamperings: Record<string, Tampering> = {
  'changed the data of an event': {
    tamper: async (tx) => {
      const { seq } = await firstOfBatch(tx, 2);
      await tx.query.updateTable('audit_events').set({ data: '{"name":"else"}' }).where('seq', '=', seq).execute();
    },
    complaint: /batch 2: its events were changed/,
  },
  'changed who did it': {
    tamper: async (tx) => {
      const { seq } = await firstOfBatch(tx, 2);
      await tx.query.updateTable('audit_events').set({ actor_id: 'key_other' }).where('seq', '=', seq).execute();
    },
    complaint: /batch 2: its events were changed/,
  },
  'changed when it happened': {
    tamper: async (tx) => {
      const { seq, created_at } = await firstOfBatch(tx, 2);
      const later = created_at + 1;
      await tx.query.updateTable('audit_events').set({ created_at: later }).where('seq', '=', seq).execute();
    },
    complaint: /batch 2: its events were changed/,
  },
  'deleted an event': {
    tamper: async (tx) => {
      const { seq } = await firstOfBatch(tx, 2);
      await tx.query.deleteFrom('audit_events').where('seq', '=', seq).execute();
    },
    complaint: /batch 2: has \d+ events; \d+ were sealed/,
  },
  'deleted an event and corrected the count': {
    tamper: async (tx) => {
      const { seq } = await firstOfBatch(tx, 2);
      await tx.query.deleteFrom('audit_events').where('seq', '=', seq).execute();
      await tx.query
        .updateTable('audit_batches')
        .set((set) => ({ event_count: set('event_count', '-', 1) }))
        .where('number', '=', 2)
        .execute();
    },
    complaint: /batch 2: its events were changed/,
  },
  'inserted an event into a sealed batch': {
    tamper: async (tx) => {
      const { seq: _, ...event } = await firstOfBatch(tx, 2);
      await tx.query
        .insertInto('audit_events')
        .values({ ...event, id: 'evt_inserted' })
        .execute();
    },
    complaint: /batch 2: has \d+ events; \d+ were sealed/,
  },
  'inserted an event that claims a seal which there is not': {
    tamper: async (tx) => {
      const { seq: _, ...event } = await firstOfBatch(tx, 2);
      await tx.query
        .insertInto('audit_events')
        .values({ ...event, id: 'evt_inserted', batch: 1_000_000 })
        .execute();
    },
    complaint: /1 events belong to a batch that is missing/,
  },
  'moved an event into another batch': {
    tamper: async (tx) => {
      const { seq } = await firstOfBatch(tx, 2);
      await tx.query.updateTable('audit_events').set({ batch: 3 }).where('seq', '=', seq).execute();
    },
    complaint: /batch 2: has \d+ events[\s\S]*batch 3: has \d+ events/,
  },
  'deleted a batch in the middle, with its events': {
    tamper: async (tx) => {
      await tx.query.deleteFrom('audit_events').where('batch', '=', 2).execute();
      await tx.query.deleteFrom('audit_batches').where('number', '=', 2).execute();
    },
    complaint: /batch 3: follows 1; batches between them are missing/,
  },
  'deleted a batch and left its events': {
    tamper: async (tx) => {
      await tx.query.deleteFrom('audit_batches').where('number', '=', 2).execute();
    },
    complaint: /\d+ events belong to a batch that is missing/,
  },
  'deleted the first batch': {
    tamper: async (tx) => {
      await tx.query.deleteFrom('audit_events').where('batch', '=', 1).execute();
      await tx.query.deleteFrom('audit_batches').where('number', '=', 1).execute();
    },
    complaint: /batch 2: does not continue the batch before it/,
  },
  'changed a signature': {
    tamper: async (tx) => {
      const other = tx.query.selectFrom('audit_batches').select('signature').where('number', '=', 1);
      const { signature } = await other.executeTakeFirstOrThrow();
      await tx.query.updateTable('audit_batches').set({ signature }).where('number', '=', 2).execute();
    },
    complaint: /batch 2: its signature is not ours/,
  },
  'emptied a signature': {
    tamper: async (tx) => {
      await tx.query.updateTable('audit_batches').set({ signature: '' }).where('number', '=', 2).execute();
    },
    complaint: /batch 2: its signature is not ours/,
  },
  'changed the hash before': {
    tamper: async (tx) => {
      const previous_hash = 'f'.repeat(64);
      await tx.query.updateTable('audit_batches').set({ previous_hash }).where('number', '=', 2).execute();
    },
    complaint: /batch 2: does not continue the batch before it/,
  },
  'changed the hash itself': {
    tamper: async (tx) => {
      await tx.query
        .updateTable('audit_batches')
        .set({ hash: 'f'.repeat(64) })
        .where('number', '=', 2)
        .execute();
    },
    complaint: /batch 2: its events were changed[\s\S]*batch 3: does not continue the batch before it/,
  },
  'taken the key away': {
    tamper: async (tx) => {
      await tx.query.deleteFrom('audit_keys').execute();
    },
    complaint: /batch 2: its (key audit-1 is missing|signature is not ours)/,
  },
};
