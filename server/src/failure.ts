import { ERRORS, type ErrorCode } from '@latchkey/protocol';

/** One field that failed validation: a dotted path into the body or query, and what is wrong with it. */
export interface FieldProblem {
  path: string;
  message: string;
}

/** What is asked of the sign-in behind a credential (RFC 9470 §3). */
export interface WantedSignIn {
  readonly maxAgeSeconds?: number;
  /** One of these is enough. */
  readonly acrValues?: readonly string[];
}

export interface FailureDetails {
  fields?: FieldProblem[];
  /** Scopes that would have been enough, and those that the credential holds (RFC 6750 §3.1). */
  scopes?: { wanted: string[]; held: string[] };
  /** The sign-in that would have been enough. */
  signIn?: WantedSignIn;
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

/** The words of RFC 6749 §4.1.2.1 and §5.2, OpenID Connect Core §3.1.2.6, RFC 6750 §3.1, RFC 7591 §3.2.2, RFC 8707 §2 and RFC 9396 §5. */
const OAUTH_ERRORS = {
  invalid_request: ['invalid_request', 400],
  invalid_client: ['invalid_token', 401],
  invalid_grant: ['invalid_request', 400],
  unauthorized_client: ['invalid_request', 400],
  unsupported_grant_type: ['invalid_request', 400],
  unsupported_token_type: ['invalid_request', 400],
  unsupported_response_type: ['invalid_request', 400],
  invalid_scope: ['invalid_request', 400],
  invalid_target: ['invalid_request', 400],
  invalid_authorization_details: ['invalid_request', 400],
  access_denied: ['forbidden', 403],
  server_error: ['internal_error', 500],
  temporarily_unavailable: ['unavailable', 503],
  login_required: ['invalid_request', 400],
  consent_required: ['invalid_request', 400],
  interaction_required: ['invalid_request', 400],
  account_selection_required: ['invalid_request', 400],
  request_not_supported: ['invalid_request', 400],
  request_uri_not_supported: ['invalid_request', 400],
  registration_not_supported: ['invalid_request', 400],
  invalid_redirect_uri: ['invalid_request', 400],
  invalid_client_metadata: ['invalid_request', 400],
  insufficient_scope: ['insufficient_scope', 403],
  invalid_token: ['invalid_token', 401],
} as const satisfies Record<string, readonly [ErrorCode, number]>;

export type OAuthErrorCode = keyof typeof OAUTH_ERRORS;

/**
 * A refusal in OAuth's own words. Rendered as `{error, error_description}` where paths speak OAuth, and by the nearest
 * code of the catalogue elsewhere. `status` may be another one of the same kind.
 */
export class OAuthFailure extends Failure {
  readonly error: OAuthErrorCode;
  readonly #status: number;

  constructor(error: OAuthErrorCode, description: string, details: FailureDetails & { status?: number } = {}) {
    const { status, ...rest } = details;
    super(OAUTH_ERRORS[error][0], description, rest);
    this.name = 'OAuthFailure';
    this.error = error;
    this.#status = status ?? OAUTH_ERRORS[error][1];
  }

  override get status(): number {
    return this.#status;
  }
}

/** A body or query that does not fit: 422 with the fields named. */
export function invalidField(path: string, message: string): Failure {
  return new Failure('validation_failed', undefined, { fields: [{ path, message }] });
}
