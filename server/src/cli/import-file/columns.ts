type Read = (text: string) => unknown;

const text: Read = (value) => value;
const words: Read = (value) => value.split(/[\s,;]+/).filter(Boolean);
const whole: Read = (value) => (/^\d{1,15}$/.test(value) ? Number(value) : value);

/** Columns of a CSV file, and the field of the API that each fills. A dot goes into an object. */
const COLUMNS: Readonly<Record<string, readonly [path: string, read: Read]>> = {
  name: ['name', text],
  scopes: ['scopes', words],
  type: ['type', text],
  environment: ['environment', text],
  hash_algorithm: ['hash.algorithm', text],
  hash: ['hash.value', text],
  lookup_prefix: ['lookup_prefix', text],
  hint: ['hint', text],
  owner: ['owner', text],
  expires_at: ['expires_at', text],
  expires_in: ['expires_in', text],
  rotate_after: ['rotate_after', text],
  ip_allowlist: ['ip_allowlist', words],
  plan: ['plan', text],
  external_id: ['external_id', text],
  per_hour: ['limits.per_hour', whole],
  per_second: ['limits.per_second', whole],
  quota_limit: ['quota.limit', whole],
  quota_period: ['quota.period', text],
};

export const CSV_COLUMNS: readonly string[] = [...Object.keys(COLUMNS), 'metadata.NAME'];

const METADATA = 'metadata.';

function put(target: Record<string, unknown>, path: string, value: unknown): void {
  const [first = '', second] = path.split('.', 2);
  if (second === undefined) target[first] = value;
  else target[first] = { ...(target[first] as object | undefined), [second]: value };
}

/** What one line of a CSV says of a key; a text says what is wrong. Empty cells say nothing. */
export function rowOfRecord(record: Readonly<Record<string, string>>): Record<string, unknown> | string {
  const key: Record<string, unknown> = {};
  const metadata: [string, string][] = [];
  for (const [column, cell] of Object.entries(record)) {
    const isMetadata = column.startsWith(METADATA);
    const known = Object.hasOwn(COLUMNS, column) ? COLUMNS[column] : undefined;
    if (!known && !isMetadata) return `has an unknown column \`${column}\`; known are ${CSV_COLUMNS.join(', ')}`;
    if (cell.trim() === '') continue;
    if (known) put(key, known[0], known[1](cell.trim()));
    else metadata.push([column.slice(METADATA.length), cell]);
  }
  if (key.hash !== undefined && record.hash_algorithm === undefined) put(key, 'hash.algorithm', 'sha256');
  if (metadata.length > 0) key.metadata = Object.fromEntries(metadata);
  return { scopes: [], ...key };
}
