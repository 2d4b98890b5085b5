import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { type Route, route } from './route.ts';

/** Collects the document from the schemas that validate. Registered before the routes. */
export async function describeRoutes(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Latchkey',
        version,
        description: 'Issues, verifies, limits, rotates and revokes API credentials.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } as { name: string },
      },
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer' },
          apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
        },
      },
    },
  });
}

/** `/openapi.json` and `/openapi.yaml`, made on the first request for them. */
export function openapiRoutes(app: () => FastifyInstance, issuer: () => string): Route[] {
  let json: string | undefined;
  let yaml: string | undefined;
  const documentText = () => {
    const document = { ...app().swagger(), servers: [{ url: issuer() }] };
    json ??= JSON.stringify(document, null, 2);
    return json;
  };
  const shared = { method: 'GET', mounts: ['bare'], access: 'public', cors: 'public', tag: 'meta' } as const;
  return [
    route({
      ...shared,
      path: '/openapi.json',
      summary: 'This API as an OpenAPI 3.1 document',
      handler: ({ setHeader }) => {
        setHeader('content-type', 'application/json; charset=utf-8');
        return documentText();
      },
    }),
    route({
      ...shared,
      path: '/openapi.yaml',
      summary: 'This API as an OpenAPI 3.1 document, in YAML',
      handler: async ({ setHeader }) => {
        setHeader('content-type', 'application/yaml; charset=utf-8');
        const { stringify } = await import('yaml');
        yaml ??= stringify(JSON.parse(documentText()));
        return yaml;
      },
    }),
  ];
}
