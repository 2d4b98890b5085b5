import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { guard } from './guard.js';
import { createVerifier } from './tokens.js';
import { createTools, FIRST_SCOPES, SCOPES } from './tools.js';

const METADATA = '/.well-known/oauth-protected-resource';

/** RFC 9728 §2: who protects this server. `resource` is the URL that clients call, letter for letter. */
function metadataOf({ resource, issuer }) {
  return {
    resource,
    authorization_servers: [issuer],
    scopes_supported: SCOPES,
    bearer_methods_supported: ['header'],
    resource_name: 'Notes',
  };
}

/** One MCP server and one transport for each request: nothing is kept between them but the notes. */
function answering(context) {
  return async (request, response) => {
    const server = createTools(context);
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined, enableJsonResponse: true });
    response.on('close', () => {
      transport.close();
      server.close();
    });
    await server.connect(transport);
    await transport.handleRequest(request, response, request.body);
  };
}

export function createApp(settings) {
  const app = createMcpExpressApp();
  const { pathname, origin } = new URL(settings.resource);
  const path = METADATA + (pathname === '/' ? '' : pathname);
  // RFC 9728 §3.1: the well-known path goes between host and path. A page in a browser may read it.
  app.get(path, (_request, response) => {
    response.set('Access-Control-Allow-Origin', '*').json(metadataOf(settings));
  });
  const protect = guard({ verify: createVerifier(settings), metadataUrl: origin + path, firstScopes: FIRST_SCOPES });
  app.post(pathname, protect, answering({ notes: new Map(), upstream: settings.upstream }));
  app.all(pathname, protect, (_request, response) => {
    response.set('Allow', 'POST').status(405).end();
  });
  app.use((error, _request, response, _next) => {
    process.stderr.write(`${error.message}\n`);
    response.status(503).json({ error: 'temporarily_unavailable' });
  });
  return app;
}
