import { containsSecret, redactSecrets } from '@latchkey/protocol';
import { Failure } from '../failure.ts';
import { ApiRefusal } from './api/refusals.ts';
import type { Command } from './command.ts';
import { createContext, type Parsed } from './context.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import { helpFor } from './help-for.ts';
import type { Host } from './host.ts';
import { parseCommandLine } from './parse.ts';
import { problemsOf, problemsText } from './problems.ts';
import { CommandFailure, UsageError } from './refusal.ts';
import { createStyle, plainLines, wantsColors } from './style.ts';

const SECRET_IN_ARGUMENTS =
  'the command line holds a secret, and other users of this machine can read command lines. ' +
  'Treat it as leaked: revoke it. Secrets are read from stdin, from files, or from the environment';

function explainFailure(failure: Failure, say: (text: string) => void): number {
  if (failure.code !== 'unavailable') {
    say(`latchkey: ${failure.code}: ${failure.message}\n`);
    return exitCodeOf(failure.code);
  }
  const cause = failure.details.cause instanceof Error ? ` (${failure.details.cause.message})` : '';
  const cure = 'start the database, or correct the setting';
  say(problemsText([{ setting: 'LATCHKEY_DATABASE_URL', problem: `cannot be used${cause}`, cure }]));
  return EXIT.usage;
}

/** Says what went wrong, and which exit code says so. */
function explain(error: unknown, host: Host, wantsJson: boolean): number {
  const say = (text: string) => void host.stderr.write(plainLines(redactSecrets(text)));
  if (error instanceof UsageError) {
    const help = error.path === '' ? 'latchkey help' : `latchkey ${error.path} --help`;
    say(`latchkey: ${error.message}.\nTry \`${help}\`.\n`.replace(/([.?])\.\n/, '$1\n'));
    return EXIT.usage;
  }
  // As the API said it: a program that reads stdout finds there what it would find in a reply.
  if (error instanceof ApiRefusal && wantsJson && error.code !== null) host.stdout.write(`${error.body.trimEnd()}\n`);
  if (error instanceof CommandFailure) {
    say(error.message.startsWith('latchkey:') ? `${error.message}\n` : `latchkey: ${error.message}\n`);
    return error.exitCode;
  }
  const problems = problemsOf(error);
  if (problems) {
    say(problemsText(problems));
    return EXIT.usage;
  }
  if (error instanceof Failure) return explainFailure(error, say);
  say(`latchkey: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return EXIT.failed;
}

/** Does what the command line asks for; resolves to the exit code and never rejects. */
export async function runCommandLine(host: Host, commands: readonly Command[]): Promise<number> {
  let parsed: Parsed | undefined;
  try {
    if (host.argv.some(containsSecret)) throw new CommandFailure(SECRET_IN_ARGUMENTS, EXIT.usage);
    const invocation = parseCommandLine(
      commands,
      host.argv,
      host.program.settings.map(({ name }) => name),
    );
    if (invocation.kind === 'version') {
      host.stdout.write(`${host.version}\n`);
      return EXIT.done;
    }
    if (invocation.kind === 'help') {
      const style = createStyle(wantsColors(host.stdout, host.environment));
      host.stdout.write(helpFor(commands, host.program.settings, invocation.words, style));
      return EXIT.done;
    }
    parsed = invocation;
    return await invocation.command.run(createContext(host, commands, invocation));
  } catch (error) {
    return explain(error, host, parsed?.options.json === true);
  }
}
