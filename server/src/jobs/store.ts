import type { Tx } from '../database/index.ts';
import type { JobLeaseRow } from './tables.ts';

/** Takes or renews the lease in one statement; false while another holder's has not expired. */
export async function takeLease(tx: Tx, lease: JobLeaseRow, nowMs: number): Promise<boolean> {
  const won = await tx.query
    .insertInto('job_leases')
    .values(lease)
    .onConflict((conflict) =>
      conflict
        .column('name')
        .doUpdateSet({ holder: lease.holder, expires_at: lease.expires_at })
        .where((where) =>
          where.or([where('job_leases.holder', '=', lease.holder), where('job_leases.expires_at', '<', nowMs)]),
        ),
    )
    .returning('name')
    .executeTakeFirst();
  return won !== undefined;
}

export async function dropLeases(tx: Tx, holder: string): Promise<void> {
  await tx.query.deleteFrom('job_leases').where('holder', '=', holder).execute();
}
