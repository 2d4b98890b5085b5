/**
 * Runs what was left for after the commit. The write stands whatever becomes of a listener: one that throws is
 * reported, and neither the write nor the other listeners suffer.
 */
export function runListeners(listeners: readonly (() => void)[], onError: (error: unknown) => void): void {
  for (const listener of listeners) {
    try {
      listener();
    } catch (error) {
      onError(error);
    }
  }
}
