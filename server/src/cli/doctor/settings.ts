import type { SettingReport, SettingsReport } from '../../config/index.ts';
import { type Finding, findingsOf } from './finding.ts';

/** Where a setting comes from, in words. */
export function sourceText({ source, reference }: SettingReport): string {
  const words = {
    default: 'default',
    environment: 'environment',
    file: `file ${reference}`,
    variable: `environment, from ${reference}`,
    generated: `generated, in ${reference}`,
    unset: 'not set',
  };
  return words[source];
}

/** The value, or for a secret whether there is one. */
export function valueText({ value, source }: SettingReport): string {
  if (value !== null) return value;
  return source === 'unset' ? 'not set yet' : 'set';
}

/** What keeps a server from starting, what has no effect, and what production would refuse. */
export function settingsFindings({ problems, unknownSettings, productionProblems, config }: SettingsReport): Finding[] {
  const say = findingsOf('settings');
  const production = findingsOf('production');
  const findings = [
    ...problems.map(({ setting, problem, cure }) => say.problem(`${setting} ${problem}`, cure)),
    ...unknownSettings.map((name) =>
      say.warning(`${name} is no setting of this version`, 'correct its name, or unset it'),
    ),
    ...productionProblems.map(({ setting, problem, cure }) =>
      production.note(`would refuse to start: ${setting} ${problem}`, cure),
    ),
  ];
  if (config && problems.length === 0) findings.unshift(say.ok(`can be used, in ${config.mode}`));
  return findings;
}

/** Every absolute URL that follows from the issuer. */
export function urlsOf({ config, settings }: SettingsReport): [name: string, url: string][] {
  const issuer = settings.find(({ name }) => name === 'LATCHKEY_ISSUER')?.value;
  if (!config || !issuer) return [];
  const paths: [string, string][] = [
    ['issuer', ''],
    ['API, version 1', '/v1'],
    ['API, version 2', '/v2'],
    ['gate for proxies', '/v1/gate'],
    ['error documentation', '/docs/errors'],
    ['OpenAPI document', '/openapi.json'],
    ['health', '/healthz'],
    ['readiness', '/readyz'],
    ['metrics', '/metrics'],
  ];
  return paths.map(([name, path]) => [name, `${issuer}${path}`]);
}
