import type { Config } from '../../config/index.ts';
import type { Host } from '../host.ts';
import { type Finding, findingsOf } from './finding.ts';

const say = findingsOf('clock');
const BEARABLE_MS = 1000;

/** Another clock beside ours; what it showed lies between the asking and the answer. */
export function clockFindings(whose: string, theirMs: number, askedMs: number, answeredMs: number): Finding[] {
  const aheadMs = theirMs < askedMs ? theirMs - askedMs : Math.max(0, theirMs - answeredMs);
  if (Math.abs(aheadMs) <= BEARABLE_MS) return [say.ok(`agrees with that of ${whose}`)];
  const apart = `${(Math.abs(aheadMs) / 1000).toFixed(1)} s ${aheadMs > 0 ? 'behind' : 'ahead of'}`;
  return [
    say.warning(`this machine is ${apart} ${whose}`, 'let both keep time by NTP: expiry and limits depend on it'),
  ];
}

/** Whether Redis answers, and what time it has. */
export async function redisFindings({ redisUrl }: Config, { program, clock }: Host): Promise<Finding[]> {
  const redis = findingsOf('redis');
  if (redisUrl === null) return [redis.ok('not used; limits are counted without it')];
  const askedMs = clock.nowMs();
  try {
    const { clockMs, version } = await program.redisFacts(redisUrl);
    return [
      redis.ok(`answers${version ? ` (${version})` : ''}`),
      ...clockFindings('Redis', clockMs, askedMs, clock.nowMs()),
    ];
  } catch {
    const cure = 'start Redis, or correct LATCHKEY_REDIS_URL; until then LATCHKEY_LIMITS_ON_OUTAGE decides';
    return [redis.warning('does not answer', cure)];
  }
}
