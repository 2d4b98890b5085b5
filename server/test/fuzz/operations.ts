import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

export interface Schema {
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  properties?: Record<string, Schema>;
  patternProperties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  required?: string[];
  items?: Schema;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
}

export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required?: boolean;
  schema: Schema;
}

interface DocumentedOperation {
  tags?: string[];
  parameters?: Parameter[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, { content?: Record<string, { schema: Schema }> }>;
  security?: unknown[];
}

export interface OpenApiDocument {
  paths: Record<string, Record<string, DocumentedOperation>>;
}

/** One documented call. */
export interface Operation {
  method: string;
  /** As the document writes it: `/v1/api-keys/{id}`. */
  template: string;
  /** The collection that it is about, without version: `/api-keys`. */
  collection: string;
  tag: string;
  isPublic: boolean;
  parameters: Parameter[];
  body: Schema | null;
  /** By status: what its JSON must look like; null where the document gives no schema. */
  replies: ReadonlyMap<number, ValidateFunction | null>;
}

/** What a documented reply may hold and no field more: an undeclared field is how secrets slip out. */
function closedSchema(schema: Schema): Schema {
  const closed: Schema = { ...schema };
  for (const each of ['anyOf', 'oneOf', 'allOf'] as const) {
    if (schema[each]) closed[each] = schema[each].map(closedSchema);
  }
  if (schema.items) closed.items = closedSchema(schema.items);
  if (schema.properties) {
    closed.properties = Object.fromEntries(
      Object.entries(schema.properties).map(([name, each]) => [name, closedSchema(each)]),
    );
    closed.additionalProperties ??= false;
  }
  return closed;
}

/** Every operation of a server's own OpenAPI document. */
export function operationsOf(document: OpenApiDocument): Operation[] {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  return Object.entries(document.paths).flatMap(([template, item]) =>
    Object.entries(item).map(([method, operation]): Operation => {
      const replies = Object.entries(operation.responses).map(([status, { content }]) => {
        const schema = content?.['application/json']?.schema;
        // What Fastify's plugin writes where a route declares no reply.
        return [Number(status), schema ? ajv.compile(closedSchema(schema)) : null] as const;
      });
      return {
        method: method.toUpperCase(),
        template,
        collection: template.replace(/^\/v\d(?=\/)|^\/oauth(?=\/applications)/, '').replace(/^(\/[^/]+).*$/, '$1'),
        tag: operation.tags?.[0] ?? '',
        isPublic: operation.security === undefined,
        parameters: operation.parameters ?? [],
        body: operation.requestBody?.content['application/json']?.schema ?? null,
        replies: new Map(replies),
      };
    }),
  );
}

/** Which operation a path means, by its text alone; undefined where the document has none. */
export function createFinder(
  operations: readonly Operation[],
): (method: string, path: string) => Operation | undefined {
  const patterns = operations.map((operation) => ({
    operation,
    pattern: new RegExp(
      `^${operation.template
        .replace(/[.*+?^$()|[\]\\]/g, '\\$&')
        .replace(/\{\w+\}/g, '[^/]+')
        .replace(/\[\^\/\]\+$/, '[^/]*')}$`,
    ),
    isPlain: !operation.template.includes('{'),
  }));
  patterns.sort((left, right) => Number(right.isPlain) - Number(left.isPlain));
  return (method, path) => {
    const wanted = method === 'HEAD' ? 'GET' : method;
    return patterns.find(({ operation, pattern }) => operation.method === wanted && pattern.test(path))?.operation;
  };
}
