import { EXIT } from './exit-codes.ts';
import type { Host, Input } from './host.ts';
import { CommandFailure, Interrupted, UsageError } from './refusal.ts';
import { plainText } from './style.ts';

const isInteractive = ({ stdin, stderr }: Host) => stdin.isTTY === true && stderr.isTTY === true;

/** Asks before what cannot be undone. Throws `UsageError` where nobody can be asked, `CommandFailure` after a no. */
export async function confirm(host: Host, question: string, path: string): Promise<void> {
  if (!isInteractive(host)) {
    throw new UsageError(`nobody can be asked here (no terminal): add --yes to do it. It would ask: ${question}`, path);
  }
  const { confirm: ask, isCancel } = await import('@clack/prompts');
  const answer = await ask({
    message: plainText(question),
    initialValue: false,
    input: host.stdin,
    output: host.stderr,
  });
  if (isCancel(answer)) throw new Interrupted();
  if (!answer) throw new CommandFailure('nothing was done', EXIT.failed);
}

const LONGEST_SECRET_BYTES = 64 * 1024;

/** Everything on stdin, as text; refused beyond so many bytes. */
export async function readAll(stdin: Input, limitBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stdin) {
    const buffer = Buffer.from(chunk);
    bytes += buffer.byteLength;
    if (bytes > limitBytes) throw new CommandFailure(`stdin holds more than ${limitBytes} bytes`, EXIT.usage);
    chunks.push(buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** A secret, from a pipe or typed without echo; never from the command line, where other users could read it. */
export async function readSecret(host: Host, question: string, path: string): Promise<string> {
  if (host.stdin.isTTY === true) return (await askSecret(host, question, path)).trim();
  const text = (await readAll(host.stdin, LONGEST_SECRET_BYTES)).trim();
  if (text === '') throw new UsageError(`stdin is empty; ${question.toLowerCase()} is read from there`, path);
  return text;
}

/** A new password, as it is but for the end of its line; who types it types it twice. */
export async function readPassword(host: Host, path: string): Promise<string> {
  if (host.stdin.isTTY === true) {
    const password = await askSecret(host, 'The password', path);
    if ((await askSecret(host, 'The password again', path)) === password) return password;
    throw new CommandFailure('the two differ; nothing was done', EXIT.usage);
  }
  const password = (await readAll(host.stdin, LONGEST_SECRET_BYTES)).replace(/\r?\n$/, '');
  if (password === '') throw new UsageError('stdin is empty; the password is read from there', path);
  return password;
}

async function askSecret(host: Host, question: string, path: string): Promise<string> {
  if (!isInteractive(host)) throw new UsageError(`${question} is read from stdin or from a terminal`, path);
  const { password, isCancel } = await import('@clack/prompts');
  const answer = await password({
    message: question,
    input: host.stdin,
    output: host.stderr,
    clearOnError: true,
    validate: (text) => (text?.trim() ? undefined : 'Nothing was typed'),
  });
  if (isCancel(answer)) throw new Interrupted();
  return answer;
}
