import { ERRORS, isErrorCode } from '@latchkey/protocol';
import { Ajv } from 'ajv';

export type ErrorShape = 'v1' | 'v2' | 'problem' | 'oauth';

const text = { type: 'string', minLength: 1 };
const time = { type: 'string', pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$' };
const fields = {
  type: 'array',
  minItems: 1,
  items: object({ path: text, message: text }),
};

/** What some refusals say beside their words: how to go on. */
const goingOn = {
  challenge: { type: 'string', pattern: '^[\\w-]{43}$' },
  methods: { type: 'array', items: { enum: ['otp', 'passkey', 'backup_code'] } },
  expires_at: time,
  proof_needed: { const: true },
  max_age: { type: 'integer', minimum: 0 },
  acr_values: { type: 'array', minItems: 1, items: text },
};

function object(properties: Record<string, object>, optional: Record<string, object> = {}): object {
  return {
    type: 'object',
    properties: { ...properties, ...optional },
    required: Object.keys(properties),
    additionalProperties: false,
  };
}

const classes = [...new Set(Object.values(ERRORS).map((row) => row.class))];
const v2Error = object(
  { code: { enum: classes }, reason: text, message: text, request_id: text, timestamp: time },
  { fields, ...goingOn },
);
const ajv = new Ajv();
const shapes = {
  v1: ajv.compile(
    object(
      { error: text, message: text, code: { type: 'integer' }, timestamp: time, request_id: text, docs_url: text },
      { fields, ...goingOn },
    ),
  ),
  v2: ajv.compile(object({ error: v2Error })),
  problem: ajv.compile(
    object(
      { type: text, title: text, status: { type: 'integer' }, detail: text, request_id: text, timestamp: time },
      { fields, ...goingOn },
    ),
  ),
  oauth: ajv.compile(object({ error: text, error_description: text, request_id: text })),
};

interface Told {
  code: string;
  requestId: string;
  status: number | undefined;
}

const readers: Record<ErrorShape, (json: never) => Told> = {
  v1: ({ error, request_id, code }: { error: string; request_id: string; code: number }) => ({
    code: error,
    requestId: request_id,
    status: code,
  }),
  v2: ({ error }: { error: { reason: string; request_id: string } }) => ({
    code: error.reason,
    requestId: error.request_id,
    status: undefined,
  }),
  problem: ({ title, request_id, status }: { title: string; request_id: string; status: number }) => ({
    code: title,
    requestId: request_id,
    status,
  }),
  oauth: ({ error, request_id }: { error: string; request_id: string }) => ({
    code: error,
    requestId: request_id,
    status: undefined,
  }),
};

/** The words of the RFCs for OAuth's endpoints. */
const OAUTH_ONLY = new Set([
  'server_error',
  'temporarily_unavailable',
  'invalid_client',
  'invalid_client_metadata',
  'invalid_grant',
  'invalid_redirect_uri',
  'invalid_scope',
  'invalid_target',
  'unauthorized_client',
  'unsupported_grant_type',
  'unsupported_token_type',
]);

/** What is wrong with the body of an error, in one of the shapes of the catalogue; null when nothing is. */
export function problemOfError(
  shape: ErrorShape,
  reply: { status: number; requestId: string; isGate: boolean },
  json: unknown,
): string | null {
  const validate = shapes[shape];
  if (!validate(json)) return `an error that is not of the shape ${shape}: ${ajv.errorsText(validate.errors)}`;
  const told = readers[shape](json as never);
  if (told.requestId !== reply.requestId) return 'the request id of the body is not that of the header';
  // Told in full, they are told in the same words.
  if ((shape === 'oauth' || shape === 'problem') && OAUTH_ONLY.has(told.code)) return null;
  if (!isErrorCode(told.code)) return `an error code that the catalogue does not have: ${told.code}`;
  const { status } = ERRORS[told.code];
  if (told.status !== undefined && told.status !== status) return `${told.code} says that it is ${told.status}`;
  // A proxy's sub-request knows no 400, unless the request was too odd to be known for one.
  const isTold = reply.status === status || (reply.isGate && status === 400 && reply.status === 401);
  return isTold || shape === 'oauth' ? null : `${told.code} came as ${reply.status}, not ${status}`;
}
