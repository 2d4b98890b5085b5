import { problemOfTarget } from '../../outbound/index.ts';

const LONGEST = 500;

/** Whether a client's id says that it is described at a URL; no other id has a scheme. Pure. */
export const isDocumentUrl = (clientId: string): boolean => /^https?:\/\//i.test(clientId);

/** Where such a client is described, for who cannot or need not read it; null for another id. Pure. */
export const documentHost = (clientId: string): string | null =>
  isDocumentUrl(clientId) && URL.canParse(clientId) ? new URL(clientId).host : null;

/** What is wrong with such an id (Client ID Metadata Documents §3): a sentence without subject; null for nothing. Pure. */
export function problemOfDocumentUrl(clientId: string): string | null {
  if (clientId.length > LONGEST) return `must have at most ${LONGEST} characters`;
  const problem = problemOfTarget(clientId);
  if (problem !== null) return problem;
  const { href, pathname } = new URL(clientId);
  if (pathname === '/') return 'must have a path';
  // Dot segments, other cases and default ports are other spellings of an address: an id has one.
  return href === clientId ? null : `must be written as ${href}`;
}
