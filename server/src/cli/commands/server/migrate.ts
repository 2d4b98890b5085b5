import { command, jsonOption } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';

export const migrate = command({
  path: 'migrate',
  summary: 'Bring the database up to date',
  text: ['`latchkey serve` does so by itself when it starts. Migrations run forward only, and only add.'],
  examples: [
    { line: 'latchkey migrate', what: 'Apply what is missing' },
    { line: 'latchkey migrate --dry-run', what: 'Show the statements instead' },
  ],
  options: {
    ...jsonOption,
    'dry-run': { type: 'flag', description: 'Print the statements, and change nothing' },
  },
  run: async ({ options, host, out, json }) => {
    const { program, clock } = host;
    const dryRun = options['dry-run'];
    const { config } = program.readSettings({ makesSecrets: false });
    const database = await program.openDatabase(config, await program.createLog(config));
    try {
      const plan = await database.migrate(await program.migrations(), { dryRun, nowMs: clock.nowMs() });
      if (options.json) {
        json(plan);
        return EXIT.done;
      }
      for (const { name, statements } of plan.pending) {
        out(`${dryRun ? 'would apply' : 'applied'} ${name}\n`);
        if (dryRun) for (const statement of statements) out(`  ${statement};\n`);
      }
      if (plan.pending.length === 0) out('The database is up to date.\n');
      return EXIT.done;
    } finally {
      await database.close();
    }
  },
});
