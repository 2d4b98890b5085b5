import { once } from 'node:events';
import { command, jsonOption } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { readyJson, readyText } from '../../ready.ts';

export const serve = command({
  path: 'serve',
  summary: 'Run the server',
  text: ['Settings come from the environment: `latchkey help settings`. Ctrl-C or SIGTERM stops it cleanly.'],
  examples: [
    { line: 'latchkey serve', what: 'Serve on http://localhost:4000' },
    { line: 'latchkey serve --json', what: 'One line of JSON on stdout when it is ready; all else on stderr' },
  ],
  options: jsonOption,
  run: async ({ options, host, out }) => {
    const { config, newRootKey } = host.program.readSettings({ makesSecrets: true });
    const server = await host.program.serve(config, await host.program.createLog(config));
    const interruption = host.interruption();
    const ready = {
      url: server.url,
      issuer: server.issuer,
      dataDir: config.dataDir,
      isSecure: config.tls !== null,
      rootKey: newRootKey,
      first: server.firstStart,
      sandbox: config.sandbox,
    };
    out(options.json ? `${readyJson(ready)}\n` : readyText(ready));
    if (!interruption.aborted) await once(interruption, 'abort');
    await server.stop();
    return EXIT.done;
  },
});
