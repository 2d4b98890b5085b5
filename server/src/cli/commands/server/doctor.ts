import type { SettingsReport } from '../../../config/index.ts';
import { command, jsonOption } from '../../command.ts';
import type { Context } from '../../context.ts';
import { redisFindings } from '../../doctor/clocks.ts';
import type { Finding, Level } from '../../doctor/finding.ts';
import { permissionFindings } from '../../doctor/permissions.ts';
import { settingsFindings, sourceText, urlsOf, valueText } from '../../doctor/settings.ts';
import { storageFindings } from '../../doctor/storage.ts';
import { EXIT } from '../../exit-codes.ts';
import { plainText, type Style } from '../../style.ts';

const MARKS: Record<Level, (style: Style) => string> = {
  ok: ({ good }) => good('ok     '),
  note: ({ dim }) => dim('note   '),
  warning: ({ warn }) => warn('warning'),
  problem: ({ bad }) => bad('problem'),
};

function show(
  { out, style, table }: Pick<Context, 'out' | 'style' | 'table'>,
  report: SettingsReport,
  findings: Finding[],
) {
  table(
    [
      { title: 'SETTING', value: ({ name }) => name },
      { title: 'VALUE', value: valueText, isWhole: true },
      { title: 'FROM', value: sourceText },
    ],
    report.settings,
  );
  const urls = urlsOf(report);
  if (urls.length > 0) {
    out('\n');
    table(
      [
        { title: 'URL OF', value: ([name]) => name },
        { title: 'ADDRESS', value: ([, url]) => url, isWhole: true },
      ],
      urls,
    );
  }
  out('\n');
  for (const { area, level, what, cure } of findings) {
    out(`${MARKS[level](style)}  ${area}: ${plainText(what)}\n`);
    if (cure !== undefined) out(`           -> ${plainText(cure)}\n`);
  }
}

function exitCodeFor(findings: readonly Finding[]): number {
  if (findings.some(({ level }) => level === 'problem')) return EXIT.usage;
  return findings.some(({ level }) => level === 'warning') ? EXIT.failed : EXIT.done;
}

export const doctor = command({
  path: 'doctor',
  summary: 'Check settings, storage, clock and permissions, with what to do about each',
  text: [
    'Needs no running server, and changes nothing. Run it with the environment of the server. ' +
      'Secrets are named, never shown.',
    'Exit code 0: nothing to do. 1: something wants a hand. 2: a server with these settings would not start.',
  ],
  examples: [
    { line: 'latchkey doctor', what: 'Everything at a glance' },
    { line: 'latchkey doctor --json | jq \'.findings[] | select(.level != "ok")\'', what: 'What is not in order' },
  ],
  options: jsonOption,
  run: async (context) => {
    const { host, json, options } = context;
    const report = host.program.inspectSettings();
    const { config } = report;
    const findings = [
      ...settingsFindings(report),
      ...(config ? await storageFindings(config, host) : []),
      ...(config ? await redisFindings(config, host) : []),
      ...permissionFindings(report),
    ];
    const exitCode = exitCodeFor(findings);
    if (!options.json) show(context, report, findings);
    else {
      const settings = report.settings.map((setting) => ({ ...setting, is_set: setting.source !== 'unset' }));
      const urls = Object.fromEntries(urlsOf(report));
      json({ exit_code: exitCode, settings, urls, findings });
    }
    return exitCode;
  },
});
