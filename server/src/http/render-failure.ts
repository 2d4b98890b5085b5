import { docsAnchor, ERRORS, type ErrorCode, generalCode, redactSecrets } from '@latchkey/protocol';
import { toTimestamp } from '../clock.ts';
import { type Failure, type FieldProblem, OAuthFailure } from '../failure.ts';

export type ErrorFormat = 'v1' | 'v2' | 'oauth' | 'problem';

export interface RenderContext {
  format: ErrorFormat;
  /** `general`: tell the class of an error, not which check failed. */
  detail: 'full' | 'general';
  requestId: string;
  nowMs: number;
  issuer: string;
  /** Where the metadata of the resource stands that was asked for (RFC 9728 §5.1); null for none. */
  resourceMetadata?: string | null;
}

export interface RenderedFailure {
  status: number;
  headers: Record<string, string>;
  contentType: string;
  body: Record<string, unknown>;
}

const GENERAL_MESSAGES: Record<string, string> = {
  unauthorized: 'The request is not authenticated.',
  forbidden: 'The request is not allowed.',
  rate_limited: 'Too many requests; try again later.',
};

/** RFC 6749 §5.2 and §4.1.2.1, and RFC 6750 §3.1, know fewer words than the catalogue. */
const OAUTH_CODES: Partial<Record<ErrorCode, { error: string; status: number }>> = {
  validation_failed: { error: 'invalid_request', status: 400 },
  ambiguous_credentials: { error: 'invalid_request', status: 400 },
  unsupported_media_type: { error: 'invalid_request', status: 415 },
  payload_too_large: { error: 'invalid_request', status: 413 },
  method_not_allowed: { error: 'invalid_request', status: 405 },
  missing_token: { error: 'invalid_token', status: 401 },
  token_expired: { error: 'invalid_token', status: 401 },
  token_revoked: { error: 'invalid_token', status: 401 },
  internal_error: { error: 'server_error', status: 500 },
  unavailable: { error: 'temporarily_unavailable', status: 503 },
};

/** A client cannot go on without knowing of these. */
const STAYS_NAMED: ReadonlySet<ErrorCode> = new Set(['mfa_required', 'insufficient_user_authentication']);

interface Told {
  code: string;
  message: string;
}

/**
 * What is said aloud. What the person has to do to sign in well enough stays named. Names that callers gave may stand in a message: a credential that slipped into them is not repeated.
 */
function tell(failure: Failure, detail: RenderContext['detail']): Told {
  const message = redactSecrets(failure.message);
  if (failure instanceof OAuthFailure) return tellOAuth(failure, message, detail);
  if (detail === 'full' || STAYS_NAMED.has(failure.code)) return { code: failure.code, message };
  const code = generalCode(failure.code);
  return { code, message: GENERAL_MESSAGES[code] ?? message };
}

/** Clients act on OAuth's words, so those stay; which check failed is in the description alone. */
function tellOAuth({ error, status }: OAuthFailure, message: string, detail: RenderContext['detail']): Told {
  if (detail === 'full') return { code: error, message };
  if (status === 401) return { code: error, message: GENERAL_MESSAGES.unauthorized ?? message };
  return { code: error, message: error === 'invalid_grant' ? 'The grant is not valid.' : message };
}

function quoted(text: string): string {
  return `"${text.replace(/[^\x20-\x7e]/g, '').replace(/["\\]/g, "'")}"`;
}

/** RFC 9470 §3, in the words of its challenge. */
function wantedSignIn({ details: { signIn } }: Failure): Record<string, number | readonly string[]> {
  const { maxAgeSeconds, acrValues } = signIn ?? {};
  return {
    ...(maxAgeSeconds === undefined ? {} : { max_age: maxAgeSeconds }),
    ...(acrValues === undefined ? {} : { acr_values: acrValues }),
  };
}

/**
 * RFC 6750 §3: a bare challenge when nothing was presented, else the error, and for a missing scope that scope. Each names
 * the metadata of the resource, from which a client finds where to get a token.
 */
function challenge(failure: Failure, told: Told, { resourceMetadata = null }: RenderContext): string | null {
  if (failure instanceof OAuthFailure && failure.error === 'invalid_client') {
    // RFC 6749 §5.2; every 401 has a challenge (RFC 9110 §15.5.2), and Basic is the one scheme that clients may use.
    return 'Basic realm="latchkey", charset="UTF-8"';
  }
  const where = resourceMetadata === null ? [] : [`resource_metadata=${quoted(resourceMetadata)}`];
  const bearer = (...attributes: string[]) => ['Bearer', [...attributes, ...where].join(', ')].join(' ').trim();
  const description = `error_description=${quoted(told.message)}`;
  if (failure.code === 'insufficient_user_authentication') {
    const wanted = Object.entries(wantedSignIn(failure)).map(
      ([name, value]) => `${name}=${quoted([value].flat().join(' '))}`,
    );
    return bearer('error="insufficient_user_authentication"', description, ...wanted);
  }
  if (failure.status === 401) {
    if (failure.details.noCredential || failure.code === 'missing_token') return bearer();
    return bearer('error="invalid_token"', description);
  }
  if (told.code !== 'insufficient_scope') return null;
  const scope = failure.details.scopes?.wanted.join(' ') ?? '';
  return bearer('error="insufficient_scope"', description, `scope=${quoted(scope)}`);
}

function headersOf(failure: Failure, told: Told, context: RenderContext): Record<string, string> {
  const headers: Record<string, string> = { ...failure.details.headers };
  const authenticate = challenge(failure, told, context);
  if (authenticate) headers['www-authenticate'] = authenticate;
  const { retryAfterSeconds, allow } = failure.details;
  if (retryAfterSeconds !== undefined) headers['retry-after'] = String(Math.max(1, Math.ceil(retryAfterSeconds)));
  if (allow) headers.allow = allow.join(', ');
  return headers;
}

/** RFC 6749 §5.2: printable ASCII but for the quote and the backslash. */
function describable(text: string): string {
  return text.replace(/["\\]/g, "'").replace(/[^\x20-\x7e]/g, '?');
}

type Shape = (failure: Failure, told: Told, context: RenderContext) => Record<string, unknown>;

const docsUrl = (code: string, { issuer }: RenderContext) => `${issuer}/docs/${docsAnchor(code)}`;
const withoutSecrets = ({ path, message }: FieldProblem) => ({
  path: redactSecrets(path),
  message: redactSecrets(message),
});
const fieldsOf = (failure: Failure) => {
  const { fields, told } = failure.details;
  return { ...(fields ? { fields: fields.map(withoutSecrets) } : {}), ...wantedSignIn(failure), ...told };
};

const SHAPES: Record<ErrorFormat, Shape> = {
  v1: (failure, told, context) => ({
    error: told.code,
    message: told.message,
    code: failure.status,
    timestamp: toTimestamp(context.nowMs),
    request_id: context.requestId,
    docs_url: docsUrl(told.code, context),
    ...fieldsOf(failure),
  }),
  v2: (failure, told, context) => ({
    error: {
      code: ERRORS[failure.code].class,
      reason: told.code,
      message: told.message,
      request_id: context.requestId,
      timestamp: toTimestamp(context.nowMs),
      ...fieldsOf(failure),
    },
  }),
  oauth: (failure, told, context) => ({
    error: failure instanceof OAuthFailure ? told.code : (OAUTH_CODES[failure.code]?.error ?? told.code),
    error_description: describable(told.message),
    request_id: context.requestId,
  }),
  problem: (failure, told, context) => ({
    type: docsUrl(told.code, context),
    title: told.code,
    status: failure.status,
    detail: told.message,
    request_id: context.requestId,
    timestamp: toTimestamp(context.nowMs),
    ...fieldsOf(failure),
  }),
};

function statusOf(failure: Failure, format: ErrorFormat): number {
  if (failure instanceof OAuthFailure || format !== 'oauth') return failure.status;
  return OAUTH_CODES[failure.code]?.status ?? failure.status;
}

/** One failure in one of the four shapes of contract §8. Pure. */
export function renderFailure(failure: Failure, context: RenderContext): RenderedFailure {
  const told = tell(failure, context.detail);
  const { format } = context;
  return {
    status: statusOf(failure, format),
    headers: headersOf(failure, told, context),
    contentType: format === 'problem' ? 'application/problem+json' : 'application/json; charset=utf-8',
    body: SHAPES[format](failure, told, context),
  };
}
