import { createHash } from 'node:crypto';
import { hashSync } from '@node-rs/bcrypt';
import { perform } from '../deeds.ts';
import type { Lane, Operation } from '../lane.ts';
import { isUnanswered } from '../model.ts';
import { maybeIdempotent, pickKey, plainKey } from './keys.ts';

const PATH = '/v1/api-keys/import';
const SCOPES = ['read'];
/** The cheapest that there is: this is no test of bcrypt. */
const BCRYPT_COST = 4;

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** A key of another system, and how it is imported. */
function foreignKey(lane: Lane, isSlow: boolean) {
  const text = `old_${lane.random.text(32)}`;
  const name = lane.newName();
  const metadata = { made: name, version: '0' };
  const importedHash = isSlow ? null : sha256(text);
  const hash = isSlow
    ? { algorithm: 'bcrypt', value: hashSync(text, { cost: BCRYPT_COST }) }
    : { algorithm: 'sha256', value: importedHash };
  const json = { name, scopes: SCOPES, metadata, hash, ...(isSlow ? { lookup_prefix: text.slice(0, 16) } : {}) };
  return { text, name, metadata, importedHash, json };
}

const importSome: Operation = {
  name: 'import keys',
  weight: 2,
  isChange: true,
  run: async (lane) => {
    const isSlow = lane.random.chance(20);
    const count = isSlow ? 1 : 1 + lane.random.below(3);
    const foreign = Array.from({ length: count }, () => foreignKey(lane, isSlow));
    await perform(lane, {
      operation: 'import keys',
      call: {
        method: 'POST',
        path: PATH,
        key: lane.own.manager,
        json: { keys: foreign.map(({ json }) => json) },
        ...maybeIdempotent(lane),
      },
      expected: 201,
      actions: foreign.map(() => 'api_key.imported'),
      subjects: [],
      promise: ({ ids }) => {
        for (const [index, { text, name, metadata, importedHash }] of foreign.entries()) {
          const facts = { id: ids[index] ?? '', name, scopes: SCOPES, metadata };
          lane.own.keys.push({ ...plainKey(lane.own.home, facts), text, importedHash });
        }
      },
    });
  },
};

const importAgain: Operation = {
  name: 'import a hash again',
  weight: 1,
  run: async (lane) => {
    const key = pickKey(lane, ({ importedHash }) => importedHash !== null);
    if (!key) return;
    const json = { keys: [{ name: 'again', scopes: SCOPES, hash: { algorithm: 'sha256', value: key.importedHash } }] };
    const requestId = lane.newName();
    const ending = await lane.api.send({ method: 'POST', path: PATH, key: lane.own.manager, json, requestId });
    if (isUnanswered(ending) || ending.status === 409) return;
    lane.model.violations.push(`the hash of key ${key.id} was imported again, and the answer was ${ending.status}`);
  },
};

export const importOperations: Operation[] = [importSome, importAgain];
