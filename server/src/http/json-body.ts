import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Failure, invalidField } from '../failure.ts';

const MAX_DEPTH = 20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Nesting of brackets outside strings, counted before the parser recurses into them. */
function refuseDeepNesting(json: string): void {
  let depth = 0;
  for (let index = 0; index < json.length; index += 1) {
    const code = json.charCodeAt(index);
    if (code === QUOTE) {
      index = endOfString(json, index + 1);
    } else if (code === 0x7b || code === 0x5b) {
      depth += 1;
      if (depth > MAX_DEPTH) throw new Failure('invalid_request', `JSON may be nested ${MAX_DEPTH} levels deep.`);
    } else if (code === 0x7d || code === 0x5d) depth -= 1;
  }
}

function endOfString(json: string, from: number): number {
  for (let index = from; index < json.length; index += 1) {
    const code = json.charCodeAt(index);
    if (code === BACKSLASH) index += 1;
    else if (code === QUOTE) return index;
  }
  return json.length;
}

const MAX_PATH = 200;
/** In valid UTF-8 only an escape can spell what databases refuse: without one, no value needs to be looked at. */
const MAYBE_UNSTORABLE = /\\u(?:0000|d[89a-f])/i;

const isStorable = (text: string) => !text.includes('\0') && text.isWellFormed();

/** What is wrong and where, innermost name first: paths are made for what is refused, not for every value. */
function findUnstorable(value: unknown): { names: string[]; message: string } | null {
  if (typeof value === 'string') {
    return isStorable(value) ? null : { names: [], message: 'must not contain NUL or half of a surrogate pair' };
  }
  if (typeof value !== 'object' || value === null) return null;
  for (const name of Object.keys(value)) {
    if (!isStorable(name)) return { names: [], message: 'has a field name that is no text' };
    const found = findUnstorable((value as Record<string, unknown>)[name]);
    if (found === null) continue;
    found.names.push(name);
    return found;
  }
  return null;
}

/** NUL and lone surrogates are legal JSON and illegal in databases: refused at the door, with the field named. */
export function refuseUnstorableText(value: unknown): void {
  const found = findUnstorable(value);
  if (found) throw invalidField(found.names.reverse().join('.').slice(0, MAX_PATH) || 'body', found.message);
}

const CHARSET = /;\s*charset\s*=\s*"?([^";\s]+)/i;

/** A body as text. Throws for another encoding than UTF-8. */
export function decodeUtf8(request: FastifyRequest, body: Buffer): string {
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && !/^(?:identity)?$/i.test(encoding)) {
    throw new Failure('unsupported_media_type', 'Send the body without a Content-Encoding.');
  }
  const charset = CHARSET.exec(request.headers['content-type'] ?? '')?.[1];
  if (charset && !/^utf-?8$/i.test(charset)) {
    throw new Failure('unsupported_media_type', 'Bodies are UTF-8 (RFC 8259 §8.1).');
  }
  if (!isUtf8(body)) throw new Failure('invalid_request', 'The body is not valid UTF-8.');
  return body.toString('utf8');
}

/** JSON bodies: strict about type, encoding, depth and `__proto__`; an empty one is `{}` (contract §3). */
export function acceptJsonBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    try {
      const json = decodeUtf8(request, body as Buffer);
      if (json.trim() === '') return done(null, {});
      refuseDeepNesting(json);
      parse(request, json, (error, parsed) => {
        if (error) return done(new Failure('invalid_request', 'The body is not valid JSON.'));
        try {
          if (MAYBE_UNSTORABLE.test(json)) refuseUnstorableText(parsed);
          done(null, parsed);
        } catch (failure) {
          done(failure as Error);
        }
      });
    } catch (failure) {
      done(failure as Error);
    }
  });
}
