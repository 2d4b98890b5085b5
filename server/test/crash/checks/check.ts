import type { Api } from '../api.ts';
import type { Facts } from '../facts.ts';
import type { Lane } from '../lane.ts';
import type { Model } from '../model.ts';
import type { SeededRandom } from '../random.ts';

export interface CheckContext {
  model: Model;
  api: Api;
  facts: Facts;
  random: SeededRandom;
  lanes: readonly Lane[];
  /** Everything is looked at, not a part. */
  isLast: boolean;
  newName(): string;
}

/** Compares the server with the model, and adds to `model.violations` what does not fit. */
export type Check = (context: CheckContext) => Promise<void>;

const AT_ONCE = 12;

/** Runs the work for each item, some at once. */
export async function forAll<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
