import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BucketState, HOUR_MS, type Limits, type Spending, spend } from './decision.ts';

const START_MS = Date.UTC(2030, 0, 1) + 37;
const SECOND_MS = 1000;
const limit = fc.option(fc.integer({ min: 0, max: 40 }));
const anyLimits: fc.Arbitrary<Limits> = fc.record({ perHour: limit, perSecond: limit });

/** One bucket that remembers, and a clock that only goes forward unless told otherwise. */
function bucket(nowMs = START_MS) {
  let kept: BucketState | undefined;
  const self = {
    nowMs,
    spend: (limits: Limits, cost = 1): Spending => {
      const { spending, state } = spend(kept, limits, cost, self.nowMs);
      if (spending.allowed && cost > 0) kept = state;
      return spending;
    },
    /** How many requests of cost 1 pass at this moment. */
    burst: (limits: Limits, attempts: number): number =>
      Array.from({ length: attempts }, () => self.spend(limits)).filter(({ allowed }) => allowed).length,
  };
  return self;
}

interface Step {
  afterMs: number;
  cost: number;
}

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    afterMs: fc.oneof(fc.integer({ min: 0, max: 2000 }), fc.integer({ min: 0, max: HOUR_MS })),
    cost: fc.integer({ min: 0, max: 5 }),
  }),
  { maxLength: 120 },
);

describe('the hour', () => {
  test('never grants more than its limit between two resets, and a reset does not move', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 30 }), steps, (perHour, sequence) => {
        const one = bucket();
        let resetAtMs = 0;
        let used = 0;
        for (const { afterMs, cost } of sequence) {
          one.nowMs += afterMs;
          const spending = one.spend({ perHour, perSecond: null }, cost);
          const isOpen = used > 0 && one.nowMs < resetAtMs;
          if (isOpen) expect(spending.hourResetAtMs).toBe(resetAtMs);
          else expect(spending.hourResetAtMs).toBe(one.nowMs + HOUR_MS);
          used = (isOpen ? used : 0) + (spending.allowed ? cost : 0);
          resetAtMs = spending.hourResetAtMs;
          expect(used).toBeLessThanOrEqual(perHour);
          expect(spending.hourRemaining).toBe(perHour - used);
          if (!spending.allowed)
            expect(spending).toMatchObject({ refusedBy: 'hour', retryAfterMs: resetAtMs - one.nowMs });
        }
      }),
    );
  });

  test('gives steady traffic its whole allowance in every window', () => {
    const one = bucket();
    const perWindow = new Map<number, number>();
    // 60 calls an hour against a limit of 10: what slides from the last request would never reset.
    for (let call = 0; call < 60 * 5; call += 1) {
      const { allowed, hourResetAtMs } = one.spend({ perHour: 10, perSecond: null });
      perWindow.set(hourResetAtMs, (perWindow.get(hourResetAtMs) ?? 0) + Number(allowed));
      one.nowMs += HOUR_MS / 60;
    }
    expect([...perWindow.values()]).toEqual([10, 10, 10, 10, 10]);
    expect([...perWindow.keys()]).toEqual([1, 2, 3, 4, 5].map((hours) => START_MS + hours * HOUR_MS));
  });
});

describe('the second', () => {
  test('holds exactly its limit at once, whatever the limit', () => {
    for (const perSecond of [...Array.from({ length: 300 }, (_, index) => index + 1), 777, 9973, 10_000, 54_321]) {
      const one = bucket();
      expect([perSecond, one.burst({ perHour: null, perSecond }, perSecond + 3)]).toEqual([perSecond, perSecond]);
      one.nowMs += SECOND_MS;
      expect([perSecond, one.burst({ perHour: null, perSecond }, perSecond + 3)]).toEqual([perSecond, perSecond]);
    }
  });

  test('never grants more than a burst and its rate over any time', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), steps, (perSecond, sequence) => {
        const one = bucket();
        const grants: { atMs: number; cost: number }[] = [];
        for (const { afterMs, cost } of sequence) {
          one.nowMs += afterMs;
          if (one.spend({ perHour: null, perSecond }, cost).allowed) grants.push({ atMs: one.nowMs, cost });
        }
        for (const [from, { atMs }] of grants.entries()) {
          let sum = 0;
          for (const grant of grants.slice(from)) {
            sum += grant.cost;
            expect(sum).toBeLessThanOrEqual(perSecond * (1 + (grant.atMs - atMs) / SECOND_MS) + 1e-3);
          }
        }
      }),
    );
  });

  test('serves its whole rate to steady traffic', () => {
    const one = bucket();
    let allowed = 0;
    for (let call = 0; call < 10_000; call += 1) {
      one.nowMs += 1;
      if (one.spend({ perHour: null, perSecond: 7 }).allowed) allowed += 1;
    }
    expect(allowed).toBe(7 + 69);
  });

  test('lets through what waited as long as it was told, and nothing sooner', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 200 }), (perSecond, wanted) => {
        const cost = Math.min(wanted, perSecond);
        const limits = { perHour: null, perSecond };
        const one = bucket();
        one.burst(limits, perSecond);
        const { allowed, refusedBy, retryAfterMs } = one.spend(limits, cost);
        expect([allowed, refusedBy]).toEqual([false, 'second']);
        one.nowMs += retryAfterMs - 1;
        expect(one.spend(limits, cost).allowed).toBe(false);
        one.nowMs += 1;
        expect(one.spend(limits, cost).allowed).toBe(true);
      }),
    );
  });
});

describe('both policies together', () => {
  test('spend all of a cost or nothing, and a refusal or a look changes nothing', () => {
    fc.assert(
      fc.property(anyLimits, steps, (limits, sequence) => {
        const one = bucket();
        for (const { afterMs, cost } of sequence) {
          one.nowMs += afterMs;
          const before = one.spend(limits, 0);
          const spending = one.spend(limits, cost);
          const after = one.spend(limits, 0);
          expect(before).toMatchObject({ allowed: true, refusedBy: null, retryAfterMs: 0 });
          const spent = spending.allowed ? cost : 0;
          const less = (left: number | null) => (left === null ? null : left - spent);
          expect(after.hourRemaining).toBe(less(before.hourRemaining));
          expect(after.secondRemaining).toBe(less(before.secondRemaining));
          expect(after.hourResetAtMs).toBe(before.hourResetAtMs);
          expect(spending.allowed ? 0 : 1).toBe(Math.min(1, spending.retryAfterMs));
        }
      }),
    );
  });

  test('keep the count when a limit is edited', () => {
    fc.assert(
      fc.property(anyLimits, anyLimits, fc.integer({ min: 1, max: 30 }), (first, second, calls) => {
        const one = bucket();
        const used = one.burst(first, calls);
        const { hourRemaining } = one.spend(second, 0);
        expect(hourRemaining).toBe(second.perHour === null ? null : Math.max(0, second.perHour - used));
      }),
    );
  });

  test('name the hour when both refuse, and wait for its reset', () => {
    const one = bucket();
    one.burst({ perHour: 3, perSecond: 3 }, 3);
    const spending = one.spend({ perHour: 3, perSecond: 3 });
    expect(spending).toMatchObject({ refusedBy: 'hour', retryAfterMs: HOUR_MS, hourRemaining: 0, secondRemaining: 0 });
  });

  test('refuse everything under a limit of 0, with a time to wait that is a number', () => {
    const one = bucket();
    expect(one.spend({ perHour: 0, perSecond: null })).toMatchObject({ refusedBy: 'hour', retryAfterMs: HOUR_MS });
    expect(one.spend({ perHour: null, perSecond: 0 })).toMatchObject({ refusedBy: 'second', retryAfterMs: SECOND_MS });
  });
});

describe('a clock that jumps', () => {
  const limits = { perHour: 1000, perSecond: 5 };

  test('set back, leaves nobody locked out for longer than the tolerance, and opens no second window', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: HOUR_MS }), (backMs) => {
        const one = bucket();
        const { hourResetAtMs } = one.spend(limits);
        one.burst(limits, 10);
        one.nowMs -= backMs;
        one.burst(limits, 10);
        one.nowMs += 11_000;
        const spending = one.spend(limits);
        expect(spending.allowed).toBe(true);
        expect(spending.hourResetAtMs).toBe(hourResetAtMs);
        expect(spending.hourRemaining).toBeLessThan(1000 - 5);
      }),
    );
  });

  test('set back by a little, gives no second burst', () => {
    const one = bucket();
    expect(one.burst(limits, 10)).toBe(5);
    one.nowMs -= 5000;
    expect(one.burst(limits, 10)).toBe(0);
  });

  test('set back by more than a window, starts once afresh', () => {
    const one = bucket();
    one.burst({ perHour: 3, perSecond: null }, 5);
    one.nowMs -= 24 * HOUR_MS;
    expect(one.burst({ perHour: 3, perSecond: null }, 5)).toBe(3);
    expect(one.burst({ perHour: 3, perSecond: null }, 5)).toBe(0);
  });

  test('set forward and back again, keeps no window longer than two', () => {
    const one = bucket();
    one.nowMs += HOUR_MS / 2;
    one.burst({ perHour: 3, perSecond: null }, 3);
    one.nowMs -= HOUR_MS / 2;
    const { hourResetAtMs } = one.spend({ perHour: 3, perSecond: null });
    expect(hourResetAtMs - one.nowMs).toBeLessThanOrEqual(2 * HOUR_MS);
    one.nowMs = hourResetAtMs;
    expect(one.spend({ perHour: 3, perSecond: null }).allowed).toBe(true);
  });
});
