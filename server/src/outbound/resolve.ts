import { lookup, Resolver } from 'node:dns/promises';

/** From a host name to all of its addresses; rejects when it has none. */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

/** As the system does, `/etc/hosts` included. Holds one of the few threads of the process for as long as it takes. */
export const systemResolve: Resolve = async (hostname) =>
  (await lookup(hostname, { all: true })).map(({ address }) => address);

export interface ResolveOptions {
  /** Asked about names that DNS does not have, or is not there for; null: nobody. */
  system: Resolve | null;
  /** Nameservers, as `dns.setServers` takes them; the system's unless said. */
  servers?: readonly string[];
}

/** Of each nameserver, once: whoever waits for the answer waits no longer than a few seconds for all of it. */
const QUERY = { timeout: 2000, tries: 1 };
const UNKNOWN_TO_DNS = new Set(['ENOTFOUND', 'ENODATA', 'ECONNREFUSED']);

const isUnknown = (error: unknown) =>
  error instanceof Error && 'code' in error && UNKNOWN_TO_DNS.has(String(error.code));

/**
 * By DNS alone, which holds no thread: names that strangers choose, and whose nameservers never answer, would take all of
 * them, and no other name could be looked up for minutes (security H7).
 */
export function createResolve({ system, servers }: ResolveOptions): Resolve {
  const resolver = new Resolver(QUERY);
  if (servers !== undefined) resolver.setServers(servers);
  return async (hostname) => {
    const answers = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
    const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    if (found.length > 0) return found;
    const errors = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as unknown] : []));
    if (system !== null && errors.every(isUnknown)) return system(hostname);
    throw errors[0];
  };
}
