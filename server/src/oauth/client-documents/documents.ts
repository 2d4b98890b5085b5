import { LRUCache } from 'lru-cache';
import { addressGroup } from '../../address.ts';
import type { Application, ClientDocuments } from '../../applications/index.ts';
import type { Clock } from '../../clock.ts';
import { Failure } from '../../failure.ts';
import { ANONYMOUS_PREFIX, type Limiter, type Limits } from '../../limits/index.ts';
import { type Outbound, OutboundRefusal, type OutboundReply } from '../../outbound/index.ts';
import type { MetadataContext } from '../registration/metadata.ts';
import { isDocumentUrl, problemOfDocumentUrl } from './document-url.ts';
import { lifetimeMs } from './lifetime.ts';
import { readDocument, unusable } from './read-document.ts';

export interface ClientDocumentsDeps extends MetadataContext {
  clock: Clock;
  outbound: Outbound;
  limiter: Limiter;
  /** False: no client is described at a URL here. */
  isOn: boolean;
  onRead(read: { outcome: 'read' | 'unusable' | 'unreachable' }): void;
}

/** Client ID Metadata Documents §6.6. */
const LARGEST_BYTES = 5 * 1024;
const TIMEOUT_MS = 5000;
/** How many documents an hour one network may have read; one that is in memory costs nothing. */
export const DOCUMENTS: Limits = { perHour: 60, perSecond: null };
/** At once, for everybody. */
export const MOST_AT_ONCE = 20;
const MOST_KEPT = 2000;

interface Kept {
  application: Application;
  untilMs: number;
}

/** Nobody answered: not the client's word, and to be tried again. Everything else is an answer that cannot be used. */
const AWAY = new Set(['unresolved', 'unreachable', 'timeout']);

function asFailure(error: unknown): unknown {
  if (!(error instanceof OutboundRefusal)) return error;
  if (!AWAY.has(error.reason)) return unusable(`cannot be read: ${error.message.replace(/\.$/, '')}`);
  return new Failure('unavailable', 'The client metadata document cannot be reached. Try again.', { cause: error });
}

async function pay({ limiter }: ClientDocumentsDeps, address: string): Promise<void> {
  const bucket = `${ANONYMOUS_PREFIX}document:${addressGroup(address)}`;
  const spending = await limiter.spend(bucket, DOCUMENTS, 1);
  if (spending.allowed) return;
  throw new Failure('rate_limit_exceeded', 'Too many client metadata documents were asked for from here.', {
    retryAfterSeconds: Math.max(1, Math.ceil(spending.retryAfterMs / 1000)),
  });
}

async function ask({ outbound }: ClientDocumentsDeps, url: string): Promise<OutboundReply> {
  const headers = { accept: 'application/json' };
  const reply = await outbound({ url, headers, limitBytes: LARGEST_BYTES, timeoutMs: TIMEOUT_MS });
  if (reply.status < 500) return reply;
  throw new OutboundRefusal('unreachable', 'The host is in trouble.');
}

/**
 * Clients described at the URL which is their id (Client ID Metadata Documents), in the memory of each process. One reading
 * for all who wait, each network within its budget, some at once; what failed is not remembered (security H6, H7).
 */
export function createClientDocuments(deps: ClientDocumentsDeps): ClientDocuments {
  const { clock, isOn } = deps;
  const kept = new LRUCache<string, Kept>({ max: MOST_KEPT });
  const reading = new Map<string, Promise<Application>>();

  const read = async (url: string): Promise<Application> => {
    try {
      const reply = await ask(deps, url);
      const application = readDocument(url, reply, deps);
      kept.set(url, { application, untilMs: clock.nowMs() + lifetimeMs(reply.headers['cache-control']) });
      deps.onRead({ outcome: 'read' });
      return application;
    } catch (error) {
      const failure = asFailure(error);
      deps.onRead({ outcome: failure instanceof Failure && failure.status === 503 ? 'unreachable' : 'unusable' });
      throw failure;
    } finally {
      reading.delete(url);
    }
  };

  const begin = (url: string): Promise<Application> => {
    if (reading.size >= MOST_AT_ONCE) {
      throw new Failure('unavailable', 'Too many client metadata documents are being read. Try again.', {
        retryAfterSeconds: 1,
      });
    }
    const started = read(url);
    reading.set(url, started);
    return started;
  };

  const peek = (url: string): Application | undefined => {
    const found = kept.get(url);
    return found !== undefined && clock.nowMs() < found.untilMs ? found.application : undefined;
  };

  return {
    isDocument: (clientId) => isOn && isDocumentUrl(clientId),
    peek,
    find: async (url, namedFrom) => {
      const known = peek(url);
      if (known) return known;
      const problem = problemOfDocumentUrl(url);
      if (problem !== null) throw unusable(`must stand at another address: the client_id ${problem}`);
      const under = reading.get(url);
      if (under) return under;
      await pay(deps, namedFrom);
      return reading.get(url) ?? begin(url);
    },
  };
}
