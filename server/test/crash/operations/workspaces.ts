import { perform } from '../deeds.ts';
import type { Operation } from '../lane.ts';
import { maybeIdempotent } from './keys.ts';

const suspendOrResume: Operation = {
  name: 'suspend or resume workspace',
  weight: 2,
  isChange: true,
  run: async (lane) => {
    const { side } = lane.own;
    if (side.isBusy) return;
    const isSuspended = !side.isSuspended;
    const state = isSuspended ? 'suspended' : 'active';
    await perform(lane, {
      operation: isSuspended ? 'suspend workspace' : 'resume workspace',
      call: {
        method: 'PATCH',
        path: `/v1/workspaces/${side.id}`,
        key: lane.model.rootKey,
        json: { state },
        ...maybeIdempotent(lane),
      },
      expected: 200,
      actions: [`workspace.${state}`],
      subjects: [side],
      promise: () => {
        side.isSuspended = isSuspended;
        for (const key of lane.own.keys) if (key.workspace === side) key.isTouched = true;
      },
    });
  },
};

export const workspaceOperations: Operation[] = [suspendOrResume];
