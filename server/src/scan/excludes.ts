import { posix } from 'node:path';

/** Node's globs let `*` match no name that begins with a dot; to a scanner such names are like any other. */
const withoutDots = (text: string) => text.replace(/(^|[/{,])\./g, '$1\u2024');

/**
 * Whether a path, seen from the folder that is scanned, is to be left out: by a glob without a slash for a name at any
 * depth (`*.map`, `node_modules`), by one with a slash for the whole path (`/dist`, `src/**`). A last slash means nothing.
 */
export function createExcludes(globs: readonly string[]): (path: string) => boolean {
  const patterns = globs.map((glob) => {
    const isPath = glob.replace(/\/$/, '').includes('/');
    return { isPath, pattern: withoutDots(glob.replace(/^\.?\/+|\/$/g, '')) };
  });
  return (path) => {
    const plain = withoutDots(path);
    return patterns.some(({ isPath, pattern }) => posix.matchesGlob(isPath ? plain : posix.basename(plain), pattern));
  };
}
