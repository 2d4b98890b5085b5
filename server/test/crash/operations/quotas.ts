import type { Lane, Operation } from '../lane.ts';
import { isAlive, isUnanswered, type Key } from '../model.ts';
import { MAX_COST, pickKey, undisturbed } from './keys.ts';

/** How many calls of a burst are under way at once. */
export const BURST = 8;

/** Spends from a key at the door, or through `verify`, and counts what was acknowledged and what may have been served. */
async function spend(lane: Lane, key: Key, cost: number): Promise<void> {
  const { quota, text } = key;
  if (quota === null || text === null) return;
  const requestId = lane.newName();
  const ending = await (cost === 1
    ? lane.api.send({ method: 'GET', path: '/v1/auth/verify', key: text, requestId })
    : lane.api.send({
        method: 'POST',
        path: '/v1/api-keys/verify',
        key: lane.model.rootKey,
        json: { key: text, cost },
        requestId,
      }));
  if (isUnanswered(ending)) {
    quota.maybe += cost;
    return;
  }
  const { status, json } = ending;
  const isServed = status === 200 && json.valid !== false;
  const isRefused = json?.error === 'quota_exceeded' || json?.code === 'quota_exceeded';
  if (isServed) quota.served += cost;
  else if (!isRefused) {
    lane.model.violations.push(
      `key ${key.id} lives, and spending ${cost} of its quota was answered ${status} ${JSON.stringify(json)}`,
    );
  }
  if (quota.served > quota.limit) {
    lane.model.violations.push(`the quota of key ${key.id} is ${quota.limit}, and ${quota.served} units were served`);
  }
}

const costOf = (lane: Lane) => 1 + lane.random.below(MAX_COST);

const spendOne: Operation = {
  name: 'spend quota',
  weight: 8,
  run: async (lane) => {
    const own = pickKey(lane, (key) => key.quota !== null && isAlive(key) && !key.workspace.isBusy);
    if (own !== undefined && lane.random.chance(50)) {
      return undisturbed([own, own.workspace], () => spend(lane, own, costOf(lane)));
    }
    const shared = lane.random.pick(lane.model.quotaKeys);
    if (shared) await spend(lane, shared, costOf(lane));
  },
};

const spendBurst: Operation = {
  name: 'spend quota in a burst',
  weight: 3,
  run: async (lane) => {
    const key = lane.random.pick(lane.model.quotaKeys);
    if (key) await Promise.all(Array.from({ length: BURST }, () => spend(lane, key, costOf(lane))));
  },
};

export const quotaOperations: Operation[] = [spendOne, spendBurst];
