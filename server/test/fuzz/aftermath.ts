import type { Prepare } from './callers.ts';
import type { Holdings } from './probe.ts';
import type { Scene } from './run.ts';
import type { Target } from './target.ts';

/** What the run must have left as it was: the other workspace, the callers; and what it must not have made. */
export async function worldProblems(prepare: Prepare, { scenery: { world }, run }: Scene): Promise<void> {
  for (const { path, before } of world.foreign) {
    const now = JSON.stringify(await prepare({ key: world.observer, path, status: 200 }));
    if (now !== before) run.found(`another workspace's object has changed: ${before} -> ${now}`, path);
  }
  for (const caller of world.callers) {
    if (caller.isDead || caller.name === 'root' || /few calls|small quota/.test(caller.name)) continue;
    const { credential: key, cookie } = caller;
    const path = caller.isPerson ? '/v1/users/me' : '/v1/auth/verify';
    await prepare({ key, ...(cookie === undefined ? {} : { cookie }), path, status: 200 }).catch((error: Error) =>
      run.found(`the caller "${caller.name}" is not let in any more: ${error.message}`, 'after the run'),
    );
  }
  const admin = world.callers.find(({ name }) => name === 'admin')?.credential ?? null;
  let cursor = '';
  do {
    const page = await prepare({ key: admin, path: `/v1/projects?limit=100${cursor}`, status: 200 });
    for (const { id, name } of page.data as { id: string; name: string }[]) {
      if (name === 'smuggled') run.found(`a smuggled request was run: ${id} ${name}`, 'after the run');
    }
    cursor = page.next_cursor ? `&cursor=${page.next_cursor}` : '';
  } while (cursor !== '');
}

/** Closed connections take a moment to be seen. */
export async function quietHoldings(target: Target, sockets: number): Promise<Holdings> {
  for (let turn = 0; ; turn += 1) {
    const holdings = await target.holdings();
    if (holdings.sockets <= sockets || turn === 50) return holdings;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
