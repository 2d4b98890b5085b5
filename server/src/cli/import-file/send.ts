import { sha256Hex } from '../../crypto/index.ts';
import type { Api } from '../api/client.ts';
import { ApiRefusal } from '../api/refusals.ts';
import { plainText } from '../style.ts';
import type { Row } from './rows.ts';

type Key = Extract<Row, { key: unknown }>;

/** What became of rows. */
export interface Outcome {
  imported: number;
  /** Keys with this hash or prefix were there already: of an earlier run, most often. */
  existing: number;
  refused: { place: number; code: string; message: string }[];
}

export interface SendOptions {
  workspace: { workspace_id?: string };
  /** Send what the server answered within the last day, too. */
  again: boolean;
}

const EXISTS = 'A key with this hash or lookup_prefix exists already.';

interface Body {
  message?: string;
  fields?: { path: string; message: string }[];
}

function bodyOf({ body }: ApiRefusal): Body {
  return JSON.parse(body) as Body;
}

/** What the API says of single rows: `keys.<index>.<field>`. */
function complaints(refusal: ApiRefusal, count: number): Map<number, string[]> {
  const found = new Map<number, string[]>();
  for (const { path, message } of bodyOf(refusal).fields ?? []) {
    const [, index, field] = /^keys\.(\d+)\.?(.*)$/.exec(path) ?? [];
    if (index === undefined || Number(index) >= count) continue;
    const said = plainText(field ? `${field} ${message}` : message);
    found.set(Number(index), [...(found.get(Number(index)) ?? []), said]);
  }
  return found;
}

/** Scopes of a row that the caller does not hold are its own affair; that the caller may not import at all is not. */
function isAboutRows(error: unknown): error is ApiRefusal {
  if (!(error instanceof ApiRefusal)) return false;
  if (error.code === 'insufficient_scope') return !error.message.includes('api_keys:write');
  return error.status === 422 || error.status === 409;
}

/** Too much for one body, though no single row is. */
const isTooLarge = (error: unknown) => error instanceof ApiRefusal && error.status === 413;

/**
 * Sends rows as one call, all or none. What the API complains of is set aside and the rest sent again; where it names
 * no row, the halves are sent apart. The same rows have the same Idempotency-Key, so a run that was cut off may be
 * repeated.
 */
export async function sendRows(api: Api, rows: readonly Key[], options: SendOptions): Promise<Outcome> {
  const outcome: Outcome = { imported: 0, existing: 0, refused: [] };
  const [first] = rows;
  if (!first) return outcome;
  const body = { keys: rows.map(({ key }) => key), ...options.workspace };
  const idempotency = options.again ? {} : { idempotencyKey: `import-${sha256Hex(JSON.stringify(body))}` };
  try {
    const { headers } = await api.call('/v1/api-keys/import', { method: 'POST', body, ...idempotency });
    const isReplay = headers.get('idempotency-replayed') === 'true';
    return isReplay ? { ...outcome, existing: rows.length } : { ...outcome, imported: rows.length };
  } catch (error) {
    if (!isAboutRows(error) && !isTooLarge(error)) throw error;
    const refusal = error as ApiRefusal;
    const named = complaints(refusal, rows.length);
    if (named.size > 0) {
      for (const [index, messages] of named) {
        const place = rows[index]?.place ?? 0;
        outcome.refused.push({ place, code: refusal.code ?? 'refused', message: messages.join('; ') });
      }
      return merge(
        outcome,
        await sendRows(
          api,
          rows.filter((_, index) => !named.has(index)),
          options,
        ),
      );
    }
    if (rows.length > 1) {
      const middle = Math.ceil(rows.length / 2);
      const before = await sendRows(api, rows.slice(0, middle), options);
      return merge(before, await sendRows(api, rows.slice(middle), options));
    }
    const message = plainText(bodyOf(refusal).message ?? '');
    if (message === EXISTS) return { ...outcome, existing: 1 };
    outcome.refused.push({ place: first.place, code: refusal.code ?? 'refused', message });
    return outcome;
  }
}

export function merge(a: Outcome, b: Outcome): Outcome {
  return {
    imported: a.imported + b.imported,
    existing: a.existing + b.existing,
    refused: [...a.refused, ...b.refused],
  };
}
