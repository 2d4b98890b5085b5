const SHORTEST_SECONDS = 60;
const USUAL_SECONDS = 3600;
const LONGEST_SECONDS = 86_400;

/**
 * How long a document may be used, in milliseconds: as its `Cache-Control` says (RFC 9111 §5.2.2), but a minute at least and a
 * day at most; an hour where it says nothing (security H7). Pure.
 */
export function lifetimeMs(cacheControl: string | undefined): number {
  const directives = (cacheControl ?? '').toLowerCase();
  if (/\bno-(?:store|cache)\b/.test(directives)) return SHORTEST_SECONDS * 1000;
  const [, named] = /\bmax-age="?(\d{1,10})/.exec(directives) ?? [];
  const seconds = named === undefined ? USUAL_SECONDS : Number(named);
  return Math.min(Math.max(seconds, SHORTEST_SECONDS), LONGEST_SECONDS) * 1000;
}
