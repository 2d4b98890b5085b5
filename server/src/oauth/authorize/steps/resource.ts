import type { Application } from '../../../applications/index.ts';
import type { Resource } from '../../../resources/index.ts';
import { refuse } from '../authorization-error.ts';
import type { Step, StepFacts } from './step.ts';

/** RFC 3986 §4.3: a scheme, and no fragment. */
const ABSOLUTE = /^[a-z][a-z\d+.-]*:[\x21\x22\x24-\x7e]+$/i;
const ROOT = /^[a-z][a-z\d+.-]*:\/\/[^/?#]+\/$/i;

/** An empty path and `/` name the same (RFC 3986 §6.2.3): URL parsers of clients write the second for the first. */
function known({ resources }: StepFacts, name: string): Resource | undefined {
  return resources.byAudience(name) ?? (ROOT.test(name) ? resources.byAudience(name.slice(0, -1)) : undefined);
}

function mayAskFor({ resources: named, scopes }: Application, { resources }: StepFacts, wanted: Resource): boolean {
  if (named !== null) return named.includes(wanted.audience);
  return wanted.isDefault || scopes.some((scope) => resources.offering(scope).id === wanted.id);
}

/** Without a name it is the default one; an application that may not have that means the only one that it may. */
function unnamed(application: Application, facts: StepFacts): Resource | undefined {
  const usual = facts.resources.default();
  const { resources: named } = application;
  if (named === null || named.includes(usual.audience)) return usual;
  return named.length === 1 ? facts.resources.byAudience(named[0] ?? '') : undefined;
}

/** RFC 8707 §2: one known resource, by its absolute URI (security B6). A token is for one. */
export const resource: Step = ({ params, application, facts }) => {
  const names = new Set(params.all('resource'));
  if (names.size > 1) return refuse('invalid_target', 'A token is for one resource: ask for each by itself.');
  const [name] = names;
  if (name === undefined) {
    const found = unnamed(application, facts);
    return found ? { audience: found.audience } : refuse('invalid_target', 'resource is required: name one.');
  }
  if (!ABSOLUTE.test(name)) return refuse('invalid_target', 'resource must be an absolute URI without a fragment.');
  const found = known(facts, name);
  if (!found) return refuse('invalid_target', 'There is no such resource.');
  if (!mayAskFor(application, facts, found)) {
    return refuse('invalid_target', 'This application may not ask for that resource.');
  }
  return { audience: found.audience };
};
