import { isUtf8 } from 'node:buffer';
import { OAuthFailure } from '../../failure.ts';

/** What a request says of its client; nothing in it is proven. */
export interface ClientRequest {
  /** The Authorization line as it came. */
  authorization: string | undefined;
  params: ReadonlyMap<string, string>;
  /** The client's address, canonical. */
  address: string;
}

export type Presented =
  | { kind: 'secret'; method: 'client_secret_basic' | 'client_secret_post'; clientId: string; secret: string }
  | { kind: 'assertion'; clientId: string | null; assertion: string }
  | { kind: 'none'; clientId: string };

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** One refusal for an unknown client, a wrong secret and a method that is not registered: a stranger learns nothing. */
export function invalidClient(): OAuthFailure {
  const description =
    'The client is unknown or did not prove itself. Look at client_id, its secret or key, and its token_endpoint_auth_method.';
  return new OAuthFailure('invalid_client', description);
}

const invalid = (description: string) => new OAuthFailure('invalid_request', description);

const ENCODED = /[%+]/;
const BASIC = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i;

/** RFC 6749 §2.3.1: id and secret are form-encoded before they are joined. */
function formDecoded(text: string): string {
  return ENCODED.test(text) ? decodeURIComponent(text.replaceAll('+', ' ')) : text;
}

function readBasic(authorization: string): { clientId: string; secret: string } {
  const [, encoded] = BASIC.exec(authorization) ?? [];
  if (encoded === undefined) throw invalidClient();
  try {
    const bytes = Buffer.from(encoded, 'base64');
    if (!isUtf8(bytes)) throw invalidClient();
    const text = bytes.toString('utf8');
    const mark = text.indexOf(':');
    if (mark === -1) throw invalidClient();
    return { clientId: formDecoded(text.slice(0, mark)), secret: formDecoded(text.slice(mark + 1)) };
  } catch {
    throw invalidClient();
  }
}

/**
 * How the client of a request proves itself: one way, and one name (RFC 6749 §2.3, security C2). Throws
 * `invalid_request` for two, `invalid_client` for what cannot be read.
 */
export function presentedClient({ authorization, params }: ClientRequest): Presented {
  const named = params.get('client_id') ?? null;
  const secret = params.get('client_secret');
  const assertion = params.get('client_assertion');
  const type = params.get('client_assertion_type');
  const ways = [authorization, secret, assertion ?? type].filter((each) => each !== undefined);
  if (ways.length > 1) throw invalid('The client proves itself in more than one way; send one (RFC 6749 §2.3).');
  if (authorization !== undefined) {
    const basic = readBasic(authorization);
    if (named !== null && named !== basic.clientId)
      throw invalid('client_id is not the one of the Authorization header.');
    return { kind: 'secret', method: 'client_secret_basic', ...basic };
  }
  if (assertion !== undefined || type !== undefined) {
    if (type !== ASSERTION_TYPE) throw invalid(`client_assertion_type must be ${ASSERTION_TYPE}.`);
    if (assertion === undefined) throw invalid('client_assertion is missing.');
    return { kind: 'assertion', clientId: named, assertion };
  }
  if (named === null) throw invalidClient();
  if (secret === undefined) return { kind: 'none', clientId: named };
  return { kind: 'secret', method: 'client_secret_post', clientId: named, secret };
}
