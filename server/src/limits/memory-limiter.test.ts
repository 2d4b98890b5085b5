import { expect, test } from 'vitest';
import { manualClock } from '../../test/harness.ts';
import { HOUR_MS, type Limits, type Spending } from './decision.ts';
import { ANONYMOUS_PREFIX, createMemoryLimiter, SHARED_BUCKETS } from './memory-limiter.ts';

const anonymous: Limits = { perHour: 3, perSecond: null };
const address = (index: number) => `${ANONYMOUS_PREFIX}${index}`;

function countAllowed(answers: readonly (Spending | Promise<Spending>)[]): number {
  return (answers as Spending[]).filter(({ allowed }) => allowed).length;
}

test('answers without a promise, exactly N of 10 N', () => {
  const limiter = createMemoryLimiter({ clock: manualClock() });
  const answers = Array.from({ length: 1000 }, () => limiter.spend('key', { perHour: 100, perSecond: null }, 1));
  expect(answers.some((answer) => answer instanceof Promise)).toBe(false);
  expect(countAllowed(answers)).toBe(100);
});

test('keeps a million addresses in bounded memory, and forgets none of those that are blocked', () => {
  const clock = manualClock();
  const limiter = createMemoryLimiter({ clock, maxAnonymous: 10_000 });
  const blocked = [...Array(100).keys()].map(address);
  for (const bucket of blocked) for (let call = 0; call < 3; call += 1) limiter.spend(bucket, anonymous, 1);
  for (let index = 100; index < 1_000_000; index += 1) {
    limiter.spend(address(index), anonymous, 1);
    if (index % 10_000 === 0) clock.advance(1000);
  }
  expect(limiter.size()).toBeLessThanOrEqual(10_000 + SHARED_BUCKETS);
  expect(countAllowed(blocked.map((bucket) => limiter.spend(bucket, anonymous, 1)))).toBe(0);
});

test('a flood of addresses takes no place from credentials', () => {
  const limiter = createMemoryLimiter({ clock: manualClock(), maxAnonymous: 100 });
  for (let index = 0; index < 1000; index += 1) limiter.spend(address(index), anonymous, 1);
  const keys = Array.from({ length: 1000 }, (_, index) =>
    limiter.spend(`key_${index}`, { perHour: 1, perSecond: 1 }, 1),
  );
  expect(countAllowed(keys)).toBe(1000);
});

test('newcomers without a place are given back what was no guess, and count all the same', () => {
  const limiter = createMemoryLimiter({ clock: manualClock(), maxAnonymous: 10 });
  for (let index = 0; index < 10; index += 1) limiter.spend(address(index), anonymous, 1);
  for (let call = 0; call < 100; call += 1) {
    expect(limiter.spend('ip:newcomer', anonymous, 1)).toMatchObject({ allowed: true });
    limiter.giveBack('ip:newcomer', 1);
  }
  expect(countAllowed(Array.from({ length: 5 }, () => limiter.spend('ip:newcomer', anonymous, 1)))).toBe(3);
});

test('a flood that took every place, and goes on, leaves passwords to be guessed at', () => {
  const limiter = createMemoryLimiter({ clock: manualClock(), maxAnonymous: 100 });
  for (let index = 0; index < 20_000; index += 1) {
    limiter.spend(`ip:guess:client:${index}`, anonymous, 1);
    limiter.spend(address(index), anonymous, 1);
  }
  for (const kind of ['network', 'account']) {
    const people = Array.from({ length: 50 }, (_, index) => limiter.spend(`ip:guess:${kind}:${index}`, anonymous, 1));
    expect(countAllowed(people), kind).toBe(50);
  }
  expect(limiter.size()).toBeLessThanOrEqual(100 + 4 * SHARED_BUCKETS);
});

test('gives places back when their windows have ended', () => {
  const clock = manualClock();
  const limiter = createMemoryLimiter({ clock, maxAnonymous: 1000 });
  for (let index = 0; index < 1000; index += 1) limiter.spend(address(index), anonymous, 1);
  expect(limiter.spend('ip:newcomer', anonymous, 1)).toMatchObject({ allowed: true });
  clock.advance(HOUR_MS);
  for (let index = 0; index < 1000; index += 1) limiter.spend(`ip:later-${index}`, anonymous, 1);
  expect(limiter.size()).toBeLessThanOrEqual(1000 + SHARED_BUCKETS);
  const places = Array.from({ length: 3 }, () => limiter.spend('ip:later-999', anonymous, 1));
  expect(countAllowed(places)).toBe(2);
});

test('remembers nothing of refusals and looks', () => {
  const limiter = createMemoryLimiter({ clock: manualClock() });
  limiter.spend('key', { perHour: 0, perSecond: null }, 1);
  limiter.spend('key', { perHour: 5, perSecond: null }, 0);
  expect(limiter.size()).toBe(0);
});
