import type { FastifyReply, FastifyRequest } from 'fastify';
import { sha256Hex } from '../crypto/index.ts';

/** Whether `If-None-Match` names this ETag (RFC 9110 §13.1.2: compared weakly, in a list, or `*`). */
function isNamed(etag: string, header: string | undefined): boolean {
  if (header === undefined) return false;
  return header.split(',').some((each) => each.trim() === '*' || each.trim().replace(/^W\//, '') === etag);
}

type OnSend = (
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
  done: (error: Error | null, payload?: unknown) => void,
) => void;

/** Lets caches keep a public reply, and answers 304 to who has it already. Errors stay private. */
export function cacheable(maxAgeSeconds: number): OnSend {
  return (request, reply, payload, done) => {
    if (reply.statusCode !== 200 || typeof payload !== 'string') return done(null, payload);
    const etag = `"${sha256Hex(payload).slice(0, 32)}"`;
    reply.header('cache-control', `max-age=${maxAgeSeconds}`).header('etag', etag);
    if (!isNamed(etag, request.headers['if-none-match'])) return done(null, payload);
    reply.code(304).removeHeader('content-type');
    done(null, '');
  };
}
