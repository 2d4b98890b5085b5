import { afterEach, describe, expect, test, vi } from 'vitest';
import { MIGRATIONS } from '../../src/compose.ts';
import type { Database } from '../../src/database/index.ts';
import { type Changes, createChanges } from '../../src/shared-state/index.ts';
import { DATABASES, type DatabaseName, type ManualClock, manualClock } from '../harness.ts';
import { close, closeDatabases, newPlace } from './databases.ts';

interface Listener {
  database: Database;
  changes: Changes;
  clock: ManualClock;
  heard: string[];
  /** What `caughtUp` recorded. */
  marks: string[];
  errors: unknown[];
  /** Records each name as a change, all in one transaction. */
  record(...refs: string[]): Promise<void>;
  /** The same as another process would: this one does not hear of it before it reads it. */
  insert(refs: string[]): Promise<void>;
}

const running: Listener[] = [];
const open = new Set<() => Promise<void>>();
let marksMade = 0;

afterEach(async () => {
  for (const commit of open) await commit();
  for (const { changes } of running.splice(0)) await changes.stop();
  await closeDatabases();
});

interface ListenerOptions {
  pollMs?: number;
  starts?: boolean;
}

/** Another process on the same database: its own connections, its own reader. */
async function join(openAgain: () => Promise<Database>, { pollMs = 10, starts = true }: ListenerOptions = {}) {
  const database = await openAgain();
  const clock = manualClock();
  const errors: unknown[] = [];
  const heard: string[] = [];
  const onError = (error: unknown) => errors.push(error);
  const changes = createChanges({ database, clock, pollMs, maxStaleMs: 5000, onError });
  const marks: string[] = [];
  changes.onChange(({ kind, ref }) => (kind === 'mark' ? marks.push(ref) : heard.push(`${kind}:${ref}`)));
  if (starts) await changes.start();
  const record = (...refs: string[]) =>
    database.write(async (tx) => {
      for (const ref of refs) await changes.record(tx, { kind: 'thing', ref });
    });
  const insert = (refs: string[]) =>
    database.write(async (tx) => {
      const rows = refs.map((ref) => ({ kind: 'thing', ref, changed_at: 1 }));
      await tx.query.insertInto('changes').values(rows).execute();
    });
  const listener = { database, changes, clock, heard, marks, errors, record, insert };
  if (starts) running.push(listener);
  return listener;
}

async function newGroup(kind: DatabaseName): Promise<() => Promise<Database>> {
  const openAgain = await newPlace(kind);
  const first = await openAgain();
  await first.migrate(MIGRATIONS, { dryRun: false, nowMs: 1 });
  await close(first);
  return openAgain;
}

const things = (count: number, from = 0) => Array.from({ length: count }, (_, index) => `${from + index}`);
const named = (refs: string[]) => refs.map((ref) => `thing:${ref}`);

/** Waits until a change recorded now has been heard: what was committed before it has been read by then. */
async function caughtUp(listener: Listener, by: Listener): Promise<void> {
  const ref = `mark ${marksMade}`;
  marksMade += 1;
  await by.database.write((tx) => by.changes.record(tx, { kind: 'mark', ref }));
  await vi.waitFor(() => expect(listener.marks).toContain(ref), { timeout: 5000, interval: 5 });
}

describe.each(DATABASES)('changes on %s', (kind) => {
  test('are heard by the process itself before the write resolves, and by every other, once each', async () => {
    const openAgain = await newGroup(kind);
    const [a, b, c] = [await join(openAgain), await join(openAgain), await join(openAgain)];
    await a.record('one');
    expect(a.heard).toEqual(['thing:one']);
    await b.record('two', 'three');
    expect(b.heard).toEqual(expect.arrayContaining(['thing:two', 'thing:three']));
    const all = ['thing:one', 'thing:three', 'thing:two'];
    for (const listener of [a, b, c]) {
      await vi.waitFor(() => expect([...listener.heard].sort()).toEqual(all), { timeout: 10_000 });
      await caughtUp(listener, a);
      expect([...listener.heard].sort()).toEqual(all);
      expect(listener.errors).toEqual([]);
    }
  });

  test('of a write that is rolled back are heard by nobody', async () => {
    const openAgain = await newGroup(kind);
    const [a, b] = [await join(openAgain), await join(openAgain)];
    const undone = a.database.write(async (tx) => {
      await a.changes.record(tx, { kind: 'thing', ref: 'undone' });
      throw new Error('no');
    });
    await expect(undone).rejects.toThrow('no');
    await caughtUp(b, a);
    await caughtUp(a, a);
    expect([a.heard, b.heard]).toEqual([[], []]);
  });

  test('more than one page at once are all heard', async () => {
    const openAgain = await newGroup(kind);
    const [a, b] = [await join(openAgain), await join(openAgain)];
    await a.insert(things(2500));
    await caughtUp(b, a);
    expect(new Set(b.heard)).toEqual(new Set(named(things(2500))));
    expect(b.heard).toHaveLength(2500);
  });

  test('of others are not lost when this process writes before it has read them', async () => {
    const openAgain = await newGroup(kind);
    const [a, b] = [await join(openAgain, { pollMs: 300 }), await join(openAgain)];
    await b.insert(things(1500));
    await a.record('own');
    await vi.waitFor(() => expect(a.heard).toHaveLength(1501), { timeout: 5000 });
    expect(new Set(a.heard)).toEqual(new Set([...named(things(1500)), 'thing:own']));
  });

  test('from before the start are not told', async () => {
    const openAgain = await newGroup(kind);
    const a = await join(openAgain);
    await a.record('old');
    const late = await join(openAgain);
    await caughtUp(late, a);
    expect(late.heard).toEqual([]);
  });

  test('are forgotten an hour after they were recorded', async () => {
    const openAgain = await newGroup(kind);
    const a = await join(openAgain);
    const refs = async () =>
      (await a.database.read.selectFrom('changes').select('ref').execute()).map(({ ref }) => ref);
    await a.record('old');
    a.clock.advance(3_599_999);
    await a.record('new');
    await a.changes.prune();
    expect((await refs()).sort()).toEqual(['new', 'old']);
    a.clock.advance(2);
    await a.changes.prune();
    expect(await refs()).toEqual(['new']);
  });

  test('keep a reader fresh for as long as they can be read, and no longer than allowed after that', async () => {
    const openAgain = await newGroup(kind);
    const notStarted = await join(openAgain, { starts: false });
    expect(notStarted.changes.isFresh()).toBe(false);
    const a = await join(openAgain);
    expect(a.changes.isFresh()).toBe(true);
    a.clock.advance(60_000);
    expect(a.changes.isFresh()).toBe(false);
    await vi.waitFor(() => expect(a.changes.isFresh()).toBe(true), { timeout: 10_000 });
    expect(a.errors).toEqual([]);
    await close(a.database);
    await vi.waitFor(() => expect(a.errors.length).toBeGreaterThan(1), { timeout: 10_000 });
    expect(a.changes.isFresh()).toBe(true);
    a.clock.advance(5001);
    const errors = a.errors.length;
    await vi.waitFor(() => expect(a.errors.length).toBeGreaterThan(errors), { timeout: 10_000 });
    expect(a.changes.isFresh()).toBe(false);
    a.clock.advance(-5001 * 3);
    expect(a.changes.isFresh()).toBe(false);
  });

  test('are told to nobody after stop', async () => {
    const openAgain = await newGroup(kind);
    const [a, b] = [await join(openAgain), await join(openAgain)];
    await b.changes.stop();
    const c = await join(openAgain);
    await a.record('late');
    await caughtUp(c, a);
    expect(b.heard).toEqual([]);
  });
});

describe('numbers that commit out of order on postgres', () => {
  /** Records in a transaction that stays open until the returned function is called. */
  async function holdOpen(listener: Listener, refs: string[]): Promise<() => Promise<void>> {
    const recorded = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    const written = listener.database.write(async (tx) => {
      const rows = refs.map((ref) => ({ kind: 'thing', ref, changed_at: 1 }));
      await tx.query.insertInto('changes').values(rows).execute();
      recorded.resolve();
      await released.promise;
    });
    await recorded.promise;
    const commit = () => {
      open.delete(commit);
      released.resolve();
      return written;
    };
    open.add(commit);
    return commit;
  }

  test('a lower one that commits after a higher one is heard, once', async () => {
    const openAgain = await newGroup('postgres');
    const [a, b] = [await join(openAgain), await join(openAgain)];
    const commit = await holdOpen(a, ['low', 'low too']);
    await b.record('high');
    await caughtUp(a, b);
    await caughtUp(b, a);
    expect([a.heard, b.heard]).toEqual([['thing:high'], ['thing:high']]);
    await commit();
    await caughtUp(b, a);
    await vi.waitFor(() => expect(b.heard).toHaveLength(3), { timeout: 10_000 });
    await caughtUp(a, b);
    for (const { heard } of [a, b]) expect(heard).toEqual(['thing:high', 'thing:low', 'thing:low too']);
  });

  test('however many a transaction holds below it, and however they interleave', async () => {
    const openAgain = await newGroup('postgres');
    const [a, b] = [await join(openAgain), await join(openAgain)];
    const first = await holdOpen(a, things(1300));
    await b.record('between');
    const second = await holdOpen(a, things(1300, 2000));
    await b.record('high');
    await caughtUp(b, b);
    await second();
    await vi.waitFor(() => expect(b.heard).toHaveLength(1302), { timeout: 5000 });
    await first();
    await vi.waitFor(() => expect(b.heard).toHaveLength(2602), { timeout: 5000 });
    await caughtUp(b, a);
    expect(b.heard).toHaveLength(2602);
    expect(new Set(b.heard)).toEqual(
      new Set([...named([...things(1300), ...things(1300, 2000)]), 'thing:between', 'thing:high']),
    );
  });

  test('one that is under way when a process starts is heard when it commits', async () => {
    const openAgain = await newGroup('postgres');
    const a = await join(openAgain);
    const commit = await holdOpen(a, ['low']);
    await a.record('high');
    const late = await join(openAgain);
    await commit();
    await vi.waitFor(() => expect(late.heard).toEqual(['thing:low']), { timeout: 10_000 });
  });

  test('those of a transaction that is rolled back are no longer asked for after ten seconds', async () => {
    const openAgain = await newGroup('postgres');
    const [a, b] = [await join(openAgain), await join(openAgain)];
    const undone = a.database.write(async (tx) => {
      await a.changes.record(tx, { kind: 'thing', ref: 'undone' });
      throw new Error('no');
    });
    await expect(undone).rejects.toThrow();
    await a.record('high');
    await caughtUp(b, a);
    b.clock.advance(10_001);
    await vi.waitFor(() => expect(b.changes.isFresh()).toBe(true), { timeout: 10_000 });
    await b.database.write((tx) =>
      tx.query.insertInto('changes').values({ seq: 1, kind: 'thing', ref: 'too late', changed_at: 1 }).execute(),
    );
    await caughtUp(b, a);
    expect(b.heard).toEqual(['thing:high']);
  });
});
