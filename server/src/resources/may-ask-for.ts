import type { Resource, Resources } from './resource.ts';

/** What an application is registered for: audiences, or with null whatever offers one of its scopes. */
export interface AskingApplication {
  readonly resources: readonly string[] | null;
  readonly scopes: readonly string[];
}

/** Whether an application may have tokens for a resource, whoever makes them. Pure. */
export function mayAskFor(
  { resources: named, scopes }: AskingApplication,
  resources: Pick<Resources, 'offering'>,
  wanted: Resource,
): boolean {
  if (named !== null) return named.includes(wanted.audience);
  return wanted.isDefault || scopes.some((scope) => resources.offering(scope).id === wanted.id);
}
