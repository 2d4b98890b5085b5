import { createWorkspaces } from '../../src/accounts/index.ts';
import {
  type AuthenticateClient,
  createApplications,
  createAuthenticateClient,
  createSecretUsage,
  type SecretUsage,
} from '../../src/applications/index.ts';
import { createEnvelope, pooledRandom } from '../../src/crypto/index.ts';
import { createMemoryLimiter } from '../../src/limits/index.ts';
import { createOutbound } from '../../src/outbound/index.ts';
import { createRemoteKeys } from '../../src/remote-keys/index.ts';
import type { TestServer } from '../harness.ts';
import { serveForms } from './form-server.ts';

/** The client authentication of a server as its endpoints ask it, and one endpoint that asks nothing else. */
export interface AuthServer {
  authenticate: AuthenticateClient;
  usage: SecretUsage;
  /** What the log was told of assertions, the oldest first. */
  refused: { reason: string; client_id: string | null }[];
  /** A form to that endpoint; `authorization` beside it. */
  post(form: Record<string, string> | string, authorization?: string): Promise<AuthReply>;
}

export interface AuthReply {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: replies are looked into freely in tests
  json: any;
}

export async function authServer({ latchkey, clock, config, issuer }: TestServer): Promise<AuthServer> {
  const { database, changes } = latchkey;
  const onError = (error: unknown) => {
    throw error;
  };
  const usage = createSecretUsage(database, clock);
  const refused: AuthServer['refused'] = [];
  const keys = createRemoteKeys({ clock, outbound: createOutbound({ allow: ['127.0.0.0/8'] }), onError });
  const authenticate = createAuthenticateClient({
    database,
    clock,
    applications: createApplications({
      database,
      changes,
      documents: {
        isDocument: () => false,
        peek: () => undefined,
        find: () => Promise.reject(new Error('no document is read here')),
      },
      selfRegisteredScopes: () => [],
      audienceOf: () => undefined,
      workspaceFacts: createWorkspaces(database, changes).facts,
    }),
    keys: { applications: keys, strangers: keys },
    envelope: createEnvelope(config.encryptionKeys, pooledRandom()),
    usage,
    guesses: createMemoryLimiter({ clock }),
    restoredAtMs: null,
    issuer: () => issuer,
    onAssertionRefused: (each) => refused.push(each),
  });
  const base = await serveForms([
    {
      method: 'POST',
      path: '/oauth/token',
      summary: 'Who is it',
      tag: 'oauth',
      parameters: {},
      handler: async (call) => {
        const { application, method, secretId } = await authenticate(call);
        return { status: 200, body: { client_id: application.id, method, secret_id: secretId } };
      },
    },
  ]);
  return {
    authenticate,
    usage,
    refused,
    post: async (form, authorization) => {
      const body = typeof form === 'string' ? form : new URLSearchParams(form).toString();
      const headers: Record<string, string> = { 'content-type': 'application/x-www-form-urlencoded' };
      if (authorization !== undefined) headers.authorization = authorization;
      const reply = await fetch(`${base}/oauth/token`, { method: 'POST', headers, body });
      return { status: reply.status, headers: reply.headers, json: await reply.json() };
    },
  };
}

export const basic = (id: string, secret: string) => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;
