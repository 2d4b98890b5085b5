import type { Tables } from '../database/index.ts';

/** A text column that holds `Envelope.seal` texts, or null. Where a table has many rows, the column has an index. */
export interface SealedColumn {
  table: keyof Tables & string;
  /** The primary key, a text column. */
  id: string;
  column: string;
  /** What a value is bound to; the same that the domain seals with. */
  context(id: string): string;
}

/** The id of the encryption key that a sealed text names; empty when it names none. */
export function keyIdOf(sealed: string): string {
  return sealed.slice(0, Math.max(0, sealed.indexOf(':')));
}
