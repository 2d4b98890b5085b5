import { type AskingApplication, mayAskFor, type Resource, type Resources } from '../resources/index.ts';

/** RFC 3986 §4.3: a scheme, and no fragment. */
const ABSOLUTE = /^[a-z][a-z\d+.-]*:[\x21\x22\x24-\x7e]+$/i;
const ROOT = /^[a-z][a-z\d+.-]*:\/\/[^/?#]+\/$/i;

export type KnownResources = Pick<Resources, 'byAudience' | 'default' | 'offering'>;

/** The resource that is asked for, or in one sentence why there is none. */
export type Target = { resource: Resource } | { refusal: string };

/** An empty path and `/` name the same (RFC 3986 §6.2.3): URL parsers of clients write the second for the first. */
function known(resources: KnownResources, name: string): Resource | undefined {
  return resources.byAudience(name) ?? (ROOT.test(name) ? resources.byAudience(name.slice(0, -1)) : undefined);
}

/** Without a name it is the default one; an application that may not have that means the only one that it may. */
function unnamed({ resources: named }: AskingApplication, resources: KnownResources): Resource | undefined {
  const usual = resources.default();
  if (named === null || named.includes(usual.audience)) return usual;
  return named.length === 1 ? resources.byAudience(named[0] ?? '') : undefined;
}

/** RFC 8707 §2: one resource that is known, by its absolute URI (security B6). A token is for one. Pure. */
export function targetOf(application: AskingApplication, resources: KnownResources, asked: Iterable<string>): Target {
  const [name, ...more] = new Set(asked);
  if (more.length > 0) return { refusal: 'A token is for one resource: ask for each by itself.' };
  if (name === undefined) {
    const resource = unnamed(application, resources);
    return resource ? { resource } : { refusal: 'resource is required: name one.' };
  }
  if (!ABSOLUTE.test(name)) return { refusal: 'resource must be an absolute URI without a fragment.' };
  const resource = known(resources, name);
  if (!resource) return { refusal: 'There is no such resource.' };
  if (!mayAskFor(application, resources, resource)) {
    return { refusal: 'This application may not ask for that resource.' };
  }
  return { resource };
}
