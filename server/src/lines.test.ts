import { Readable } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { linesOf } from './lines.ts';

async function read(pieces: Buffer[]): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of linesOf(Readable.from(pieces, { objectMode: false }))) lines.push(line);
  return lines;
}

test('lines end at line feeds alone, whatever the borders of the pieces', async () => {
  const text = fc.string({ unit: fc.constantFrom('a', '\n', '\r', '\u2028', '\u2029', '日', '🙂'), maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(text, fc.integer({ min: 1, max: 9 }), async (whole, size) => {
      const bytes = Buffer.from(whole);
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
        bytes.subarray(at * size, (at + 1) * size),
      );
      const expected = whole.split('\n');
      if (expected.at(-1) === '') expected.pop();
      expect(await read(pieces)).toEqual(expected);
    }),
  );
});
