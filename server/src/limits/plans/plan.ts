import type { Limits } from '../decision.ts';

/** What a plan limits apart: the columns of contract §9. */
export const CALLER_CLASSES = ['api_key', 'oauth', 'login', 'jwt', 'nobody'] as const;
export type CallerClass = (typeof CALLER_CLASSES)[number];

export interface Plan {
  readonly name: string;
  /** A workspace may choose it by itself; the others are given by the operator. */
  readonly offered: boolean;
  readonly limits: Readonly<Record<CallerClass, Limits>>;
}

const limits = (perHour: number, perSecond: number | null = null): Limits => ({ perHour, perSecond });

export const DEFAULT_PLAN = 'standard';

export const DEFAULT_PLANS: readonly Plan[] = [
  {
    name: DEFAULT_PLAN,
    offered: true,
    limits: {
      api_key: limits(10_000, 100),
      oauth: limits(5000, 50),
      login: limits(10_000, 100),
      jwt: limits(10_000, 100),
      nobody: limits(100, 5),
    },
  },
  {
    name: 'starter',
    offered: true,
    limits: {
      api_key: limits(1000),
      oauth: limits(5000),
      login: limits(2000),
      jwt: limits(2000),
      nobody: limits(100, 5),
    },
  },
];

export const UNLIMITED: Limits = { perHour: null, perSecond: null };

const within = (inner: number | null, outer: number | null) => outer === null || (inner !== null && inner <= outer);

/** Whether one set of limits allows nothing that the other does not. */
export function limitsWithin(inner: Limits, outer: Limits): boolean {
  return within(inner.perHour, outer.perHour) && within(inner.perSecond, outer.perSecond);
}
