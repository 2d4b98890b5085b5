import { expect, test } from 'vitest';
import { manualClock } from '../../test/harness.ts';
import { HOUR_MS, type Limits, type Spending } from './decision.ts';
import { ANONYMOUS_PREFIX, createMemoryLimiter } from './memory-limiter.ts';

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
  expect(limiter.size()).toBeLessThanOrEqual(10_001);
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

test('newcomers who share one bucket are given back what was no guess', () => {
  const limiter = createMemoryLimiter({ clock: manualClock(), maxAnonymous: 10 });
  for (let index = 0; index < 10; index += 1) limiter.spend(address(index), anonymous, 1);
  for (let index = 100; index < 200; index += 1) {
    expect(limiter.spend(address(index), anonymous, 1)).toMatchObject({ allowed: true });
    limiter.giveBack(address(index), 1);
  }
  const wrong = Array.from({ length: 5 }, (_, index) => limiter.spend(address(200 + index), anonymous, 1));
  expect(countAllowed(wrong)).toBe(anonymous.perHour);
});

test('gives places back when their windows have ended', () => {
  const clock = manualClock();
  const limiter = createMemoryLimiter({ clock, maxAnonymous: 1000 });
  for (let index = 0; index < 1000; index += 1) limiter.spend(address(index), anonymous, 1);
  expect(limiter.spend('ip:newcomer', anonymous, 1)).toMatchObject({ allowed: true });
  clock.advance(HOUR_MS);
  for (let index = 0; index < 1000; index += 1) limiter.spend(`ip:later-${index}`, anonymous, 1);
  expect(limiter.size()).toBeLessThanOrEqual(1001);
  const places = Array.from({ length: 3 }, () => limiter.spend('ip:later-999', anonymous, 1));
  expect(countAllowed(places)).toBe(2);
});

test('remembers nothing of refusals and looks', () => {
  const limiter = createMemoryLimiter({ clock: manualClock() });
  limiter.spend('key', { perHour: 0, perSecond: null }, 1);
  limiter.spend('key', { perHour: 5, perSecond: null }, 0);
  expect(limiter.size()).toBe(0);
});
