import { Refused } from './tokens.js';
import { scopesOf } from './tools.js';

const quoted = (text) => `"${text.replaceAll(/["\\]/g, "'")}"`;

/** RFC 6750 §3, RFC 9728 §5.1: where to find out how to get a token, and what for. */
function challenge(attributes, metadataUrl) {
  const all = { ...attributes, resource_metadata: metadataUrl };
  const parts = Object.entries(all).map(([name, value]) => `${name}=${quoted(value)}`);
  return `Bearer ${parts.join(', ')}`;
}

/** What the calls in a message need; a body may hold several. */
function scopesWanted(body) {
  const calls = [body].flat().filter((message) => message?.method === 'tools/call');
  return [...new Set(calls.flatMap((call) => scopesOf(call.params?.name)))];
}

/**
 * Lets a request pass that brings a token for this server with the scopes that its tools need. Everything else is told how to
 * get one: 401 without, 403 where the person has to allow more first.
 */
export function guard({ verify, metadataUrl, firstScopes }) {
  const first = firstScopes.join(' ');
  const refuse = (response, status, attributes) => {
    response.set('WWW-Authenticate', challenge(attributes, metadataUrl));
    response.status(status).json({ error: attributes.error ?? 'missing_token' });
  };
  return async (request, response, next) => {
    const [, token] = /^bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
    if (token === undefined) return refuse(response, 401, { scope: first });
    try {
      request.auth = await verify(token);
    } catch (error) {
      if (!(error instanceof Refused)) return next(error);
      const told = { error: 'invalid_token', error_description: error.message, scope: first };
      return refuse(response, 401, told);
    }
    const { scopes } = request.auth;
    const wanted = scopesWanted(request.body);
    if (wanted.every((scope) => scopes.includes(scope))) return next();
    // Those that it has are named too: a client asks the person for exactly this.
    const scope = [...new Set([...scopes.filter((each) => each !== ''), ...wanted])].join(' ');
    const told = { error: 'insufficient_scope', error_description: `This needs ${wanted.join(' ')}`, scope };
    return refuse(response, 403, told);
  };
}
