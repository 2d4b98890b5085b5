import type { Api } from './api.ts';
import type { LaneModel, Model } from './model.ts';
import type { SeededRandom } from './random.ts';

/** What an operation is given: one of several callers at once. */
export interface Lane {
  /** What this caller owns; an operation changes nothing of another lane's. */
  own: LaneModel;
  /** The whole installation; only what is shared on purpose is used of it. */
  model: Model;
  api: Api;
  random: SeededRandom;
  /** A name that nothing else has, for a call, a key or an Idempotency-Key. */
  newName(): string;
}

/** One kind of thing that callers do. */
export interface Operation {
  name: string;
  /** How often, compared with the others. */
  weight: number;
  /** It asks for changes, and may run beside others of its lane: what is busy it leaves alone. */
  isChange?: true;
  /** Sends a call, or a few, and notes in the model what the answers promise. Does nothing when it has no subject. */
  run(lane: Lane): Promise<void>;
}

/** The next operation of a lane: depends on its seed, and on what its own calls have brought about. */
export function choose(operations: readonly Operation[], random: SeededRandom): Operation {
  let left = random.below(operations.reduce((sum, { weight }) => sum + weight, 0));
  for (const operation of operations) {
    left -= operation.weight;
    if (left < 0) return operation;
  }
  throw new Error('there is no operation to choose');
}
