import { parseTimestampMs } from '../clock.ts';
import { BackupError } from './deps.ts';

/** An event of the audit log, as `latchkey audit export` writes it. */
export interface RecordedEvent {
  id: string;
  action: string;
  targetId: string | null;
  atMs: number;
  data: Record<string, unknown>;
}

function eventOf(line: string): RecordedEvent | null {
  let value: Record<string, unknown>;
  try {
    value = Object(JSON.parse(line));
  } catch {
    return null;
  }
  const { id, action, target_id: target, created_at: created } = value;
  const atMs = typeof created === 'string' ? parseTimestampMs(created) : null;
  if (typeof id !== 'string' || typeof action !== 'string' || atMs === null) return null;
  return { id, action, atMs, targetId: typeof target === 'string' ? target : null, data: Object(value.data ?? {}) };
}

/** Reads what `latchkey audit export` wrote: one JSON object a line. Throws `BackupError` with the number of a bad line. */
export function parseRevocations(text: string): RecordedEvent[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    const event = eventOf(line);
    if (event) return [event];
    throw new BackupError(
      `line ${index + 1} is no audit event; give the file that \`latchkey audit export\` wrote as jsonl`,
    );
  });
}
