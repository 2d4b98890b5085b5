import FindMyWay from 'find-my-way';
import type { ErrorFormat } from './render-failure.ts';
import type { Mount } from './route.ts';

/** Which methods a path answers: what tells a wrong method (405) from a wrong path (404), and what OPTIONS says. */
export interface PathTable {
  add(path: string, method: string, isPublic: boolean): void;
  find(url: string): { methods: string[]; isPublic: boolean } | null;
}

interface Entry {
  methods: Set<string>;
  isPublic: boolean;
}

/** A request may name its whole URL (RFC 9112 §3.2.2): the path of either form, without the query. */
function pathOf(url: string): string {
  return url.replace(/^https?:\/\/[^/?]*/i, '').split('?', 1)[0] || '/';
}

export function createPathTable(): PathTable {
  const router = FindMyWay();
  const entries = new Map<string, Entry>();
  return {
    add: (path, method, isPublic) => {
      let entry = entries.get(path);
      if (!entry) {
        entry = { methods: new Set(), isPublic };
        entries.set(path, entry);
        router.on('GET', path, () => {}, entry);
      }
      entry.methods.add(method);
      if (method === 'GET') entry.methods.add('HEAD');
    },
    find: (url) => {
      const entry = router.find('GET', pathOf(url))?.store as Entry | undefined;
      return entry ? { methods: [...entry.methods, 'OPTIONS'].sort(), isPublic: entry.isPublic } : null;
    },
  };
}

export function mountedPath(mount: Mount, path: string): string {
  return mount === 'bare' ? path : `/${mount}${path}`;
}

/** The router takes `/%76%31/projects` for `/v1/projects`, so its errors are those of `/v1`. */
function decodedAsRouted(path: string): string {
  if (!path.includes('%')) return path;
  try {
    return decodeURI(path);
  } catch {
    return path;
  }
}

/** The path that the router finds behind a target. */
export const routedPath = (url: string): string => decodedAsRouted(pathOf(url));

const OAUTH_PATH = /^\/(?:oauth\/(?!applications)|authorize$|token$)/;

/** The shape of errors at a path; unversioned ones follow `X-API-Version`, 2.0 unless said. */
export function errorFormatOf(url: string, version: unknown): ErrorFormat {
  const path = routedPath(url);
  if (path.startsWith('/v1/') || path === '/v1') return 'v1';
  if (path.startsWith('/v2/') || path === '/v2') return 'v2';
  if (OAUTH_PATH.test(path)) return 'oauth';
  return version === '1.0' ? 'v1' : 'v2';
}

export const API_VERSIONS = ['1.0', '2.0'];
