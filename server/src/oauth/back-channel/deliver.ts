import type { Application, Applications } from '../../applications/index.ts';
import { type RecordAudit, systemActor } from '../../audit/index.ts';
import type { Database } from '../../database/index.ts';
import { type Outbound, OutboundRefusal } from '../../outbound/index.ts';
import { type LogoutTokenDeps, mintLogoutToken } from './logout-token.ts';
import { deleteDelivery, deleteOldSessionClients, dueClients, dueDeliveries, takeDelivery } from './store.ts';
import type { LogoutDeliveryRow } from './tables.ts';

export interface LogoutDeliveryDeps extends LogoutTokenDeps {
  database: Database;
  applications: Pick<Applications, 'find'>;
  outbound: Outbound;
  recordAudit: RecordAudit;
  onSent(sent: { outcome: 'delivered' | 'failed' | 'dropped' }): void;
  onError(error: unknown, delivery: { clientId: string; attempts: number }): void;
}

/** Tells applications of sessions that have ended. */
export interface LogoutDeliveries {
  /**
   * Begins to tell what is due, each application apart: one that does not answer holds up nobody else, and the next call
   * leaves it alone until it is done. Several processes may do so at once: each try is taken by one of them.
   */
  sendDue(): Promise<void>;
  /** When nobody is being told any more: meanwhile each application is told what it is being told, and no more. */
  settled(): Promise<void>;
  /** Removes what belongs to sessions that ran out. */
  prune(): Promise<void>;
}

const TIMEOUT_MS = 5000;
const LARGEST_ANSWER_BYTES = 64 * 1024;
/** How long after each try the next one comes. The last: when a try that never ended is given up. */
const RETRY_AFTER_MS = [10_000, 60_000, 300_000, 900_000, 60_000] as const;
export const MOST_ATTEMPTS = RETRY_AFTER_MS.length;
const MOST_CLIENTS_AT_ONCE = 100;
const BATCH = 50;

/** §2.8: 200, or 204 by some frameworks. */
const isDone = (status: number) => status >= 200 && status < 300;

function reasonOf(error: unknown): string {
  return error instanceof OutboundRefusal ? error.reason : 'error';
}

type Told = Application & { backChannelLogoutUri: string };

const isToBeTold = (application: Application | null): application is Told =>
  application !== null && !application.isDisabled && application.backChannelLogoutUri !== null;

/** Gives one up, and records that once. */
async function drop(deps: LogoutDeliveryDeps, row: LogoutDeliveryRow, reason: string): Promise<void> {
  const { id, client_id: clientId, user_id: userId, sid, attempts } = row;
  const application = await deps.applications.find(clientId);
  const isOurs = await deps.database.write(async (tx) => {
    if (!(await deleteDelivery(tx, id))) return false;
    await deps.recordAudit(tx, {
      action: 'logout.undelivered',
      actor: systemActor,
      workspaceId: application?.workspaceId ?? null,
      ...(application ? { environment: application.environment } : {}),
      targetId: clientId,
      data: { user_id: userId, session: sid, attempts, reason },
    });
    return true;
  });
  if (isOurs) deps.onSent({ outcome: 'dropped' });
}

/** Null when it was told; else why not. */
async function post(deps: LogoutDeliveryDeps, application: Told, row: LogoutDeliveryRow): Promise<string | null> {
  const { id: clientId, idTokenAlgorithm: algorithm, backChannelLogoutUri: url } = application;
  const { user_id: userId, sid, attempts } = row;
  try {
    const token = mintLogoutToken(deps, { clientId, algorithm, userId, sid, jti: `${row.id}.${attempts}` });
    const { status } = await deps.outbound({
      url,
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ logout_token: token }).toString(),
      timeoutMs: TIMEOUT_MS,
      limitBytes: LARGEST_ANSWER_BYTES,
    });
    return isDone(status) ? null : `answered ${status}`;
  } catch (error) {
    deps.onError(error, { clientId, attempts });
    return reasonOf(error);
  }
}

/** One try; false when the application did not take it, so that it is not asked again at once. */
async function tell(deps: LogoutDeliveryDeps, row: LogoutDeliveryRow): Promise<boolean> {
  const { database, clock, applications, onSent } = deps;
  const nowMs = clock.nowMs();
  const retryAfterMs = RETRY_AFTER_MS[row.attempts];
  if (retryAfterMs === undefined || row.expires_at <= nowMs) {
    await drop(deps, row, retryAfterMs === undefined ? 'interrupted' : 'too late');
    return true;
  }
  if (!(await database.write((tx) => takeDelivery(tx, row, nowMs + retryAfterMs)))) return true;
  const taken = { ...row, attempts: row.attempts + 1 };
  const application = await applications.find(row.client_id);
  const why = isToBeTold(application) ? await post(deps, application, taken) : null;
  if (why === null) {
    await database.write((tx) => deleteDelivery(tx, row.id));
    if (isToBeTold(application)) onSent({ outcome: 'delivered' });
    return true;
  }
  onSent({ outcome: 'failed' });
  if (taken.attempts === MOST_ATTEMPTS) await drop(deps, taken, why);
  return false;
}

export function createLogoutDeliveries(deps: LogoutDeliveryDeps): LogoutDeliveries {
  const { database, clock, onError } = deps;
  const busy = new Map<string, Promise<void>>();
  let waiting = 0;

  const tellClient = async (clientId: string): Promise<void> => {
    for (const row of await dueDeliveries(database.read, clientId, clock.nowMs(), BATCH)) {
      if (waiting > 0 || !(await tell(deps, row))) return;
    }
  };

  return {
    sendDue: async () => {
      const limit = MOST_CLIENTS_AT_ONCE - busy.size;
      if (limit <= 0) return;
      for (const clientId of await dueClients(database.read, clock.nowMs(), { except: [...busy.keys()], limit })) {
        const telling = tellClient(clientId)
          .catch((error: unknown) => onError(error, { clientId, attempts: 0 }))
          .finally(() => busy.delete(clientId));
        busy.set(clientId, telling);
      }
    },
    settled: async () => {
      waiting += 1;
      await Promise.all(busy.values());
      waiting -= 1;
    },
    prune: () => database.write((tx) => deleteOldSessionClients(tx, clock.nowMs())),
  };
}
