import { afterEach, describe, expect, test } from 'vitest';
import { createFirstWorkspace } from '../../src/accounts/index.ts';
import { createRecordAudit, systemActor } from '../../src/audit/index.ts';
import { MIGRATIONS } from '../../src/compose.ts';
import { pooledRandom } from '../../src/crypto/index.ts';
import { type Tx, UniqueViolation } from '../../src/database/index.ts';
import { claimSlot } from '../../src/http/idempotency/store.ts';
import { takeLease } from '../../src/jobs/store.ts';
import { DATABASES, manualClock } from '../harness.ts';
import { close, closeDatabases, names, newDatabase, newPlace, put } from './databases.ts';

afterEach(closeDatabases);

const range = (count: number) => Array.from({ length: count }, (_, index) => index);

describe.each(DATABASES)('storage on %s', (kind) => {
  test('a write is all or nothing, and hands on what the work threw', async () => {
    const database = await newDatabase(kind);
    const failure = new Error('the third step fails');
    const work = async (tx: Tx) => {
      await put(tx, 'one');
      await put(tx, 'two');
      throw failure;
    };
    await expect(database.write(work)).rejects.toBe(failure);
    expect(await names(database)).toEqual([]);
    expect(await database.write(async (tx) => put(tx, 'one').then(() => 'done'))).toBe('done');
    expect(await names(database)).toEqual(['one']);
  });

  test('of 50 parallel writes those that fail take nobody with them; the others survive a reopening', async () => {
    const openAgain = await newPlace(kind);
    const database = await openAgain();
    await database.migrate(MIGRATIONS, { dryRun: false, nowMs: 1 });
    const outcomes = await Promise.allSettled(
      range(50).map((index) =>
        database.write(async (tx) => {
          await put(tx, `row ${index}`);
          if (index % 7 === 3) throw new Error(`no ${index}`);
          if (index % 7 === 5) await put(tx, `row ${index}`);
          await put(tx, `row ${index}, second`);
          return index;
        }),
      ),
    );
    for (const [index, outcome] of outcomes.entries()) {
      if (index % 7 === 3) expect(outcome).toMatchObject({ reason: { message: `no ${index}` } });
      else if (index % 7 === 5) expect(outcome).toMatchObject({ reason: expect.any(UniqueViolation) });
      else expect(outcome).toEqual({ status: 'fulfilled', value: index });
    }
    await close(database);
    const whole = range(50).filter((index) => index % 7 !== 3 && index % 7 !== 5);
    const expected = whole.flatMap((index) => [`row ${index}`, `row ${index}, second`]).sort();
    expect(await names(await openAgain())).toEqual(expected);
  });

  test('an acknowledged write is seen by every reader at once', async () => {
    const openAgain = await newPlace(kind);
    const database = await openAgain();
    await database.migrate(MIGRATIONS, { dryRun: false, nowMs: 1 });
    const other = await openAgain();
    for (const name of ['a', 'b', 'c']) {
      await database.write((tx) => put(tx, name));
      expect(await names(other)).toContain(name);
    }
  });

  test('afterCommit runs once, after the commit and before the write resolves', async () => {
    const database = await newDatabase(kind);
    const order: string[] = [];
    let seen: Promise<string[]> | undefined;
    const written = database.write(async (tx) => {
      tx.afterCommit(() => {
        order.push('first listener');
        seen = names(database);
      });
      await put(tx, 'row');
      tx.afterCommit(() => order.push('second listener'));
      order.push('work');
    });
    await written.then(() => order.push('resolved'));
    expect(order).toEqual(['work', 'first listener', 'second listener', 'resolved']);
    expect(await seen).toEqual(['row']);
  });

  test('afterCommit never runs for a write that is rolled back', async () => {
    const database = await newDatabase(kind);
    const heard: string[] = [];
    const write = (name: string, fails: boolean) =>
      database.write(async (tx) => {
        tx.afterCommit(() => heard.push(name));
        await put(tx, name);
        if (fails) throw new Error('no');
      });
    await Promise.allSettled([write('a', false), write('b', true), write('c', false)]);
    expect(heard.sort()).toEqual(['a', 'c']);
  });

  test('a commit hook joins the first write, hears its result, and is spent once', async () => {
    const database = await newDatabase(kind);
    const heard: unknown[] = [];
    const hook = async (tx: Tx, result: unknown) => {
      heard.push(result);
      await put(tx, `hooked on ${result}`);
    };
    const result = await database.withCommitHook(hook, async () => {
      const first = await database.write(async (tx) => put(tx, 'first').then(() => 'first'));
      await database.write(async (tx) => put(tx, 'second').then(() => 'second'));
      return first;
    });
    expect(result).toBe('first');
    expect(heard).toEqual(['first']);
    expect(await names(database)).toEqual(['first', 'hooked on first', 'second']);
  });

  test('a commit hook that fails undoes the work; one whose work fails waits for the next write', async () => {
    const database = await newDatabase(kind);
    const failing = async () => {
      throw new Error('the hook fails');
    };
    const write = (name: string) => database.write(async (tx) => put(tx, name));
    await expect(database.withCommitHook(failing, () => write('undone'))).rejects.toThrow('the hook fails');
    await database.withCommitHook(
      (tx) => put(tx, 'hooked'),
      async () => {
        const broken = database.write(async (tx) => {
          await put(tx, 'broken');
          throw new Error('no');
        });
        await expect(broken).rejects.toThrow('no');
        expect(await names(database)).toEqual([]);
        await write('mended');
      },
    );
    expect(await names(database)).toEqual(['hooked', 'mended']);
  });

  test('a commit hook stays with its own caller, however many run at once', async () => {
    const database = await newDatabase(kind);
    await Promise.all(
      range(20).map((index) => {
        const write = () => database.write((tx) => put(tx, `work ${index}`));
        return index % 2 ? write() : database.withCommitHook((tx) => put(tx, `hook ${index}`), write);
      }),
    );
    const hooks = (await names(database)).filter((name) => name.startsWith('hook'));
    expect(hooks).toEqual(
      range(20)
        .flatMap((index) => (index % 2 ? [] : [`hook ${index}`]))
        .sort(),
    );
  });

  test('a unique index refuses with UniqueViolation, which names the index', async () => {
    const database = await newDatabase(kind);
    const user = {
      email_verified: 1,
      password_hash: null,
      name: null,
      created_at: 1,
      state: 'active' as const,
      created_in: null,
    };
    const insert = (id: string, emailKey: string) =>
      database.write(async (tx) => {
        await tx.query
          .insertInto('users')
          .values({ ...user, id, email: emailKey, email_key: emailKey })
          .execute();
      });
    await insert('usr_1', 'a@example.com');
    const error = await insert('usr_2', 'a@example.com').catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(UniqueViolation);
    expect((error as UniqueViolation).constraint).toContain('email_key');
    expect(String((error as UniqueViolation).message)).not.toContain('example.com');
    await expect(insert('usr_1', 'b@example.com')).rejects.toBeInstanceOf(UniqueViolation);
  });

  test('ids sort by their bytes, not by any language', async () => {
    const database = await newDatabase(kind);
    const ids = ['ws_a', 'ws_B', 'ws_0', 'ws_Z', 'ws_z', 'ws_9', 'ws_A', 'ws_b', 'ws'];
    await database.write((tx) =>
      tx.query
        .insertInto('changes')
        .values(ids.map((ref) => ({ kind: 'thing', ref, changed_at: 1 })))
        .execute(),
    );
    const rows = await database.read.selectFrom('changes').select('ref').orderBy('ref').execute();
    expect(rows.map(({ ref }) => ref)).toEqual([...ids].sort());
    const above = await database.read.selectFrom('changes').select('ref').where('ref', '>', 'ws_Z').execute();
    expect(above.map(({ ref }) => ref).sort()).toEqual(['ws_a', 'ws_b', 'ws_z']);
  });

  test('numbers come back as numbers, up to the largest safe integer', async () => {
    const database = await newDatabase(kind);
    const changed_at = Number.MAX_SAFE_INTEGER;
    await database.write((tx) =>
      tx.query.insertInto('changes').values({ kind: 'thing', ref: 'x', changed_at }).execute(),
    );
    const row = await database.read.selectFrom('changes').select(['seq', 'changed_at']).executeTakeFirst();
    expect(row).toEqual({ seq: 1, changed_at });
  });

  test('ping answers, and refuses once the database is closed', async () => {
    const database = await newDatabase(kind);
    await expect(database.ping()).resolves.toBeUndefined();
    await close(database);
    await expect(database.ping()).rejects.toThrow();
  });
});

describe.each(DATABASES)('what may happen once happens once on %s, under 50 parallel calls', (kind) => {
  test('the first workspace, which leaves nothing of the losers', async () => {
    const database = await newDatabase(kind);
    const clock = manualClock();
    const randomBytes = pooledRandom();
    const deps = { clock, randomBytes, recordAudit: createRecordAudit(clock, randomBytes) };
    const outcomes = await Promise.all(
      range(50).map((index) => {
        const owner = { email: `owner${index}@example.com`, passwordHash: 'x' };
        return database.write((tx) => createFirstWorkspace(deps, tx, systemActor, { name: `No ${index}`, owner }));
      }),
    );
    const won = outcomes.filter((outcome) => outcome !== null);
    expect(won).toHaveLength(1);
    const { workspaceId, ownerId } = won[0]!;
    const ids = async (table: 'workspaces' | 'users' | 'members') =>
      (await database.read.selectFrom(table).select('id').execute()).map(({ id }) => id);
    expect(await ids('workspaces')).toEqual([workspaceId]);
    expect(await ids('users')).toEqual([ownerId]);
    expect(await ids('members')).toHaveLength(1);
    const events = await database.read.selectFrom('audit_events').select('action').orderBy('seq').execute();
    expect(events.map(({ action }) => action)).toEqual(['workspace.created', 'user.created']);
  });

  test('a lease: one holder until it expires; renewed by its holder alone', async () => {
    const database = await newDatabase(kind);
    const take = (holder: string, nowMs: number) =>
      database.write((tx) => takeLease(tx, { name: 'job', holder, expires_at: nowMs + 100 }, nowMs));
    const race = async (nowMs: number) => {
      const outcomes = await Promise.all(range(50).map((index) => take(`process ${index}`, nowMs)));
      const winners = outcomes.flatMap((won, index) => (won ? [`process ${index}`] : []));
      expect(winners).toHaveLength(1);
      return winners[0]!;
    };
    const first = await race(1000);
    expect(await take(first, 1050)).toBe(true);
    expect(await take('another', 1101)).toBe(false);
    expect(await take('another', 1150)).toBe(false);
    await race(1151);
  });

  test('an idempotency slot: one caller; taken over when its holder died and the request is the same', async () => {
    const database = await newDatabase(kind);
    const slot = { principal: 'key_1', route: 'POST /api-keys', key: 'abc' };
    const rest = { status: null, reply_sealed: null, reply_expires_at: null, object_id: null };
    const claim = (fingerprint: string, nowMs: number) =>
      database.write((tx) => {
        const times = { locked_until: nowMs + 60, expires_at: nowMs + 1000 };
        return claimSlot(tx, { ...slot, ...rest, ...times, fingerprint, holder: 'a', state: 'pending' }, nowMs);
      });
    const race = async (nowMs: number) => {
      const outcomes = await Promise.all(range(50).map(() => claim('same', nowMs)));
      expect(outcomes.filter(Boolean)).toHaveLength(1);
    };
    await race(1);
    expect(await claim('same', 61)).toBe(false);
    expect(await claim('other', 62)).toBe(false);
    await race(62);
    await race(1063);
  });
});
