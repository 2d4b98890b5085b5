import { type Static, type TSchema, type TUnsafe, Type } from 'typebox';

/** Unknown fields are refused (contract §3). */
export const closed = { additionalProperties: false };

/** One of these texts. An `enum`, which validates and serialises faster than a union of constants. */
export function oneOf<const T extends string>(...values: T[]): TUnsafe<T> {
  return Type.Unsafe<T>({ type: 'string', enum: values });
}

/**
 * The type or null, as `type: [..., "null"]` wherever JSON Schema allows: the serializer asks a validator about every
 * `anyOf`, which costs more than all the rest of a reply.
 */
export function nullable<T extends TSchema>(type: T): TUnsafe<Static<T> | null> {
  const { type: name, enum: values, ...rest } = type as { type?: unknown; enum?: unknown[] };
  if (typeof name !== 'string') return Type.Unsafe<Static<T> | null>(Type.Union([type, Type.Null()]));
  const choices = values ? { enum: [...values, null] } : {};
  return Type.Unsafe<Static<T> | null>({ ...rest, ...choices, type: [name, 'null'] });
}

/** Without a pattern of ours, TypeBox's `^.*$` would overlook names with a line break. */
const AnyName = Type.String({ pattern: '^[\\s\\S]*$' });

/** What callers may attach to an object: at most 50 names of up to 40 characters, texts of up to 500. */
export const metadataSchema = Type.Record(AnyName, Type.String({ maxLength: 500 }), {
  maxProperties: 50,
  propertyNames: { minLength: 1, maxLength: 40 },
});

export const metadataReply = Type.Record(AnyName, Type.String());

/** The query of every list. What is no cursor is told when it is decoded: 400, not 422. */
export const pageQuery = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
  cursor: Type.Optional(Type.String()),
};

/** The reply of every list. */
export function listReply<T extends TSchema>(item: T) {
  return Type.Object({ data: Type.Array(item), next_cursor: nullable(Type.String()) });
}
