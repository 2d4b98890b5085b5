import type { ErrorCode } from '@latchkey/protocol';

/** What to do about each error: the last column of docs/errors.md, word for word, in its Markdown. */
export const CURES: Readonly<Record<ErrorCode, string>> = {
  invalid_request:
    'Mend the request; the message says what cannot be read. Also for a credential in the URL: revoke that one.',
  ambiguous_credentials: 'Send one credential header, once.',
  unsupported_version: 'Send `X-API-Version: 1.0` or `2.0`, or none.',
  missing_token: 'Send `Authorization: Bearer …` or `X-API-Key`.',
  invalid_token:
    'Check that the key is whole and of this server; the message says when the key is disabled or its workspace suspended. Do not retry.',
  token_expired: 'Get a new key, or the successor if it was rotated. Told only to who presented the right secret.',
  token_revoked: 'Get a new key. Told only to who presented the right secret.',
  invalid_credentials:
    'Check address and password; the message says when it is the code, the passkey or a sign-in that has ended. After too many the answer is 429.',
  insufficient_user_authentication:
    'Have the person sign in again: send them to `/oauth/authorize` with the `max_age` and `acr_values` of `WWW-Authenticate`, and call with the new token. Keys and tokens of applications for themselves are no sign-in.',
  mfa_required: 'Answer the `challenge` of the reply by one of its `methods`, or send `otp` in the same call.',
  insufficient_scope: 'Use a key that holds the scope in the message and in `WWW-Authenticate`.',
  ip_not_allowed:
    "Call from an address on the key's `ip_allowlist`, or have the list changed. If it hits everybody behind a proxy, set `LATCHKEY_TRUST_PROXY`.",
  wrong_environment: 'Use a test key for test, a live key for live. Also when a test key would make a live one.',
  forbidden:
    "Read the message. The root key calls no APIs; some routes, own limits and plans that are not offered are root's alone; no key reaches an account. With `proof_needed: true`, prove who you are once more. A call that writes by cookie must come from this site.",
  not_found: 'Check path and id. What belongs to another workspace or environment answers the same.',
  method_not_allowed: 'Use one of the methods in `Allow`.',
  conflict:
    'Read the message: an `external_id`, hash, name or `Idempotency-Key` is taken, or a key was rotated or revoked already. Choose another, or look at the object named.',
  payload_too_large: 'Send at most 64 KiB of body (2 MiB when importing keys) and 16 KiB or 100 lines of headers.',
  unsupported_media_type: 'Send `Content-Type: application/json`, UTF-8, without `Content-Encoding`.',
  validation_failed: 'Mend what `fields` names: `[{path, message}]`.',
  rate_limit_exceeded:
    'Wait `Retry-After` seconds; `RateLimit` says which limit it was. See [limits](guides/limits-and-quotas.md).',
  quota_exceeded:
    'Wait `Retry-After` seconds, until the period ends. A quota for ever ends only when the operator raises it; there the header says an hour.',
  internal_error: 'Report it with `request_id`; the log has the cause under it.',
  unavailable: 'Wait `Retry-After` seconds and retry. Nothing was changed.',
};
