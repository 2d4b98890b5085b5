import { expect, test } from 'vitest';
import { WaitingBatches } from './waiting-batches.ts';

interface Asked {
  name: string;
  questions: readonly string[];
}

/** Questions are alike when they begin alike; each batch waits until it is let go. */
function held() {
  const asked: Asked[] = [];
  const gates: { open(): void; fail(error: Error): void }[] = [];
  const batches = new WaitingBatches<string, string>({
    isAlike: (a, b) => a[0] === b[0],
    ask: async (name, questions) => {
      asked.push({ name, questions });
      await new Promise<void>((open, fail) => gates.push({ open, fail }));
      return questions.map((question) => `${question}!`);
    },
  });
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  return { asked, gates, batches, settled };
}

test('asks the first at once and all that waited meanwhile together, those that are alike', async () => {
  const { asked, gates, batches, settled } = held();
  const answers = ['a1', 'a2', 'b1', 'a3', 'b2'].map((question) => batches.ask('bucket', question));
  expect(asked).toEqual([{ name: 'bucket', questions: ['a1'] }]);
  gates[0]!.open();
  await settled();
  expect(asked[1]!.questions).toEqual(['a2', 'a3']);
  gates[1]!.open();
  await settled();
  expect(asked[2]!.questions).toEqual(['b1', 'b2']);
  gates[2]!.open();
  expect(await Promise.all(answers)).toEqual(['a1!', 'a2!', 'b1!', 'a3!', 'b2!']);
  expect(asked).toHaveLength(3);
});

test('lets names not wait for each other, and starts again after all is settled', async () => {
  const { asked, gates, batches } = held();
  const answers = [batches.ask('one', 'a'), batches.ask('two', 'a')];
  expect(asked.map(({ name }) => name)).toEqual(['one', 'two']);
  for (const { open } of gates) open();
  await Promise.all(answers);
  const later = batches.ask('one', 'b');
  expect(asked).toHaveLength(3);
  gates[2]!.open();
  expect(await later).toBe('b!');
});

test('a batch that fails rejects its own questions alone', async () => {
  const { gates, batches, settled } = held();
  const answers = ['a1', 'a2', 'a3', 'b1'].map((question) => batches.ask('bucket', question));
  const outcomes = Promise.allSettled(answers);
  gates[0]!.open();
  await settled();
  gates[1]!.fail(new Error('lost'));
  await settled();
  gates[2]!.open();
  expect((await outcomes).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
});
