import { redactSecrets } from '@latchkey/protocol';
import { type Logger, pino } from 'pino';
import type { Config } from './config/index.ts';

/** Where finished lines go. */
export interface LogSink {
  write(line: string): void;
}

function serializeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name, message, stack, code, cause } = error as Error & { code?: unknown };
  return { name, message, code, stack, ...(cause === undefined ? {} : { cause: serializeError(cause) }) };
}

/** A JWT, as far as base64url goes: its header is a JSON object, so it begins like one. */
const JWT = /\beyJ[\w-]{4,}\.[\w-]+\.[\w-]+/g;

/**
 * JSON lines by pino. No header, body, query or URL is ever passed in; should a secret still stand in an error's
 * text, it is cut out of the finished line.
 */
export function createLog(level: Config['logLevel'], sink: LogSink): Logger {
  const redacting: LogSink = { write: (line) => sink.write(redactSecrets(line).replace(JWT, 'eyJ[redacted]')) };
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers: { err: serializeError } },
    redacting,
  );
}
