import { chownSync, cpSync, mkdtempSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findBinary } from '../services/find-binary.ts';
import { type Service, startService } from '../services/service.ts';
import { unprivilegedUser } from '../services/unprivileged-user.ts';

export const deploy = fileURLToPath(new URL('../../../deploy', import.meta.url));

export type ProxyName = 'nginx' | 'caddy';
export const PROXIES: readonly ProxyName[] = ['nginx', 'caddy'];

export interface Behind {
  gatePort: number;
  appPort: number;
}

export interface ProxyOptions {
  /** Lines for `http` of nginx, before those that ship; the folder may be written to. */
  http?: (folder: string) => string;
  /** Speak HTTP/2 without TLS, and with nginx nothing else. */
  http2?: boolean;
  /** What an operator does to site.conf or the Caddyfile, which are there to be changed. */
  edit?: (text: string) => string;
}

const unchanged = (text: string) => text;
const portIn = (url: string) => Number(new URL(url).port);

function answers(url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(portIn(url), '127.0.0.1', () => {
      socket.destroy();
      resolve();
    });
    socket.on('error', reject);
  });
}

const user = unprivilegedUser();

function ownFolder(name: ProxyName): string {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), `latchkey-${name}-`));
  if (user) chownSync(folder, user.uid, user.gid);
  return folder;
}

/** What surrounds site.conf on every machine; for a folder of its own, and for a user who is not root. */
function nginxConf(folder: string, http: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${join(folder, name)};`)
    .join(' ');
  return `daemon off; worker_processes 1; pid ${join(folder, 'nginx.pid')}; error_log stderr warn;
events { worker_connections 256; }
http { access_log off; ${temporary} ${http}
include site.conf; }\n`;
}

/** site.conf with its three addresses changed, as its first lines tell the reader to; latchkey/ as it ships. */
function nginxSite(site: string, { gatePort, appPort }: Behind, port: number): string {
  return site
    .replace('server 127.0.0.1:4000;', `server 127.0.0.1:${gatePort};`)
    .replace('server 127.0.0.1:8080;', `server 127.0.0.1:${appPort};`)
    .replace('listen 80', `listen 127.0.0.1:${port}`);
}

function startNginx(behind: Behind, { http = () => '', edit = unchanged, http2 }: ProxyOptions): Promise<Service> {
  const folder = ownFolder('nginx');
  const binary = findBinary({ name: 'nginx', also: ['/usr/sbin', '/usr/local/sbin'], debianPackage: 'nginx' });
  cpSync(join(deploy, 'nginx/latchkey'), join(folder, 'latchkey'), { recursive: true });
  writeFileSync(join(folder, 'nginx.conf'), nginxConf(folder, http(folder)));
  const shipped = readFileSync(join(deploy, 'nginx/site.conf'), 'utf8');
  const site = edit(http2 ? shipped.replace('listen 80;', 'listen 80 http2;') : shipped);
  return startService({
    name: 'nginx',
    folder,
    ...(user && { user }),
    binary,
    args: (port) => {
      writeFileSync(join(folder, 'site.conf'), nginxSite(site, behind, port));
      return ['-c', join(folder, 'nginx.conf'), '-e', 'stderr'];
    },
    url: (port) => `http://127.0.0.1:${port}`,
    stopSignal: 'SIGTERM',
    ping: answers,
  });
}

function startCaddy({ gatePort, appPort }: Behind, { edit = unchanged, http2 }: ProxyOptions): Promise<Service> {
  const folder = ownFolder('caddy');
  const binary = findBinary({ name: 'caddy', also: ['/usr/bin', '/usr/local/bin'], debianPackage: 'caddy' });
  cpSync(join(deploy, 'caddy'), folder, { recursive: true });
  writeFileSync(join(folder, 'Caddyfile'), edit(readFileSync(join(deploy, 'caddy/Caddyfile'), 'utf8')));
  // Caddy opens an administration port, which every other Caddy on this machine wants too.
  const protocols = http2 ? '\tservers {\n\t\tprotocols h1 h2c\n\t}\n' : '';
  const own = `{\n\tadmin off\n\tdefault_bind 127.0.0.1\n${protocols}}\n`;
  writeFileSync(join(folder, 'test.caddy'), `${own}import Caddyfile\n`);
  return startService({
    name: 'Caddy',
    folder,
    ...(user && { user }),
    binary,
    args: () => ['run', '--config', join(folder, 'test.caddy'), '--adapter', 'caddyfile'],
    env: (port) => ({
      HOME: folder,
      XDG_DATA_HOME: folder,
      XDG_CONFIG_HOME: folder,
      SITE_ADDRESS: `http://:${port}`,
      GATE_ADDRESS: `127.0.0.1:${gatePort}`,
      APP_ADDRESS: `127.0.0.1:${appPort}`,
    }),
    url: (port) => `http://127.0.0.1:${port}`,
    stopSignal: 'SIGTERM',
    ping: answers,
  });
}

/** A real proxy with the files that ship, on a free port of 127.0.0.1. */
export function startProxy(name: ProxyName, behind: Behind, options: ProxyOptions = {}): Promise<Service> {
  return name === 'nginx' ? startNginx(behind, options) : startCaddy(behind, options);
}
