import { UsageError } from '../../refusal.ts';
import type { PositionalSpecs } from '../../specs.ts';

export const scopePositional = {
  name: { value: 'NAME', description: 'The scope, such as reports:read' },
} as const satisfies PositionalSpecs;

export const planPositional = {
  name: { value: 'NAME', description: 'The plan' },
} as const satisfies PositionalSpecs;

/** `/v1/scopes/{name}` and the like. Throws `UsageError` for a name that could lead elsewhere in a URL. */
export function pathOfNamed(kind: 'scopes' | 'plans', name: string, commandPath: string): string {
  if (/^\.{0,2}$/.test(name)) throw new UsageError('the name is missing', commandPath);
  return `/v1/${kind}/${encodeURIComponent(name)}`;
}
