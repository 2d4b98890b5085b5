import { makeId } from '@latchkey/protocol';
import type { Clock } from '../clock.ts';
import type { RandomBytes } from '../crypto/index.ts';
import type { Tx } from '../database/index.ts';
import { insertRow } from './store.ts';

const EXAMPLES = [
  { kind: 'project', body: { name: 'Example project' } },
  { kind: 'order', body: { item: 'Example order', quantity: 1, status: 'open' } },
] as const;

/** Something to see on the first call: one project and one order, in test and in live. */
export async function seedSandbox(
  deps: { clock: Clock; randomBytes: RandomBytes },
  tx: Tx,
  workspaceId: string,
  owner: string,
): Promise<void> {
  const nowMs = deps.clock.nowMs();
  for (const environment of ['test', 'live'] as const) {
    for (const { kind, body } of EXAMPLES) {
      const id = makeId(kind, nowMs, deps.randomBytes);
      await insertRow(tx, {
        id,
        kind,
        workspace_id: workspaceId,
        environment,
        owner,
        body: JSON.stringify(body),
        created_at: nowMs,
      });
    }
  }
}
