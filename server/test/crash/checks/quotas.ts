import { setTimeout as sleep } from 'node:timers/promises';
import { allKeys, isAlive, type Key } from '../model.ts';
import { type Check, type CheckContext, forAll } from './check.ts';

const TURNS = 8;
const TURN_MS = 250;

/** Units that are spent or set aside, as the server says when nobody spends. */
async function spentOf({ api, model, newName }: CheckContext, key: Key): Promise<number | undefined> {
  const json = { key: key.text, cost: 0 };
  const call = { method: 'POST', path: '/v1/api-keys/verify', key: model.rootKey, json } as const;
  const ending = await api.send({ ...call, requestId: newName() });
  const quota = ending?.json.limit?.quota;
  return quota ? quota.limit - quota.remaining : undefined;
}

async function compareQuota(context: CheckContext, key: Key): Promise<void> {
  const { quota } = key;
  if (quota === null) return;
  const { model } = context;
  const most = quota.served + quota.maybe + quota.mayBeLost;
  // Units on their way back into the database are nowhere for a moment.
  let spent = await spentOf(context, key);
  for (let turn = 0; turn < TURNS && (spent ?? 0) > most; turn += 1) {
    await sleep(TURN_MS);
    spent = await spentOf(context, key);
  }
  const facts = `${quota.served} served, ${quota.maybe} without an answer, of ${quota.limit}`;
  if (spent === undefined) return void model.violations.push(`the quota of key ${key.id} cannot be read`);
  if (spent < quota.served) {
    model.violations.push(`the quota of key ${key.id} counts ${spent}: some can be served again (${facts})`);
  }
  if (spent > most) {
    model.violations.push(
      `the quota of key ${key.id} counts ${spent}: more was lost than the ${quota.mayBeLost} of a block a crash (${facts})`,
    );
  }
}

/** Never over-served: what was acknowledged is counted. Hardly under-served: a reserved block a crash at most. */
export const quotasHold: Check = async (context) => {
  const keys = allKeys(context.model).filter((key) => key.quota !== null && key.text !== null && !key.isBusy);
  const living = keys.filter((key) => isAlive(key) && !key.workspace.isBusy);
  const ofEach = new Map(living.map((key) => [key.quota, key]));
  await forAll([...ofEach.values()], (key) => compareQuota(context, key));
};
