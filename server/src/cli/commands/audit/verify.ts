import { verifyAuditLog } from '../../../audit/index.ts';
import { command, jsonOption } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { UsageError } from '../../refusal.ts';

const path = 'audit verify';

export const auditVerify = command({
  path,
  summary: 'Check every seal of the audit log',
  text: [
    'Exit code 1 when something does not fit. Reads the database itself, also while the server runs.',
    'Whoever has the database and the encryption keys could seal another log. Note the head elsewhere from time to ' +
      'time (each seal also logs it), and pass it as --expect-head: a log that was rewritten since does not have it.',
  ],
  examples: [
    { line: 'latchkey audit verify', what: 'Whole, or what does not fit' },
    { line: 'latchkey audit verify --json | jq -r .head', what: 'The head, to note it elsewhere' },
    {
      line: 'latchkey audit verify --expect-head 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
      what: 'And the head of then is still part of it',
    },
  ],
  options: {
    ...jsonOption,
    'expect-head': { type: 'text', value: 'HASH', description: 'A head that was noted earlier, 64 hexadecimal digits' },
  },
  run: async ({ options, out, json, openInstallation }) => {
    const expectHead = options['expect-head']?.toLowerCase();
    if (expectHead !== undefined && !/^[0-9a-f]{64}$/.test(expectHead)) {
      throw new UsageError('--expect-head is 64 hexadecimal digits, as `audit verify` prints them', path);
    }
    const { database, envelope, close } = await openInstallation();
    try {
      const report = await verifyAuditLog(database, envelope, { expectHead });
      const isWhole = report.problems.length === 0;
      if (options.json) json(report);
      else {
        for (const problem of report.problems) out(`${problem}\n`);
        const { events, batches, head } = report;
        const verdict = isWhole ? 'whole' : 'NOT whole';
        out(`The audit log is ${verdict}: ${events} events in ${batches} batches, head ${head ?? 'none'}\n`);
      }
      return isWhole ? EXIT.done : EXIT.failed;
    } finally {
      await close();
    }
  },
});
