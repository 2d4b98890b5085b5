import { command, jsonOption } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';

interface KeyStatus {
  id: string;
  /** `first` seals; `spare` only opens; `missing` is not configured. */
  role: 'first' | 'spare' | 'missing';
  /** Values that this key alone opens. */
  values: number;
  tables: Record<string, number>;
  can_be_dropped: boolean;
}

export const secretsStatus = command({
  path: 'secrets status',
  summary: 'Say which encryption keys the database still needs',
  text: [
    'Exit code 0 when every value is under the first key, so that the others can be dropped; else 1. Reads the database ' +
      'itself, also while the server runs. A key that backups need is not seen here.',
  ],
  examples: [
    { line: 'latchkey secrets status', what: 'A line for each key' },
    { line: 'latchkey secrets status --json', what: 'For a script that waits until the old key can go' },
  ],
  options: jsonOption,
  run: async ({ host, options, json, table, out, openInstallation }) => {
    const { keyNeeds } = await import('../../../sealed-values/index.ts');
    const { config, database, close } = await openInstallation();
    try {
      const needs = await keyNeeds(database.read, await host.program.sealedColumns());
      const configured = config.encryptionKeys.map(({ id }) => id);
      const ids = [...new Set([...configured, ...needs.map(({ keyId }) => keyId)])];
      const keys = ids.map((id): KeyStatus => {
        const own = needs.filter(({ keyId }) => keyId === id);
        const values = own.reduce((sum, need) => sum + need.values, 0);
        const role = id === configured[0] ? 'first' : configured.includes(id) ? 'spare' : 'missing';
        const tables = Object.fromEntries(own.map((need) => [need.table, need.values]));
        return { id, role, values, tables, can_be_dropped: role === 'spare' && values === 0 };
      });
      const isDone = keys.every(({ role, values }) => role === 'first' || values === 0);
      if (options.json) json({ done: isDone, keys });
      else {
        const words = { first: 'seals', spare: 'only opens', missing: 'MISSING: the server refuses to start' };
        table(
          [
            { title: 'KEY', value: ({ id }: KeyStatus) => id },
            { title: 'VALUES', value: ({ values }) => values },
            { title: 'CAN BE DROPPED', value: (key) => (key.can_be_dropped ? 'yes' : 'no') },
            { title: 'ROLE', value: ({ role }) => words[role], isWhole: true },
          ],
          keys,
        );
        if (keys.length === 0) out('No encryption key is set or made yet.\n');
      }
      return isDone ? EXIT.done : EXIT.failed;
    } finally {
      await close();
    }
  },
});
