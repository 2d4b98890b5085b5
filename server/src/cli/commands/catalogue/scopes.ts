import type { ApiReply } from '../../api/client.ts';
import type { Context } from '../../context.ts';
import type { OptionSpecs } from '../../specs.ts';

/** A scope as the API writes it. */
export interface ScopeJson {
  name: string;
  kind: string;
  description: string;
  implies: string[];
  sensitive: boolean;
  resource: string | null;
}

/** What a new scope and a changed one may both say. */
export const scopeOptions = {
  implies: { type: 'list', value: 'SCOPE', description: 'Whoever holds it holds this one too' },
  sensitive: { type: 'text', value: 'YES', description: 'Show it with a warning', choices: ['yes', 'no'] },
  resource: { type: 'text', value: 'API', description: 'The API that it belongs to' },
} as const satisfies OptionSpecs;

/** The fields of a body that were given. */
export function scopeBody(options: { implies: string[]; sensitive: string | undefined; resource: string | undefined }) {
  return {
    ...(options.implies.length === 0 ? {} : { implies: options.implies }),
    ...(options.sensitive === undefined ? {} : { sensitive: options.sensitive === 'yes' }),
    ...(options.resource === undefined ? {} : { resource: options.resource }),
  };
}

/** As fields, or as the API's JSON. */
export function showScope(context: Pick<Context, 'out' | 'fields'>, reply: ApiReply, json: boolean): void {
  const { name, kind, description, implies, sensitive, resource } = reply.json as ScopeJson;
  if (json) context.out(`${reply.text.trimEnd()}\n`);
  else {
    context.fields([
      ['name', name],
      ['kind', kind],
      ['what it allows', description],
      ['implies', implies.join(' ')],
      ['sensitive', sensitive ? 'yes' : 'no'],
      ['resource', resource],
    ]);
  }
}
