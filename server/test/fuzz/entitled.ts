import type { Caller } from './callers.ts';
import type { Operation } from './operations.ts';
import type { Connection } from './wire.ts';

const MADE_UP = '0'.repeat(24);

/** A path that fits the document and names nothing. */
function emptyPath({ template, parameters }: Operation): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => {
    const pattern = parameters.find((each) => each.in === 'path' && each.name === name)?.schema.pattern ?? '';
    const prefix = /^\^?([a-z]+_)/.exec(pattern)?.[1] ?? '';
    return prefix + MADE_UP;
  });
}

/**
 * Who of the strong callers is let in where, by asking: the document does not say which scope a call needs, and a run
 * whose requests end at the door finds nothing behind it.
 */
export async function entitledCallers(
  connection: Connection,
  operations: readonly Operation[],
  callers: readonly Caller[],
): Promise<ReadonlyMap<Operation, Caller[]>> {
  const strong = callers.filter(({ name }) =>
    ['root', 'full test key', 'admin', 'live key', 'owner token'].includes(name),
  );
  const people = callers.filter(({ cookie, isDead }) => cookie !== undefined && !isDead);
  const entitled = new Map<Operation, Caller[]>();
  for (const operation of operations) {
    // Theirs alone, and asking would end their sessions.
    const allowed: Caller[] = operation.tag === 'account' && !operation.isPublic ? [...people] : [];
    for (const caller of operation.isPublic ? [] : strong) {
      const body = operation.body === null ? '' : 'Content-Type: application/json\r\nContent-Length: 2\r\n';
      const head = `${operation.method} ${emptyPath(operation)} HTTP/1.1\r\nHost: localhost\r\n${body}`;
      const bytes = `${head}Authorization: Bearer ${caller.credential}\r\n\r\n${body === '' ? '' : '{}'}`;
      const outcome = await connection.send(Buffer.from(bytes), false);
      if (typeof outcome !== 'string' && outcome.status !== 401 && outcome.status !== 403) allowed.push(caller);
    }
    entitled.set(operation, allowed);
  }
  return entitled;
}
