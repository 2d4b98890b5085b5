import { StatementSync } from 'node:sqlite';
import { vi } from 'vitest';

/** Hears every statement that any SQLite of this process runs, from now on. */
export function watchSqlite(): { readonly statements: readonly string[]; stop(): void } {
  const statements: string[] = [];
  const spies = (['all', 'run'] as const).map((method) => {
    const original = StatementSync.prototype[method] as (...parameters: unknown[]) => never;
    return vi.spyOn(StatementSync.prototype, method).mockImplementation(function (this: StatementSync, ...parameters) {
      statements.push(this.sourceSQL);
      return original.apply(this, parameters);
    });
  });
  return {
    statements,
    stop: () => {
      for (const spy of spies) spy.mockRestore();
    },
  };
}
