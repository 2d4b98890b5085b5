/** What a server that has just begun to listen says of itself. */
export interface Ready {
  url: string;
  issuer: string;
  dataDir: string;
  isSecure: boolean;
  rootKey: string | null;
  first: {
    workspaceId: string;
    owner: { email: string; password: string };
    testKey: string;
    application: { clientId: string; clientSecret: string } | null;
  } | null;
  sandbox: boolean;
}

function curlOf({ url, isSecure, first, sandbox }: Ready): string | null {
  if (!first) return null;
  const path = sandbox ? '/v1/projects' : '/v1/auth/verify';
  return `curl ${isSecure ? '--insecure ' : ''}-H "Authorization: Bearer ${first.testKey}" ${url}${path}`;
}

function firstJson({ workspaceId, owner, testKey, application }: NonNullable<Ready['first']>) {
  return {
    workspace_id: workspaceId,
    owner,
    test_key: testKey,
    ...(application
      ? { application: { client_id: application.clientId, client_secret: application.clientSecret } }
      : {}),
  };
}

/** One line of JSON (contract §2): the secrets of a first start, and never again. */
export function readyJson(ready: Ready): string {
  const { url, issuer, first, rootKey } = ready;
  const curl = curlOf(ready);
  return JSON.stringify({
    url,
    issuer,
    first_start: first !== null,
    ...(rootKey ? { root_key: rootKey } : {}),
    ...(first ? firstJson(first) : {}),
    ...(curl ? { curl } : {}),
  });
}

/** The same for people. */
export function readyText(ready: Ready): string {
  const { url, dataDir, first, rootKey } = ready;
  const lines = ['', `Latchkey is running at ${url}`, `Data is in ${dataDir}`, ''];
  const made: [string, string][] = [];
  if (rootKey) made.push(['Root key', rootKey]);
  if (first) {
    made.push(['Workspace', first.workspaceId], ['Owner', first.owner.email], ['Password', first.owner.password]);
    made.push(['Test key', first.testKey]);
    const { application } = first;
    if (application) made.push(['Demo app', application.clientId], ['Its secret', application.clientSecret]);
  }
  if (made.length > 0) {
    lines.push('Made on this first start, and shown only now:');
    lines.push(...made.map(([name, value]) => `  ${name.padEnd(11)}${value}`), '');
  }
  const curl = curlOf(ready);
  if (curl) lines.push('Try it:', `  ${curl}`, '');
  lines.push('Stop with Ctrl-C.', '');
  return lines.join('\n');
}
