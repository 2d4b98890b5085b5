const OWN = /^\/(?![/\\])[^\\\p{C}\s]*$/u;
const LONGEST = 2000;

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

/**
 * Where to go on after signing in, if it is a path of this server, written so that every browser reads it as one
 * (security A23); else the fallback. Looked at as it stands and once decoded.
 */
export function returnTo(text: string | null | undefined, fallback: string): string {
  if (!text || text.length > LONGEST) return fallback;
  const [path = ''] = text.split(/[?#]/, 1);
  const plain = decoded(path);
  if (plain === null || !OWN.test(text) || !OWN.test(plain)) return fallback;
  const { origin, pathname } = new URL(text, 'http://own.invalid');
  // `/.//host` is a path to a browser; whoever shortens it on the way would make it a host.
  return origin === 'http://own.invalid' && !pathname.startsWith('//') ? text : fallback;
}
