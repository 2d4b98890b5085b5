import { settle } from '../deeds.ts';
import type { AuditEvent } from '../model.ts';
import type { Check, CheckContext } from './check.ts';

/** Heads that were told of are in the chain still, and the database's files are whole. The chain itself: `latchkey audit verify`. */
export const auditIsWhole: Check = async ({ model, facts }) => {
  for (const problem of facts.damage) model.violations.push(`the database is damaged: ${problem}`);
  for (const [number, hash] of model.heads) {
    const found = facts.heads.get(number);
    if (found !== hash) {
      model.violations.push(`audit batch ${number} was logged with the head ${hash}; now it is ${found ?? 'gone'}`);
    }
  }
};

/** Every deed against its audit events: this settles what happened of the unanswered ones. */
export async function deedsAreRecorded({ model, facts }: Pick<CheckContext, 'model' | 'facts'>): Promise<void> {
  const byRequest = new Map<string, AuditEvent[]>();
  for (const event of facts.events) {
    if (event.requestId === null) continue;
    const events = byRequest.get(event.requestId) ?? [];
    events.push(event);
    byRequest.set(event.requestId, events);
  }
  for (const deed of model.deeds)
    settle(
      model,
      deed,
      deed.requestIds.flatMap((id) => byRequest.get(id) ?? []),
    );
}
