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
  asked: ('sign_in' | 'second_factor' | 'proof' | 'consent' | 'sign_out')[];
  sentTo: URL;
}

export interface Answers {
  decision?: 'allow' | 'deny';
  /** What the person's authenticator app shows. */
  otp?: () => Promise<string>;
}

/** A browser without script: it keeps cookies, follows redirects, and fills in forms as their HTML says. */
export interface PlainBrowser {
  /** Goes to a URL of the server, and answers what it is asked until it is sent to another site. */
  go(url: URL, answers?: Answers): Promise<Journey>;
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

  /** A second factor: alone, or with the password where a session owes it. */
  const prove = async (reply: TestReply, otp: () => Promise<string>, asked: Journey['asked']) => {
    const code = formWith(reply, 'otp');
    if (!code) return undefined;
    const isProof = 'password' in code.fields;
    asked.push(isProof ? 'proof' : 'second_factor');
    return send(code, { otp: await otp(), ...(isProof ? { password } : {}) });
  };

  const answer = async (
    reply: TestReply,
    { decision = 'allow', otp }: Answers,
    asked: Journey['asked'],
  ): Promise<TestReply> => {
    const proved = otp && (await prove(reply, otp, asked));
    if (proved) return proved;
    const owed = / href="(\/account\/proof\?[^"]*)"/.exec(reply.text)?.[1];
    if (reply.status === 403 && owed) return client.get(unescaped(owed));
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
    go: async (url, answers = {}) => {
      expect(url.origin).toBe(server.issuer);
      const asked: Journey['asked'] = [];
      let reply = await client.get(url.pathname + url.search);
      for (let step = 0; step < STEPS_AT_MOST; step += 1) {
        if (reply.status === 303) {
          const next = new URL(reply.headers.get('location') ?? '', server.issuer);
          if (next.origin !== server.issuer) return { asked, sentTo: next };
          reply = await client.get(next.pathname + next.search);
        } else reply = await answer(reply, answers, asked);
      }
      throw new Error(`still not there: ${asked.join()} ${reply.text}`);
    },
  };
}
