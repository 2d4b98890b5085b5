import { EXIT, exitCodeOfStatus } from '../exit-codes.ts';
import { CommandFailure } from '../refusal.ts';
import { plainText } from '../style.ts';

interface ErrorBody {
  error?: unknown;
  message?: unknown;
  request_id?: unknown;
  fields?: unknown;
}

/** Where a field of the API is not called like its option. */
const OPTIONS: Readonly<Record<string, string>> = {
  workspace_id: '--workspace',
  user_id: '--user',
  password: '--password-stdin',
  email_verified: '--email-verified',
  scopes: '--scope',
  ip_allowlist: '--allow-ip',
  expires_at: '--expires-at',
  expires_in: '--expires-in',
  rotate_after: '--rotate-after',
  external_id: '--external-id',
  'limits.per_hour': '--per-hour',
  'limits.per_second': '--per-second',
};

function fieldName(path: unknown): string {
  const name = path === '' || path === undefined ? '(body)' : plainText(String(path));
  return Object.hasOwn(OPTIONS, name) ? `${name} (${OPTIONS[name]})` : name;
}

/** What helps at a terminal; the API's own words know no commands. */
function cureOf(path: unknown, message: string): string {
  if (path === 'workspace_id' && message.startsWith('is required')) return '. `latchkey workspaces list` shows them';
  if (path !== 'scopes' || !message.startsWith('unknown: ')) return '';
  return /[ ,]/.test(message.slice('unknown: '.length))
    ? '. Each scope has its own --scope; `latchkey scopes list` shows them'
    : '. `latchkey scopes list` shows what there is';
}

function fieldsOf({ fields }: ErrorBody): string[] {
  if (!Array.isArray(fields)) return [];
  return fields.map(
    ({ path, message }: { path?: unknown; message?: unknown }) =>
      `  ${fieldName(path)}: ${plainText(String(message))}${cureOf(path, String(message))}`,
  );
}

/** What the API refused, in its own words: code, message, fields, request id. */
export class ApiRefusal extends CommandFailure {
  readonly status: number;
  /** The reply's body as it came. */
  readonly body: string;
  readonly code: string | null;

  /** `path`: what was asked for. */
  constructor(status: number, body: string, { path, requestId }: { path: string; requestId: string | null }) {
    let parsed: ErrorBody = {};
    try {
      parsed = (JSON.parse(body) as ErrorBody | null) ?? {};
    } catch {}
    const code = typeof parsed.error === 'string' ? plainText(parsed.error) : null;
    const id = typeof parsed.request_id === 'string' ? parsed.request_id : requestId;
    const said = typeof parsed.message === 'string' ? plainText(parsed.message) : 'The reply is not one of Latchkey.';
    const lines = [`${code ?? 'refused'} (${status}): ${said}`, ...fieldsOf(parsed)];
    if (code === 'not_found') lines.push(`  asked for: ${plainText(path)}`);
    if (id) lines.push(`  request id: ${plainText(id)}`);
    super(lines.join('\n'), code === null ? EXIT.unreachable : exitCodeOfStatus(status));
    this.name = 'ApiRefusal';
    this.status = status;
    this.body = body;
    this.code = code;
  }
}
