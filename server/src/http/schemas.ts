import { type TNull, type TSchema, type TUnion, Type } from 'typebox';

/** Unknown fields are refused (contract §3). */
export const closed = { additionalProperties: false };

export function nullable<T extends TSchema>(type: T): TUnion<[T, TNull]> {
  return Type.Union([type, Type.Null()]);
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
