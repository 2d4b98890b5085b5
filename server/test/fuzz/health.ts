import { PATIENCE_MS } from './target.ts';
import { Connection } from './wire.ts';

/** Asks again and again whether the server answers, while others keep it busy. */
export interface HealthWatch {
  /** Ends the asking; gives what was wrong. */
  stop(): Promise<string[]>;
  readonly longestMs: number;
}

const INTERVAL_MS = 200;

export function watchHealth(port: number): HealthWatch {
  const connection = new Connection(port, PATIENCE_MS);
  const problems: string[] = [];
  let longestMs = 0;
  let stopping = false;
  const bytes = Buffer.from('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const ask = async () => {
    while (!stopping && problems.length === 0) {
      const startMs = performance.now();
      const outcome = await connection.send(bytes, false);
      longestMs = Math.max(longestMs, performance.now() - startMs);
      if (typeof outcome === 'string') problems.push(`/healthz: ${outcome}`);
      else if (outcome.status !== 200) problems.push(`/healthz: status ${outcome.status}`);
      await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
    }
  };
  const asking = ask().catch((error: Error) => void problems.push(`/healthz: ${error.message}`));
  return {
    get longestMs() {
      return longestMs;
    },
    stop: async () => {
      stopping = true;
      await asking;
      connection.close();
      return problems;
    },
  };
}
