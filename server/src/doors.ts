import {
  createAuthenticate,
  createDoor,
  createInspect,
  createSpender,
  createVerifyKey,
  type Decision,
  type ForeignResolver,
  type Inspect,
  refuseSpending,
  type TokenResolver,
  type VerifyKey,
} from './access/index.ts';
import type { SessionResolver } from './accounts/index.ts';
import type { KeyResolver, KeyUsage } from './api-keys/index.ts';
import type { Clock } from './clock.ts';
import type { Counting } from './counting.ts';
import type { Authenticate } from './http/index.ts';
import type { KeyActivity, Metrics } from './insights/index.ts';
import type { PlanTable } from './limits/index.ts';
import type { Live } from './shared-state/index.ts';

export interface DoorsOptions {
  clock: Clock;
  rootKeys: readonly string[];
  sessions: SessionResolver;
  keys: KeyResolver;
  usage: KeyUsage;
  tokenResolver: TokenResolver;
  foreign: ForeignResolver;
  plans: Live<PlanTable>;
  counting: Counting;
  metrics: Metrics;
  activity: KeyActivity;
  issuer(): string;
  defaultAudience(): string;
}

/** The door, and the checking of credentials for others: all spend from the same buckets and are counted alike. */
export interface Doors {
  authenticate: Authenticate;
  verifyKey: VerifyKey;
  inspect: Inspect;
  /** Who presents nothing valid pays with the address. */
  payAddress(address: string): Promise<void>;
}

export function createDoors(options: DoorsOptions): Doors {
  const { clock, counting, metrics, activity, tokenResolver: tokens } = options;
  const spender = createSpender({ ...counting, plans: options.plans.current });
  const onDecision = (decision: Decision) => {
    metrics.decided(decision);
    activity.note(decision);
  };
  const shared = { ...options, tokens, spender, onDecision };
  return {
    authenticate: createAuthenticate(createDoor(shared), options),
    verifyKey: createVerifyKey(shared),
    inspect: createInspect(shared),
    payAddress: async (address) => refuseSpending(await spender.spendAddress(address), clock),
  };
}
