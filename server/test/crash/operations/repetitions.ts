import { repeat } from '../deeds.ts';
import type { Operation } from '../lane.ts';

const REMEMBERED = 200;

/** A call that was answered is sent again: the same answer, before and after a crash. */
const repeatAnswered: Operation = {
  name: 'repeat an answered call',
  weight: 3,
  run: async (lane) => {
    const mine = new Set<string | null>([lane.own.manager, lane.model.rootKey]);
    const prefix = lane.own.name;
    const answered = lane.model.deeds.slice(-REMEMBERED).filter(({ state, call, requestIds: [first = ''] }) => {
      const isMine = mine.has(call.key) && first.includes(`-${prefix}-`);
      return isMine && state === 'acknowledged' && call.idempotencyKey !== undefined;
    });
    const deed = lane.random.pick(answered);
    if (deed) await repeat(lane, deed);
  },
};

export const repetitionOperations: Operation[] = [repeatAnswered];
