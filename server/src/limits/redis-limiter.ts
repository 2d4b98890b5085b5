import { createHash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { type BucketState, describe, type Limits, paceOf, type Spending } from './decision.ts';
import type { Limiter } from './limiter.ts';
import { connectRedis, type RedisConnection } from './redis-connection.ts';
import { GIVE_BACK_SCRIPT, SPEND_SCRIPT } from './redis-script.ts';

export interface RedisLimiterOptions {
  /** `redis://` or `rediss://`; Redis 7 or newer, or Valkey. */
  url: string;
  /** Time other than Redis's own, which all processes share: for tests. */
  clock?: Clock;
}

export interface RedisLimiter extends Limiter {
  /** Resolves when Redis answers. */
  ping(): Promise<void>;
}

const KEY_PREFIX = 'latchkey:limit:';
const SCRIPT_HASH = createHash('sha1').update(SPEND_SCRIPT).digest('hex');

async function runScript(redis: RedisConnection, args: string[]): Promise<unknown> {
  try {
    return await redis.send(['EVALSHA', SCRIPT_HASH, ...args]);
  } catch (error) {
    // Redis was restarted, or its scripts were flushed.
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
    return redis.send(['EVAL', SPEND_SCRIPT, ...args]);
  }
}

function scriptArguments(bucket: string, { perHour, perSecond }: Limits, cost: number, clock?: Clock): string[] {
  const pace = perSecond === null ? undefined : paceOf(perSecond);
  const numbers = [cost, perHour, pace?.intervalNs, pace?.capacityNs, clock?.nowMs()];
  return ['1', KEY_PREFIX + bucket, ...numbers.map((number) => String(number ?? ''))];
}

function readReply(reply: unknown): { allowed: boolean; state: BucketState; nowMs: number } {
  const isWhole = Array.isArray(reply) && reply.length === 5 && reply.every((part) => typeof part === 'number');
  if (!isWhole) throw new Error('Redis gave an answer that is not of the limits script');
  const [granted, windowStartedAtMs, used, arrivalNs, nowMs] = reply as [number, number, number, number, number];
  return { allowed: granted === 1, state: { windowStartedAtMs, used, arrivalNs }, nowMs };
}

/**
 * Counts in Redis, exactly across all processes that share it, by Redis's own clock. Resolves also when Redis cannot
 * be reached: then `spend` rejects until it can (`resilient-limiter.ts` decides what that means).
 */
export async function createRedisLimiter({ url, clock }: RedisLimiterOptions): Promise<RedisLimiter> {
  const redis = await connectRedis(url);
  return {
    spend: async (bucket, limits, cost): Promise<Spending> => {
      const { allowed, state, nowMs } = readReply(await runScript(redis, scriptArguments(bucket, limits, cost, clock)));
      return describe(state, limits, cost, allowed, nowMs);
    },
    giveBack: async (bucket, cost) => {
      await redis.send(['EVAL', GIVE_BACK_SCRIPT, '1', KEY_PREFIX + bucket, String(cost)]);
    },
    ping: async () => {
      await redis.send(['PING']);
    },
    close: async () => redis.close(),
  };
}
