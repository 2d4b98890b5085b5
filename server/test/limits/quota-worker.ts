// Serves one quota until it is used up or the process is killed: writes a byte to a file for each unit served.
import { openSync, writeSync } from 'node:fs';
import { systemClock } from '../../src/clock.ts';
import { createQuotas } from '../../src/limits/index.ts';
import { openPlace, type Place } from './stores.ts';

export interface QuotaWork {
  place: Place;
  servedFile: string;
  bucket: string;
  limit: number;
  /** How many calls run at once. */
  atOnce: number;
}

const { place, servedFile, bucket, limit, atOnce } = JSON.parse(process.argv[2] ?? '') as QuotaWork;
const database = openPlace(place);
const quotas = createQuotas({ database, clock: systemClock });
const served = openSync(servedFile, 'a');

async function serve(): Promise<void> {
  for (;;) {
    const { allowed } = await quotas.spend(bucket, { limit, period: 'total' }, 1);
    if (!allowed) return;
    writeSync(served, '.');
    // A call is a turn of the event loop at least, as it is with a socket.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

await Promise.all(Array.from({ length: atOnce }, serve));
await quotas.release();
await database.close();
