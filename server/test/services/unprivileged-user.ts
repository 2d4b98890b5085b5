import { readFileSync } from 'node:fs';

export interface User {
  uid: number;
  gid: number;
}

/** Whom services run as when the tests run as root: PostgreSQL refuses root, and nothing else needs it. */
export function unprivilegedUser(): User | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  const line = ['postgres:', 'nobody:'].map((name) => lines.find((entry) => entry.startsWith(name))).find(Boolean);
  const [, , uid, gid] = line?.split(':') ?? [];
  if (uid === undefined || gid === undefined) throw new Error('the services of the tests need a user other than root');
  return { uid: Number(uid), gid: Number(gid) };
}
