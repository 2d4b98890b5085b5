import { lookup } from 'node:dns/promises';

/** From a host name to all of its addresses; rejects when it has none. */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

/** As the system does, `/etc/hosts` included: what comes back is vetted whatever it is. */
export const systemResolve: Resolve = async (hostname) =>
  (await lookup(hostname, { all: true })).map(({ address }) => address);
