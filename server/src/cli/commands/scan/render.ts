import { redactSecrets, type SecretKind } from '@latchkey/protocol';
import type { CheckedStatus, Finding, ScanReport } from '../../../scan/index.ts';
import { jsonText, plainText, type Style } from '../../style.ts';

const KIND_WORDS: Record<SecretKind, string> = {
  secret_test: 'test key',
  secret_live: 'live key',
  restricted_test: 'restricted test key',
  restricted_live: 'restricted live key',
  root: 'root key',
  client_secret: 'client secret',
  access_token: 'access token',
  refresh_token: 'refresh token',
  registration_token: 'registration token',
};

const STATUS_WORDS: Record<CheckedStatus, string> = {
  live: 'LIVE',
  revoked: 'revoked',
  disabled: 'disabled',
  expired: 'expired',
  not_found: 'not known to this server',
  cannot_be_checked: 'cannot be checked',
};

function placeText({ in: where, path, line, column, commit }: Finding): string {
  const at = commit === null ? '' : `${commit.slice(0, 12)}:`;
  if (where === 'message') return `${at}(message):${line}:${column}`;
  if (where === 'tag') return `tag ${path}:${line}:${column}`;
  if (where === 'name') return `${at}${path} (in a name)`;
  return `${at}${path}:${line}:${column}`;
}

/** `config/.env:3:9  live key  sk_live_…AbCd`. */
export function findingText(finding: Finding, status: CheckedStatus | null, style: Style): string {
  const parts = [style.bold(plainText(placeText(finding))), KIND_WORDS[finding.kind], finding.hint];
  if (status !== null) parts.push(status === 'live' ? style.bad(STATUS_WORDS.live) : STATUS_WORDS[status]);
  return parts.join('  ');
}

/** For stderr; a name may hold a secret too. */
export function unreadableText(path: string, code: string): string {
  return `latchkey: ${plainText(redactSecrets(path))} cannot be read (${code})\n`;
}

/** One object a line; `status` only after a check. */
export function findingJson(finding: Finding, status: CheckedStatus | null): string {
  return jsonText(status === null ? finding : { ...finding, status });
}

export interface Counted {
  places: number;
  secrets: number;
  ignored: number;
  report: ScanReport;
  isGit: boolean;
}

const counted = (count: number, one: string, many = `${one}s`) =>
  `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;

/** What was looked at and how much was found, for stderr. */
export function summaryText({ places, secrets, ignored, report, isGit }: Counted): string {
  const found = places === 0 ? 'No secrets' : `${counted(secrets, 'secret')} in ${counted(places, 'place')}`;
  const read = counted(report.scanned, isGit ? 'object' : 'file');
  const megabytes = (report.bytes / 1e6).toLocaleString('en-US', { maximumFractionDigits: 1 });
  const more = [
    ...(ignored > 0 ? [`${counted(ignored, 'place')} ignored`] : []),
    ...(report.unreadable > 0 ? [`${counted(report.unreadable, isGit ? 'object' : 'file')} could not be read`] : []),
  ];
  return `${[`${found}; read ${read}, ${megabytes} MB`, ...more].join('; ')}.\n`;
}
