import { resolve } from 'node:path';
import { readContexts, writeContexts } from '../../api/contexts.ts';
import { checkKeyText, checkServer, readKeyFile } from '../../api/target.ts';
import { command } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { UsageError } from '../../refusal.ts';

const path = 'context add';
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export const contextAdd = command({
  path,
  summary: 'Save a server and its key under a name',
  text: [
    'The key is read from stdin, or typed without echo, and kept in a file that only you may read. ' +
      'With --key-file only the path is kept. The first context becomes the current one.',
  ],
  examples: [
    { line: 'latchkey context add production --server https://auth.example.com', what: 'Asks for the key' },
    {
      line: 'latchkey context add staging --server https://auth.staging.example.com --key-file ~/.secrets/staging --use',
      what: 'The key stays where it is',
    },
  ],
  positionals: { name: { value: 'NAME', description: 'Letters, digits, dots, dashes and underscores' } },
  options: {
    server: { type: 'text', value: 'URL', description: 'The server to speak to', required: true },
    'key-file': { type: 'text', value: 'PATH', description: 'Read the key from this file, which only you may read' },
    'allow-http': { type: 'flag', description: 'Send the key over plain http to another machine' },
    use: { type: 'flag', description: 'Make it the current one' },
    replace: { type: 'flag', description: 'Take the place of one that has this name' },
  },
  run: async ({ options, positionals, host, err, readSecret }) => {
    const { name } = positionals;
    if (!NAME.test(name)) throw new UsageError('a name is up to 64 letters, digits, dots, dashes, underscores', path);
    const saved = readContexts(host);
    if (Object.hasOwn(saved.contexts, name) && !options.replace) {
      throw new UsageError(`there is a context \`${name}\` already: add --replace to write over it`, path);
    }
    const allowHttp = options['allow-http'];
    const server = checkServer(options.server, { allowHttp, path });
    const file = options['key-file'] === undefined ? undefined : resolve(host.workingDir, options['key-file']);
    if (file !== undefined) readKeyFile(file);
    const key = file === undefined ? checkKeyText(await readSecret('The key'), 'what was given') : undefined;
    const entry = {
      server,
      ...(key === undefined ? {} : { key }),
      ...(file === undefined ? {} : { key_file: file }),
      ...(allowHttp ? { allow_http: true as const } : {}),
    };
    const current = options.use || saved.current === null ? name : saved.current;
    writeContexts(host, { current, contexts: { ...saved.contexts, [name]: entry } });
    err(`Saved ${name}${current === name ? ', which is used from now on' : ''}.\n`);
    return EXIT.done;
  },
});
