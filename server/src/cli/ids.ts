import { ID_PREFIXES, type IdKind, isId } from '@latchkey/protocol';
import { UsageError } from './refusal.ts';

/** The id as part of a path; refused when it has not the form of one, so that nothing else gets into a URL. */
export function idInPath(kind: IdKind, text: string, path: string): string {
  if (isId(kind, text)) return text;
  throw new UsageError(`the id looks like ${ID_PREFIXES[kind]}_…, with 24 letters and digits after it`, path);
}
