import { type Kysely, sql } from 'kysely';
import type { Tables, Tx } from '../../database/index.ts';
import type { ClientRegistrationRow } from './tables.ts';

export async function insertRegistration(tx: Tx, row: ClientRegistrationRow): Promise<void> {
  await tx.query.insertInto('client_registrations').values(row).execute();
}

export function registrationOf(read: Kysely<Tables>, clientId: string): Promise<ClientRegistrationRow | undefined> {
  return read.selectFrom('client_registrations').selectAll().where('client_id', '=', clientId).executeTakeFirst();
}

/** False when it was gone already. */
export async function deleteRegistration(tx: Tx, clientId: string): Promise<boolean> {
  const gone = tx.query.deleteFrom('client_registrations').where('client_id', '=', clientId).returning('client_id');
  return (await gone.executeTakeFirst()) !== undefined;
}

/** Nobody has allowed them anything, or all that was allowed ended and was forgotten. */
const unused = (read: Kysely<Tables>) =>
  read
    .selectFrom('client_registrations')
    .select('client_id')
    .where(sql<boolean>`not exists (select 1 from grants where grants.client_id = client_registrations.client_id)`);

/** How many there are that nobody uses; counted no further than `most`. */
export async function countUnused(read: Kysely<Tables>, most: number): Promise<number> {
  const rows = await unused(read).limit(most).execute();
  return rows.length;
}

/** At most `limit` that nobody uses and that were made before, oldest first. */
export async function unusedBefore(read: Kysely<Tables>, beforeMs: number, limit: number): Promise<string[]> {
  const rows = await unused(read).where('created_at', '<', beforeMs).orderBy('created_at').limit(limit).execute();
  return rows.map(({ client_id }) => client_id);
}

/** The same of one, as a transaction sees it. */
export async function isUnused(tx: Tx, clientId: string): Promise<boolean> {
  return (await unused(tx.query).where('client_id', '=', clientId).executeTakeFirst()) !== undefined;
}
