import type { Config } from './config/index.ts';

/** The public base URL, which in development may depend on the port that the system gives. */
export interface BoundIssuer {
  issuer(): string;
  setBoundPort(port: number): void;
}

export function issuerOf(config: Config): BoundIssuer {
  let port = config.port;
  const scheme = config.tls ? 'https' : 'http';
  return {
    issuer: () => config.issuer ?? `${scheme}://localhost:${port}`,
    setBoundPort: (bound) => {
      port = bound;
    },
  };
}
