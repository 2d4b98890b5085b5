import type { Readable } from 'node:stream';

/**
 * Lines of UTF-8, without their line feeds. Node's readline also ends one at a carriage return and at U+2028, which stand
 * within JSON and within names.
 */
export async function* linesOf(stream: Readable): AsyncGenerator<string> {
  let rest = '';
  for await (const text of stream.setEncoding('utf8') as AsyncIterable<string>) {
    rest += text;
    // A line of any length is put together once, not with every piece.
    if (!text.includes('\n')) continue;
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}
