import { holdSession, type SessionEnds } from '../../accounts/index.ts';
import type { Clock } from '../../clock.ts';
import type { RandomBytes } from '../../crypto/index.ts';
import type { Tx } from '../../database/index.ts';
import { insertDeliveries, insertSessionClient, moveSessionClients, takeSessionClients } from './store.ts';

/** After this an application is told nothing any more of a session that ended. */
const WORTH_TELLING_MS = 3_600_000;

/**
 * Notes that an application is given tokens in a session, so that it is told of its end. False when the session has ended:
 * then nothing may be given. After the tokens, as whoever ends both does, so that the two never wait for one another.
 */
export async function noteSessionClient(tx: Tx, sessionId: string, clientId: string): Promise<boolean> {
  const session = await holdSession(tx, sessionId);
  if (!session) return false;
  const { expires_at } = session;
  await insertSessionClient(tx, { session_id: sessionId, client_id: clientId, sid: sessionId, expires_at });
  return true;
}

/** Leaves what applications are to be told in the transaction that ends the sessions. */
export function createSessionEnds({ clock, randomBytes }: { clock: Clock; randomBytes: RandomBytes }): SessionEnds {
  return {
    ended: async (tx, { userId, ids }) => {
      const clients = await takeSessionClients(tx, ids);
      if (clients.length === 0) return;
      const nowMs = clock.nowMs();
      const rows = clients.map(({ client_id, sid }) => ({
        id: Buffer.from(randomBytes(16)).toString('hex'),
        client_id,
        user_id: userId,
        sid,
        attempts: 0,
        next_attempt_at: nowMs,
        expires_at: nowMs + WORTH_TELLING_MS,
      }));
      await insertDeliveries(tx, rows);
    },
    replaced: (tx, session) => moveSessionClients(tx, session),
  };
}
