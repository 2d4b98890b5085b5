import { posix } from 'node:path';
import type { SourceFile } from './parse.ts';

/** The domains, from the top: a folder may import those on the lines below its own. */
export const domainTiers = [
  ['pages', 'cli', 'sandbox'],
  ['backup'],
  ['access', 'oauth', 'login'],
  ['trusted-issuers'],
  ['accounts', 'api-keys', 'applications', 'webhooks'],
  ['tokens', 'resources'],
  ['signing-keys', 'limits', 'remote-keys'],
  ['scopes'],
  ['audit', 'scan'],
];

/** Hears of things by listeners and outbox rows, so nobody but compose.ts imports it. */
const insights: Record<string, string[]> = { insights: ['audit'] };

/** The platform knows no domain; here is what each of its folders may import of the others. */
const platform: Record<string, string[]> = {
  http: ['shared-state', 'database', 'crypto'],
  outbound: ['crypto'],
  'sealed-values': ['database', 'crypto'],
  jobs: ['database', 'crypto'],
  'shared-state': ['database', 'crypto'],
  database: [],
  crypto: [],
};

const foundation = ['clock', 'failure', 'config', 'log', 'address', 'lines'];

/** The files that know every domain: they build, start and fill an installation. */
const composers = [
  'compose',
  'people',
  'oauth-parts',
  'oauth-endpoints',
  'authorize-parts',
  'registration-parts',
  'logout-parts',
  'doors',
  'foreign-parts',
  'token-parts',
  'bound-issuer',
  'counting',
  'bootstrap',
  'serve',
  'surroundings',
];

export type Layer = 'main' | 'compose' | 'domain' | 'platform' | 'foundation' | 'protocol';

/** Where a file stands in the house. */
export interface Place {
  layer: Layer;
  /** The folder's name, or the file's without `.ts` when it stands alone. */
  name: string;
}

const order: Layer[] = ['main', 'compose', 'domain', 'platform', 'foundation', 'protocol'];
const domains = [...domainTiers.flat(), ...Object.keys(insights)];

/** The place of a path, or undefined when the house has no room of that name. */
export function placeOf(path: string): Place | undefined {
  if (path.startsWith('protocol/src/')) return { layer: 'protocol', name: 'protocol' };
  const [first = '', ...rest] = path.startsWith('server/src/') ? path.slice('server/src/'.length).split('/') : [];
  const name = first.replace(/\.ts$/, '');
  if (foundation.includes(name)) return { layer: 'foundation', name };
  if (rest.length === 0) {
    if (composers.includes(name)) return { layer: 'compose', name };
    return name === 'main' ? { layer: 'main', name } : undefined;
  }
  if (domains.includes(name)) return { layer: 'domain', name };
  return name in platform ? { layer: 'platform', name } : undefined;
}

/** Whether an arrow may run from one place to another. */
export function mayImport(from: Place, to: Place): boolean {
  if (from.layer === to.layer && (from.name === to.name || from.layer === 'compose')) return true;
  // Settings are parsed into keys, so the words of crypto are theirs too.
  if (from.name === 'config' && to.name === 'crypto') return true;
  if (from.layer !== to.layer) {
    if (to.name in insights && from.layer !== 'compose') return false;
    return order.indexOf(from.layer) < order.indexOf(to.layer);
  }
  if (from.layer === 'platform') return platform[from.name]?.includes(to.name) ?? false;
  if (from.layer === 'domain') return insights[from.name]?.includes(to.name) ?? isBelow(from.name, to.name);
  return from.layer === 'foundation';
}

/** The file that a relative import names, or undefined for a package. */
export function targetOf(file: SourceFile, specifier: string): string | undefined {
  return specifier.startsWith('.') ? posix.join(posix.dirname(file.path), specifier) : undefined;
}

function isBelow(upper: string, lower: string): boolean {
  const tier = (name: string) => domainTiers.findIndex((names) => names.includes(name));
  return tier(upper) !== -1 && tier(upper) < tier(lower);
}
