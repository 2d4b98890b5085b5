import { expect, test } from 'vitest';
import { stepsOf } from './steps.ts';

const table = stepsOf<{ text: string }>()
  .next('RFC 1 §1', ({ text }) => ({ length: text.length }))
  .next('RFC 1 §2', async ({ text, length }) => ({ end: text.slice(length - 1) }))
  .next('RFC 1 §3', ({ end }) => {
    if (end === '!') throw new Error('refused');
    return {};
  });

test('each rule is given what those before it found', async () => {
  expect(await table.run({ text: 'abc' })).toEqual({ text: 'abc', length: 3, end: 'c' });
});

test('the first that refuses ends it, and a run leaves nothing for the next one', async () => {
  await expect(table.run({ text: 'abc!' })).rejects.toThrow('refused');
  const start = { text: 'x' };
  await table.run(start);
  expect(start).toEqual({ text: 'x' });
});
