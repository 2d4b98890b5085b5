import { perform } from '../deeds.ts';
import type { Lane, Operation } from '../lane.ts';
import { isUnanswered } from '../model.ts';
import { undisturbed } from './keys.ts';

const PATH = '/v1/signing-keys';

interface Listed {
  id: string;
  state: string;
}

/** Which keys have been revoked so far, as the server says; what is not answered is seen after the restart. */
async function learnRevoked({ api, model, newName }: Lane): Promise<void> {
  const ending = await api.send({ method: 'GET', path: PATH, key: model.rootKey, requestId: newName() });
  if (isUnanswered(ending)) return;
  model.signing.isUnsure = false;
  for (const { id, state } of ending.json.data as Listed[]) if (state === 'revoked') model.signing.revoked.add(id);
}

/** Lets the next key sign: as soon as verifiers know it, or in an emergency at once, and the others sign for nobody. */
const rotate: Operation = {
  name: 'rotate signing key',
  weight: 1,
  isChange: true,
  run: async (lane) => {
    const { signing, rootKey } = lane.model;
    if (signing.isBusy) return;
    const isEmergency = lane.random.chance(30);
    signing.version += 1;
    const rotated = ['signing_key.created', 'signing_key.rotated'];
    const deed = await perform(lane, {
      operation: isEmergency ? 'rotate signing key in an emergency' : 'rotate signing key',
      call: {
        method: 'POST',
        path: `${PATH}/rotate`,
        key: rootKey,
        json: isEmergency ? { emergency: true } : {},
      },
      expected: 201,
      actions: rotated,
      // The next key is not known to verifiers yet; or it was scheduled before.
      otherwise: isEmergency
        ? []
        : [
            { status: 202, actions: ['signing_key.scheduled'] },
            { status: 202, actions: [] },
          ],
      // What was scheduled is done by a job, at its own moment.
      mayConflict: true,
      subjects: [signing],
      promise: () => {
        signing.version += 1;
        signing.isUnsure ||= isEmergency;
      },
      recorded: (events) => {
        signing.isUnsure = false;
        const revoked = events.flatMap(({ data }) => (data.revoked ?? []) as string[]);
        for (const kid of revoked) signing.revoked.add(kid);
      },
    });
    if (!isEmergency || deed.state !== 'acknowledged') return;
    await undisturbed([signing], () => learnRevoked(lane));
    signing.version += 1;
  },
};

export const signingKeyOperations: Operation[] = [rotate];
