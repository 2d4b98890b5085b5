const SCOPE_TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/** Whether the text is one scope-token: visible ASCII without `"` and `\` (RFC 6749 section 3.3). */
export function isScopeToken(text: string): boolean {
  return SCOPE_TOKEN.test(text);
}

/**
 * Reads a `scope` parameter or claim: scope-tokens with one space between them (RFC 6749 section 3.3).
 * Gives them in order without repetitions, or null when malformed, which the empty text is too.
 */
export function parseScopeString(text: string): string[] | null {
  const tokens = text.split(' ');
  return tokens.every(isScopeToken) ? [...new Set(tokens)] : null;
}
