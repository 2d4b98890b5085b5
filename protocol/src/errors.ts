/** The class of an error, which `/v2` shows as `code`. */
export type ErrorClass =
  | 'BAD_REQUEST'
  | 'UNAUTHORIZED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'METHOD_NOT_ALLOWED'
  | 'CONFLICT'
  | 'PAYLOAD_TOO_LARGE'
  | 'UNSUPPORTED_MEDIA_TYPE'
  | 'VALIDATION_FAILED'
  | 'RATE_LIMITED'
  | 'INTERNAL'
  | 'UNAVAILABLE';

/** One row of the catalogue: HTTP status (RFC 9110 section 15), class, and the message when there is no better one. */
export type ErrorDefinition = {
  readonly status: number;
  readonly class: ErrorClass;
  readonly message: string;
};

const ROWS = {
  invalid_request: row(400, 'BAD_REQUEST', 'The request is malformed.'),
  ambiguous_credentials: row(400, 'BAD_REQUEST', 'The request carries more than one credential; send exactly one.'),
  unsupported_version: row(400, 'BAD_REQUEST', 'This API version is not supported.'),
  missing_token: row(401, 'UNAUTHORIZED', 'The request carries no credential.'),
  invalid_token: row(401, 'UNAUTHORIZED', 'The credential is not valid.'),
  token_expired: row(401, 'UNAUTHORIZED', 'The credential has expired.'),
  token_revoked: row(401, 'UNAUTHORIZED', 'The credential has been revoked.'),
  invalid_credentials: row(401, 'UNAUTHORIZED', 'The user name or the password is wrong.'),
  insufficient_user_authentication: row(401, 'UNAUTHORIZED', 'The sign-in is too old or too weak for this request.'),
  mfa_required: row(401, 'UNAUTHORIZED', 'A second factor is needed to sign in.'),
  insufficient_scope: row(403, 'FORBIDDEN', 'The credential lacks a scope that this request needs.'),
  ip_not_allowed: row(403, 'FORBIDDEN', 'The credential may not be used from this address.'),
  wrong_environment: row(403, 'FORBIDDEN', 'The credential belongs to another environment.'),
  forbidden: row(403, 'FORBIDDEN', 'This is not allowed.'),
  not_found: row(404, 'NOT_FOUND', 'There is nothing here.'),
  method_not_allowed: row(405, 'METHOD_NOT_ALLOWED', 'This path does not support this method.'),
  conflict: row(409, 'CONFLICT', 'The request conflicts with the present state.'),
  payload_too_large: row(413, 'PAYLOAD_TOO_LARGE', 'The request body is too large.'),
  unsupported_media_type: row(415, 'UNSUPPORTED_MEDIA_TYPE', 'This content type is not supported.'),
  validation_failed: row(422, 'VALIDATION_FAILED', 'Some fields are missing or not valid.'),
  rate_limit_exceeded: row(429, 'RATE_LIMITED', 'Too many requests; try again later.'),
  quota_exceeded: row(429, 'RATE_LIMITED', 'The quota is used up.'),
  internal_error: row(500, 'INTERNAL', 'Something went wrong on our side.'),
  unavailable: row(503, 'UNAVAILABLE', 'The service is not available right now; try again later.'),
};

function row(status: number, errorClass: ErrorClass, message: string): ErrorDefinition {
  return { status, class: errorClass, message };
}

/** What an error is called in a reply and in the program. */
export type ErrorCode = keyof typeof ROWS;

/** Every error that a reply may name, by its code. */
export const ERRORS: Readonly<Record<ErrorCode, ErrorDefinition>> = ROWS;

/** The message of `invalid_token` when the credential was presented as an API key. */
export const INVALID_API_KEY_MESSAGE = 'Invalid API key provided';

/** The codes that stand for all others of their status where `/v1` should not tell which check failed. */
export const GENERAL_CODES: Readonly<Record<number, string>> = {
  401: 'unauthorized',
  403: 'forbidden',
  429: 'rate_limited',
};

/** Whether the text is a code of the catalogue. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERRORS, text);
}

/** What `/v1` shows for a code when errors are to name only their class; other codes, also unknown ones, unchanged. */
export function generalCode(code: string): string {
  return isErrorCode(code) ? (GENERAL_CODES[ERRORS[code].status] ?? code) : code;
}

/** Where the documentation explains a code, relative to its root: `errors#token_expired`. */
export function docsAnchor(code: string): string {
  return `errors#${code}`;
}
