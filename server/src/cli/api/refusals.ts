import { EXIT, exitCodeOfStatus } from '../exit-codes.ts';
import { CommandFailure } from '../refusal.ts';
import { plainText } from '../style.ts';

interface ErrorBody {
  error?: unknown;
  message?: unknown;
  request_id?: unknown;
  fields?: unknown;
}

function fieldsOf({ fields }: ErrorBody): string[] {
  if (!Array.isArray(fields)) return [];
  return fields.map(({ path, message }: { path?: unknown; message?: unknown }) => {
    const where = path === '' || path === undefined ? '(body)' : plainText(String(path));
    return `  ${where}: ${plainText(String(message))}`;
  });
}

/** What the API refused, in its own words: code, message, fields, request id. */
export class ApiRefusal extends CommandFailure {
  readonly status: number;
  /** The reply's body as it came. */
  readonly body: string;
  readonly code: string | null;

  constructor(status: number, body: string, requestId: string | null) {
    let parsed: ErrorBody = {};
    try {
      parsed = (JSON.parse(body) as ErrorBody | null) ?? {};
    } catch {}
    const code = typeof parsed.error === 'string' ? plainText(parsed.error) : null;
    const id = typeof parsed.request_id === 'string' ? parsed.request_id : requestId;
    const said = typeof parsed.message === 'string' ? plainText(parsed.message) : 'The reply is not one of Latchkey.';
    const lines = [`${code ?? 'refused'} (${status}): ${said}`, ...fieldsOf(parsed)];
    if (id) lines.push(`  request id: ${plainText(id)}`);
    super(lines.join('\n'), code === null ? EXIT.unreachable : exitCodeOfStatus(status));
    this.name = 'ApiRefusal';
    this.status = status;
    this.body = body;
    this.code = code;
  }
}
