/** Where things are. `resource` is the audience of this server's tokens, and the URL that clients are given: one text. */
export function readSettings(environment) {
  const port = Number(environment.PORT ?? 8081);
  return {
    port,
    issuer: environment.LATCHKEY_URL ?? 'http://localhost:4000',
    resource: environment.RESOURCE ?? `http://localhost:${port}/mcp`,
    /** A key with `tokens:introspect` in the workspace: then Latchkey is asked about each token. */
    introspectionKey: environment.INTROSPECTION_KEY ?? null,
    /** An API that a tool calls, with a credential of this server's own. */
    upstream: environment.UPSTREAM_KEY
      ? { url: environment.UPSTREAM_URL ?? 'http://localhost:4000/v1/projects', key: environment.UPSTREAM_KEY }
      : null,
  };
}
