import type { WireReply } from '../wire.ts';

/** How many of a kind are remembered. */
const MOST = 6;

interface Owned {
  text: string;
  clientId: string;
}

/** A question that waits for the person. */
interface Waiting {
  request: string;
  terms: string;
  formToken: string;
}

function remember<T>(list: T[], item: T): void {
  list.push(item);
  if (list.length > MOST) list.shift();
}

const hidden = (page: string, name: string) => new RegExp(`name="${name}" value="([^"]*)"`).exec(page)?.[1] ?? '';

function parsed(text: string): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** What one lane was given by OAuth's endpoints, to show it again. */
export class OauthMemory {
  readonly codes: Owned[] = [];
  readonly accessTokens: Owned[] = [];
  readonly refreshTokens: Owned[] = [];
  readonly registrations: Owned[] = [];
  readonly requests: string[] = [];
  readonly questions: Waiting[] = [];
  /** The cookie that waiting requests belong to. */
  browser: string | null = null;

  /** Takes in whatever a reply gives. */
  hear(clientId: string, { headers, text }: WireReply): void {
    this.browser = /latchkey_authorizing=[\w-]+/.exec(headers.get('set-cookie') ?? '')?.[0] ?? this.browser;
    const location = headers.get('location');
    if (location !== undefined) this.#follow(clientId, location);
    if (headers.get('content-type')?.startsWith('text/html')) this.#readPage(text);
    const json = parsed(text);
    const keep = (name: string, list: Owned[], owner = clientId) => {
      const value = json[name];
      if (typeof value === 'string') remember(list, { text: value, clientId: owner });
    };
    keep('access_token', this.accessTokens);
    keep('refresh_token', this.refreshTokens);
    if (typeof json.client_id === 'string') keep('registration_access_token', this.registrations, json.client_id);
  }

  #follow(clientId: string, location: string): void {
    if (!URL.canParse(location, 'http://localhost')) return;
    const { searchParams } = new URL(location, 'http://localhost');
    const [code, request] = [searchParams.get('code'), searchParams.get('request')];
    if (code !== null) remember(this.codes, { text: code, clientId });
    if (request !== null) remember(this.requests, request);
  }

  #readPage(page: string): void {
    const [request, terms, formToken] = [hidden(page, 'request'), hidden(page, 'terms'), hidden(page, 'form_token')];
    if (request !== '' && terms !== '') remember(this.questions, { request, terms, formToken });
  }
}
