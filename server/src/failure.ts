import { ERRORS, type ErrorCode } from '@latchkey/protocol';

/** One field that failed validation: a dotted path into the body or query, and what is wrong with it. */
export interface FieldProblem {
  path: string;
  message: string;
}

export interface FailureDetails {
  fields?: FieldProblem[];
  /** Scopes that would have been enough, and those that the credential holds (RFC 6750 §3.1). */
  scopes?: { wanted: string[]; held: string[] };
  retryAfterSeconds?: number;
  /** RFC 6750 §3.1: a request without any credential gets a bare challenge. */
  noCredential?: boolean;
  allow?: string[];
  /** Fields that the reply tells beside the message, such as the challenge of a second factor. */
  told?: Record<string, unknown>;
  /** Further reply headers, such as those of limits. */
  headers?: Record<string, string>;
  /** A bound held: nothing failed, and a line for each such reply would be a flood of its own. */
  isOverload?: boolean;
  cause?: unknown;
}

/** A refusal from the catalogue of errors (contract §8): thrown anywhere, rendered in one place. The message is public. */
export class Failure extends Error {
  readonly code: ErrorCode;
  readonly details: FailureDetails;

  constructor(code: ErrorCode, message?: string, details: FailureDetails = {}) {
    // A refusal is an answer, not an accident: where it was thrown says nothing, and finding out costs more than the rest.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message ?? ERRORS[code].message, details.cause === undefined ? undefined : { cause: details.cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.name = 'Failure';
    this.code = code;
    this.details = details;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }
}

/** A body or query that does not fit: 422 with the fields named. */
export function invalidField(path: string, message: string): Failure {
  return new Failure('validation_failed', undefined, { fields: [{ path, message }] });
}
