import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { root } from '../docs/documents.ts';
import type { TestServer } from '../harness.ts';
import { freePort } from '../services/free-port.ts';

const EXAMPLE = join(root, 'examples', 'mcp-server');

/** The machine's own settings of npm and its network, but nothing that the npm around this test says of its project. */
function ofMachine(): Record<string, string> {
  const isOther = (name: string) =>
    /^(?:npm_(?:package|lifecycle|config_local)|LATCHKEY|NODE_OPTIONS$|PORT$|VITEST)/.test(name);
  const entries = Object.entries(process.env).filter(([name, value]) => value !== undefined && !isOther(name));
  return Object.fromEntries(entries) as Record<string, string>;
}

/** Installs what the example needs, when it is not there or older than the lock. */
export async function installExample(): Promise<void> {
  const mark = join(EXAMPLE, 'node_modules', '.package-lock.json');
  const lock = join(EXAMPLE, 'package-lock.json');
  if (existsSync(mark) && statSync(mark).mtimeMs >= statSync(lock).mtimeMs) return;
  try {
    await promisify(execFile)('npm', ['ci', '--prefer-offline'], { cwd: EXAMPLE, env: ofMachine() });
  } catch (error) {
    throw new Error('examples/mcp-server could not be installed; `npm ci` there says why', { cause: error });
  }
}

/** The example, set up at a server and running. */
export interface McpServer {
  /** Where clients call it, which is the audience of its tokens. */
  resource: string;
  stop(): Promise<void>;
}

export async function startMcpServer(server: TestServer, env: Record<string, string> = {}): Promise<McpServer> {
  const port = await freePort();
  const resource = `http://localhost:${port}/mcp`;
  const own = { PORT: String(port), LATCHKEY_URL: server.issuer, RESOURCE: resource };
  const settings = { ...ofMachine(), ...own, LATCHKEY_ROOT_KEY: server.rootKey, ...env };
  await promisify(execFile)(process.execPath, ['setup.js'], { cwd: EXAMPLE, env: settings });
  const child = spawn(process.execPath, ['server.js'], {
    cwd: EXAMPLE,
    env: settings,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  for await (const line of createInterface(child.stdout)) {
    if (line === `The MCP server is at ${resource}`) break;
  }
  return {
    resource,
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** What the SDK keeps of a client, and of its tokens. */
export type Kept = Record<string, unknown> & { client_id?: string; access_token?: string; refresh_token?: string };

/** What an application that uses the SDK writes itself: where things are kept, and how a person is sent to their browser. */
export class Provider {
  information: Kept | undefined;
  kept: Kept | undefined;
  verifier = '';
  sentTo: URL | undefined;
  /** The next request asks the person, though the access could be renewed. */
  asksPerson = false;
  readonly clientMetadataUrl: string | undefined;
  readonly redirectUrl = 'http://localhost:33418/callback';
  readonly clientMetadata = {
    client_name: 'Assistant',
    redirect_uris: ['http://localhost/callback'],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  };

  constructor(clientMetadataUrl?: string) {
    this.clientMetadataUrl = clientMetadataUrl;
  }

  clientInformation() {
    return this.information;
  }

  saveClientInformation(information: Kept) {
    this.information = information;
  }

  tokens() {
    if (!this.asksPerson || !this.kept) return this.kept;
    const { refresh_token: _, ...rest } = this.kept;
    return rest;
  }

  saveTokens(tokens: Kept) {
    this.kept = tokens;
  }

  redirectToAuthorization(url: URL) {
    this.sentTo = url;
  }

  saveCodeVerifier(verifier: string) {
    this.verifier = verifier;
  }

  codeVerifier() {
    return this.verifier;
  }
}

interface Transport {
  finishAuth(code: string): Promise<void>;
  close(): Promise<void>;
}

interface ToolReply {
  isError?: boolean;
  content: { text: string }[];
}

interface Client {
  connect(transport: Transport): Promise<void>;
  listTools(): Promise<{ tools: { name: string }[] }>;
  callTool(call: { name: string; arguments?: object }): Promise<ToolReply>;
  close(): Promise<void>;
}

export interface Sdk {
  version: string;
  UnauthorizedError: new () => Error;
  newClient(): Client;
  newTransport(resource: string, provider: Provider): Transport;
}

/** The SDK as it was published, from the example's packages. */
export async function loadSdk(): Promise<Sdk> {
  const folder = join(EXAMPLE, 'node_modules', '@modelcontextprotocol', 'sdk');
  const load = (path: string) => import(pathToFileURL(join(folder, path)).href);
  const [{ Client }, { StreamableHTTPClientTransport }, { UnauthorizedError }, { default: about }] = await Promise.all([
    load('dist/esm/client/index.js'),
    load('dist/esm/client/streamableHttp.js'),
    load('dist/esm/client/auth.js'),
    import(pathToFileURL(join(folder, 'package.json')).href, { with: { type: 'json' } }),
  ]);
  return {
    version: about.version,
    UnauthorizedError,
    newClient: () => new Client({ name: 'assistant', version: '1.0.0' }),
    newTransport: (resource, provider) =>
      new StreamableHTTPClientTransport(new URL(resource), { authProvider: provider }),
  };
}
