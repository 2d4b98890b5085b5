import { AsyncLocalStorage } from 'node:async_hooks';
import type { CommitHook, Tx } from './database.ts';

interface Pending {
  hook: CommitHook | undefined;
}

/** Lets a caller far above a verb put one more statement into the verb's own transaction. */
export function createCommitHooks() {
  const storage = new AsyncLocalStorage<Pending>();
  return {
    run: <T>(hook: CommitHook, run: () => Promise<T>): Promise<T> => storage.run({ hook }, run),
    /** `work`, followed by the pending hook if there is one; the hook is spent once its transaction is committed. */
    wrap<T>(work: (tx: Tx) => Promise<T>): (tx: Tx) => Promise<T> {
      const pending = storage.getStore();
      const hook = pending?.hook;
      if (!pending || !hook) return work;
      return async (tx) => {
        const result = await work(tx);
        await hook(tx, result);
        tx.afterCommit(() => {
          pending.hook = undefined;
        });
        return result;
      };
    },
  };
}
