import { expect } from 'vitest';
import type { TestReply, TestServer } from '../../harness.ts';
import { pageClient } from '../../pages/client.ts';

/** Who fills in the sign-in form. */
export interface Credentials {
  email: string;
  password: string;
}

/** What the browser was asked on its way, and where outside the server it was sent in the end. */
export interface Journey {
  asked: ('sign_in' | 'consent' | 'sign_out')[];
  sentTo: URL;
}

/** A browser without script: it keeps cookies, follows redirects, and fills in forms as their HTML says. */
export interface PlainBrowser {
  /** Goes to a URL of the server, and answers what it is asked until it is sent to another site. */
  go(url: URL, answers?: { decision?: 'allow' | 'deny' }): Promise<Journey>;
}

interface Form {
  action: string;
  fields: Record<string, string>;
}

const STEPS_AT_MOST = 12;

const unescaped = (text: string) =>
  text.replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&lt;', '<').replaceAll('&amp;', '&');

const attribute = (tag: string, name: string) => {
  const value = new RegExp(` ${name}="([^"]*)"`).exec(tag)?.[1];
  return value === undefined ? undefined : unescaped(value);
};

/** The form that holds a field or button of this name, with what it would send by itself. */
function formWith({ text }: TestReply, name: string): Form | undefined {
  for (const [whole, tag = '', inside = ''] of text.matchAll(/<form( [^>]*)>(.*?)<\/form>/gs)) {
    if (!whole.includes(` name="${name}"`)) continue;
    const inputs = [...inside.matchAll(/<input( [^>]*?)\/?>/gs)].map(([, input = '']) => input);
    const fields = inputs.map((input) => [attribute(input, 'name') ?? '', attribute(input, 'value') ?? '']);
    return { action: attribute(tag, 'action') ?? '', fields: Object.fromEntries(fields) };
  }
  return undefined;
}

export function plainBrowser(server: TestServer, { email, password }: Credentials): PlainBrowser {
  const client = pageClient(server);
  const send = ({ action, fields }: Form, more: Record<string, string>) => client.post(action, { ...fields, ...more });

  const answer = (reply: TestReply, decision: string, asked: Journey['asked']): Promise<TestReply> => {
    const signIn = formWith(reply, 'password');
    if (signIn) {
      asked.push('sign_in');
      return send(signIn, { username: email, password });
    }
    const consent = formWith(reply, 'decision');
    if (consent) {
      asked.push('consent');
      return send(consent, { decision });
    }
    const signOut = formWith(reply, 'post_logout_redirect_uri');
    if (!signOut) throw new Error(`a page that asks nothing known: ${reply.status} ${reply.text}`);
    asked.push('sign_out');
    return send(signOut, {});
  };

  return {
    go: async (url, { decision = 'allow' } = {}) => {
      expect(url.origin).toBe(server.issuer);
      const asked: Journey['asked'] = [];
      let reply = await client.get(url.pathname + url.search);
      for (let step = 0; step < STEPS_AT_MOST; step += 1) {
        if (reply.status === 303) {
          const next = new URL(reply.headers.get('location') ?? '', server.issuer);
          if (next.origin !== server.issuer) return { asked, sentTo: next };
          reply = await client.get(next.pathname + next.search);
        } else reply = await answer(reply, decision, asked);
      }
      throw new Error(`still not there: ${asked.join()} ${reply.text}`);
    },
  };
}
