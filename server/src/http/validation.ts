import { DURATION_PATTERN } from '@latchkey/protocol';
import { Ajv, type ErrorObject } from 'ajv';
import fastJsonStringify from 'fast-json-stringify';
import type { FastifyInstance, FastifySchemaValidationError } from 'fastify';
import { Failure, type FieldProblem } from '../failure.ts';

const MAX_FIELDS = 20;
/** A larger body is told its first problem only: finding them all would hold up everybody else. */
const MAX_VALUES = 5000;

/**
 * Validators and serializers are compiled on a route's first request, so that starting does not pay for routes nobody
 * calls. Bodies are taken as they are; query strings, which know only text, are read as the types they should be.
 */
export function useSchemas(app: FastifyInstance): void {
  const options = { removeAdditional: false, useDefaults: true, strictTypes: false } as const;
  const strict = new Ajv({ ...options, allErrors: false, coerceTypes: false });
  const thorough = new Ajv({ ...options, allErrors: true, coerceTypes: false });
  const coercing = new Ajv({ ...options, allErrors: true, coerceTypes: true });
  app.setSerializerCompiler(({ schema }) => {
    let serialize: ((data: unknown) => string) | undefined;
    return (data) => {
      serialize ??= fastJsonStringify(schema as Parameters<typeof fastJsonStringify>[0]);
      return serialize(data);
    };
  });
  app.setValidatorCompiler(({ schema, httpPart }) => {
    const ajv = httpPart === 'body' ? strict : coercing;
    let validate: ReturnType<Ajv['compile']> | undefined;
    let findAll: ReturnType<Ajv['compile']> | undefined;
    const problemsOf = (data: unknown) => {
      const first = validate?.errors ?? [];
      if (httpPart !== 'body' || hasMoreValuesThan(MAX_VALUES, data)) return first;
      findAll ??= thorough.compile(schema as object);
      return findAll(data) ? first : (findAll.errors ?? first);
    };
    return (data: unknown) => {
      validate ??= ajv.compile(schema as object);
      if (!validate(data)) return { error: problemsError(problemsOf(data)) };
      const unusable = httpPart === 'body' ? [] : unusableInUrl(data as object);
      return unusable.length === 0 ? true : { error: new InvalidInput(unusable) };
    };
  });
}

/** Counts the leaves and branches of parsed JSON, up to a limit. */
function hasMoreValuesThan(limit: number, json: unknown): boolean {
  const open = [json];
  let seen = 0;
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value !== 'object' || value === null) continue;
    const children = Object.values(value);
    seen += children.length;
    if (seen > limit) return true;
    open.push(...children);
  }
  return false;
}

/** What a URL can say and AJV lets pass: NUL, which no database stores, and 1e999, which is read as Infinity. */
function unusableInUrl(values: object): FieldProblem[] {
  return Object.entries(values).flatMap(([path, value]) => {
    if (typeof value === 'string' && value.includes('\0')) return [{ path, message: 'must not contain NUL' }];
    if (value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY) {
      return [{ path, message: 'is too large a number' }];
    }
    return [];
  });
}

/** Carries AJV's findings through Fastify to the error handler. */
export class InvalidInput extends Error {
  readonly problems: FieldProblem[];
  constructor(problems: FieldProblem[]) {
    super('the input does not fit its schema');
    this.problems = problems;
  }
}

/** Findings that only say that another one was made. */
const SUMMARIES = new Set(['anyOf', 'if', 'propertyNames']);

function problemsError(errors: readonly (ErrorObject | FastifySchemaValidationError)[]): InvalidInput {
  const problems = errors.filter(({ keyword }) => !SUMMARIES.has(keyword)).map(problemOf);
  const unique = new Map(problems.map((problem) => [`${problem.path}\n${problem.message}`, problem]));
  return new InvalidInput([...unique.values()].slice(0, MAX_FIELDS));
}

/** What callers are told instead of a regular expression. */
const PATTERNS: Readonly<Record<string, string>> = {
  [DURATION_PATTERN]: 'must be a duration such as 90s, 30m, 24h or 30d',
  '\\S': 'must not be blank',
};

function problemOf({
  instancePath,
  keyword,
  params,
  message,
  propertyName,
}: (ErrorObject | FastifySchemaValidationError) & { propertyName?: string }): FieldProblem {
  const at = instancePath.slice(1).replaceAll('/', '.').slice(0, 200);
  // A field may be called nothing at all.
  const inside = (name: unknown) => `${at && `${at}.`}${String(name) || '""'}`.slice(0, 200);
  if (keyword === 'additionalProperties') {
    return { path: inside(params.additionalProperty), message: 'is not a known field' };
  }
  if (keyword === 'required') return { path: inside(params.missingProperty), message: 'is required' };
  if (keyword === 'enum' && Array.isArray(params.allowedValues)) {
    return { path: at, message: `must be one of ${params.allowedValues.join(', ')}` };
  }
  if (keyword === 'pattern' && propertyName === undefined) {
    return { path: at || 'body', message: PATTERNS[String(params.pattern)] ?? message ?? 'is not valid' };
  }
  if (propertyName !== undefined) return { path: at, message: `a field name ${message ?? 'is not valid'}` };
  if (keyword === 'const') return { path: at, message: `must be ${String(params.allowedValue)}` };
  return { path: at || 'body', message: message ?? 'is not valid' };
}

/** An id in the path that cannot be one names nothing: 404. Everything else is 422 with its fields. */
export function failureOfInvalidInput(error: InvalidInput, part: string | undefined): Failure {
  if (part === 'params') return new Failure('not_found');
  return new Failure('validation_failed', undefined, { fields: error.problems });
}
