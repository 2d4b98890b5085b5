import pg from 'pg';
import { describe, expect, inject, it } from 'vitest';
import { findBinary } from './find-binary.ts';
import { createDatabase, dropDatabase, startPostgres } from './postgres.ts';
import { startRedis } from './redis.ts';

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

describe('services of the tests', () => {
  it('gives every test file one PostgreSQL and makes empty databases in it', async () => {
    const name = `services test ${process.pid}`;
    const url = await createDatabase(inject('postgresUrl'), name);
    expect(await query(url, 'select current_database() as name')).toEqual([{ name }]);
    await dropDatabase(inject('postgresUrl'), name);
  });

  it('keeps committed rows of a durable PostgreSQL over kill -9', async () => {
    const postgres = await startPostgres({ durable: true });
    try {
      await query(postgres.url, 'create table kept as select 1 as one');
      await postgres.kill9();
      await expect(query(postgres.url, 'select 1')).rejects.toThrow();
      await postgres.restart();
      expect(await query(postgres.url, 'select one from kept')).toEqual([{ one: 1 }]);
    } finally {
      await postgres.stop();
    }
  });

  it('starts, kills, restarts and stops Redis', async () => {
    const redis = await startRedis({ own: true });
    await redis.kill9();
    await redis.restart();
    await redis.restart();
    await redis.stop();
  });

  it('names the command for a program that is missing', () => {
    const missing = { name: 'no-such-program', also: [], debianPackage: 'a-package', mayInstall: false };
    expect(() => findBinary(missing)).toThrow(/apt-get install .*a-package/);
  });
});
