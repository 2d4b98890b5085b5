import { Ajv, type ErrorObject } from 'ajv';
import type { FastifyInstance, FastifySchemaValidationError } from 'fastify';
import { Failure, type FieldProblem } from '../failure.ts';

const MAX_FIELDS = 20;

/**
 * Validators are compiled on a route's first request, so that starting does not pay for routes nobody calls. Bodies are
 * taken as they are; query strings, which know only text, are read as the types they should be.
 */
export function useSchemas(app: FastifyInstance): void {
  const options = { allErrors: true, removeAdditional: false, useDefaults: true, strictTypes: false } as const;
  const strict = new Ajv({ ...options, coerceTypes: false });
  const coercing = new Ajv({ ...options, coerceTypes: true });
  app.setValidatorCompiler(({ schema, httpPart }) => {
    const ajv = httpPart === 'body' ? strict : coercing;
    let validate: ReturnType<Ajv['compile']> | undefined;
    return (data: unknown) => {
      validate ??= ajv.compile(schema as object);
      return validate(data) ? true : { error: problemsError(validate.errors ?? []) };
    };
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

function problemsError(errors: readonly (ErrorObject | FastifySchemaValidationError)[]): InvalidInput {
  const problems = errors.filter(({ keyword }) => keyword !== 'anyOf' && keyword !== 'if').map(problemOf);
  const unique = new Map(problems.map((problem) => [`${problem.path}\n${problem.message}`, problem]));
  return new InvalidInput([...unique.values()].slice(0, MAX_FIELDS));
}

function problemOf({
  instancePath,
  keyword,
  params,
  message,
}: ErrorObject | FastifySchemaValidationError): FieldProblem {
  const at = instancePath.slice(1).replaceAll('/', '.').slice(0, 200);
  const inside = (name: unknown) => (at ? `${at}.${String(name)}` : String(name)).slice(0, 200);
  if (keyword === 'additionalProperties') {
    return { path: inside(params.additionalProperty), message: 'is not a known field' };
  }
  if (keyword === 'required') return { path: inside(params.missingProperty), message: 'is required' };
  if (keyword === 'enum' && Array.isArray(params.allowedValues)) {
    return { path: at, message: `must be one of ${params.allowedValues.join(', ')}` };
  }
  if (keyword === 'const') return { path: at, message: `must be ${String(params.allowedValue)}` };
  return { path: at || 'body', message: message ?? 'is not valid' };
}

/** An id in the path that cannot be one names nothing: 404. Everything else is 422 with its fields. */
export function failureOfInvalidInput(error: InvalidInput, part: string | undefined): Failure {
  if (part === 'params') return new Failure('not_found');
  return new Failure('validation_failed', undefined, { fields: error.problems });
}
