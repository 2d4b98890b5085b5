import { verifyAuditLog } from '../../../audit/index.ts';
import { command, jsonOption } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';

export const auditVerify = command({
  path: 'audit verify',
  summary: 'Check every seal of the audit log',
  text: ['Exit code 1 when something does not fit. Reads the database itself, also while the server runs.'],
  examples: [{ line: 'latchkey audit verify', what: 'Whole, or what does not fit' }],
  options: jsonOption,
  run: async ({ options, out, json, openInstallation }) => {
    const { database, envelope, close } = await openInstallation();
    try {
      const report = await verifyAuditLog(database, envelope);
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
