import type { Resource, Resources } from '../../resources/index.ts';
import type { ScopeCatalogue } from '../../scopes/index.ts';

export const RESOURCE_PATH = '/.well-known/oauth-protected-resource';

export interface ResourceMetadataDeps {
  issuer(): string;
  resources: Pick<Resources, 'all' | 'byAudience' | 'default' | 'offering'>;
  catalogue: ScopeCatalogue;
}

const isWeb = (audience: string) => /^https?:\/\/[^/?#]/i.test(audience);

/** RFC 9728 §3.1: the path and query of a resource, which its metadata's URL ends in; empty for one at the root. */
function suffixOf(audience: string): string {
  const rest = audience.replace(/^https?:\/\/[^/?#]+/i, '');
  return rest === '/' ? '' : rest;
}

const originOf = (url: string) => new URL(url).origin;

/**
 * The URL of a resource's metadata (RFC 9728 §3.1): beside the resource where it is ours; for one elsewhere, at our own
 * host under its audience, which its server may name in a challenge. Null for an audience that is no URL.
 */
export function resourceMetadataUrl(issuer: string, { audience }: Pick<Resource, 'audience'>): string | null {
  if (!isWeb(audience) || !URL.canParse(audience)) return null;
  const here = originOf(issuer);
  if (originOf(audience) === here) return `${here}${RESOURCE_PATH}${suffixOf(audience)}`;
  return `${here}${RESOURCE_PATH}?resource=${encodeURIComponent(audience)}`;
}

/** What `resource_metadata` of a challenge is (RFC 9728 §5.1): of the resource that a route or the gate names. */
export function challengeUrl(
  { issuer, resources }: Omit<ResourceMetadataDeps, 'catalogue'>,
  wanted: string,
): string | null {
  const usual = wanted === 'default' || wanted === 'any';
  const resource = usual ? resources.default() : resources.byAudience(wanted);
  return resource ? resourceMetadataUrl(issuer(), resource) : null;
}

/**
 * The resource that a request for metadata is about: the one named; else the one whose path it asks for, ours before
 * others'; at the root itself the one there, else the default one. Undefined when there is none, or when the path alone
 * does not tell which. Pure.
 */
export function resourceAsked(
  { issuer, resources }: ResourceMetadataDeps,
  { suffix, named }: { suffix: string; named: string | null },
): Resource | undefined {
  if (named !== null) return suffix === '' ? resources.byAudience(named) : undefined;
  const here = originOf(issuer());
  const all = resources.all().filter(({ audience }) => isWeb(audience) && suffixOf(audience) === suffix);
  const own = all.find(({ audience }) => originOf(audience) === here);
  if (own) return own;
  if (suffix === '') return resources.default();
  return all.length === 1 ? all[0] : undefined;
}

/** RFC 9728 §2. Scopes that manage Latchkey itself are not for clients to ask for unasked. */
export function resourceMetadata({ issuer, resources, catalogue }: ResourceMetadataDeps, resource: Resource): object {
  const scopes = catalogue
    .names()
    .filter((name) => catalogue.get(name)?.kind === 'product' && resources.offering(name).id === resource.id);
  return {
    resource: resource.audience,
    authorization_servers: [issuer()],
    scopes_supported: scopes,
    bearer_methods_supported: ['header'],
    resource_name: resource.name,
  };
}
