import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/**
 * Runs a worker script once for each input, each in a process of its own. A worker prints a line when it is ready; when
 * all have, all are let go at the same moment. Returns the last line of each, parsed.
 */
export async function runTogether<Result>(script: string, inputs: readonly unknown[]): Promise<Result[]> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const workers = inputs.map((input) =>
    spawn(process.execPath, ['--conditions=latchkey-source', path, JSON.stringify(input)], { stdio: 'pipe' }),
  );
  try {
    const lines = await Promise.all(workers.map(linesOf));
    await Promise.all(lines.map((iterator) => nextLine(iterator)));
    for (const { stdin } of workers) stdin.end('go\n');
    return await Promise.all(lines.map(async (iterator) => JSON.parse(await nextLine(iterator)) as Result));
  } finally {
    for (const worker of workers) worker.kill('SIGKILL');
  }
}

interface Lines {
  iterator: AsyncIterator<string>;
  errors: () => string;
}

async function linesOf(worker: ChildProcessWithoutNullStreams): Promise<Lines> {
  let errors = '';
  worker.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  await once(worker, 'spawn');
  return { iterator: createInterface(worker.stdout)[Symbol.asyncIterator](), errors: () => errors };
}

async function nextLine({ iterator, errors }: Lines): Promise<string> {
  const { value, done } = await iterator.next();
  if (done) throw new Error(`a worker ended early: ${errors()}`);
  return value;
}
