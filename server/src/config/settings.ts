/** One row a setting: what `latchkey help settings`, the docs and the check for misspelt names are made from. */
export interface Setting {
  name: string;
  default: string;
  description: string;
  /** May be a `file:` or `env:` reference, and is never shown. */
  secret?: true;
}

export const SETTINGS: readonly Setting[] = [
  { name: 'HOST', default: '127.0.0.1', description: 'Address to listen on.' },
  { name: 'PORT', default: '4000', description: 'Port to listen on; 0 takes a free one.' },
  {
    name: 'LATCHKEY_MODE',
    default: 'development',
    description: 'development or production; must be set when HOST is not a loopback address.',
  },
  {
    name: 'LATCHKEY_DATA_DIR',
    default: './.latchkey',
    description: 'Folder for the SQLite file and generated secrets.',
  },
  {
    name: 'LATCHKEY_ISSUER',
    default: 'http://localhost: and the port',
    description: 'The public URL of this server: the only source of absolute URLs. Production needs https.',
  },
  {
    name: 'LATCHKEY_DATABASE_URL',
    default: 'a SQLite file in the data dir',
    description: 'postgres://… for PostgreSQL, or sqlite:/path for a file elsewhere.',
    secret: true,
  },
  {
    name: 'LATCHKEY_REDIS_URL',
    default: 'none',
    description: 'redis://… or rediss://… (Redis 7 or newer, or Valkey): counts limits for all processes.',
    secret: true,
  },
  {
    name: 'LATCHKEY_LIMITS_ON_OUTAGE',
    default: 'local',
    description: 'When counters are lost: local (each process counts alone), open (calls pass) or closed (503).',
  },
  {
    name: 'LATCHKEY_ROOT_KEY',
    default: 'made on first start in development',
    description: "The operator's key, lk_root_…; two, comma-separated, while rotating.",
    secret: true,
  },
  {
    name: 'LATCHKEY_ENCRYPTION_KEYS',
    default: 'made on first start in development',
    description: 'Comma list of id:base64(32 bytes); the first encrypts, all decrypt.',
    secret: true,
  },
  {
    name: 'LATCHKEY_TRUST_PROXY',
    default: 'nobody',
    description: 'Proxies whose X-Forwarded-For is believed: a hop count, or a comma list of CIDRs.',
  },
  {
    name: 'LATCHKEY_OUTBOUND_ALLOW',
    default: 'loopback in development, none in production',
    description:
      'CIDRs that key sets of other issuers, documents of clients and webhooks may lead to though they are not public, without TLS too. Names that DNS does not have are then looked up as the system does, in /etc/hosts too.',
  },
  {
    name: 'LATCHKEY_TLS_CERT',
    default: 'none',
    description: 'PEM file; with LATCHKEY_TLS_KEY serves HTTPS and HTTP/2.',
  },
  { name: 'LATCHKEY_TLS_KEY', default: 'none', description: 'PEM file of the private key.' },
  {
    name: 'LATCHKEY_ERROR_DETAIL',
    default: 'full',
    description: 'full, or general: /v1 errors name only their class (unauthorized, forbidden, rate_limited).',
  },
  { name: 'LATCHKEY_LOG_LEVEL', default: 'info', description: 'trace, debug, info, warn, error, fatal or silent.' },
  {
    name: 'LATCHKEY_SANDBOX',
    default: 'on in development, off in production',
    description: 'on or off: the example API under /v1/projects, /v1/orders, /v1/data.',
  },
  {
    name: 'LATCHKEY_SIGN_UP',
    default: 'open in development, invitation in production',
    description: 'open, invitation or closed: who may make an account by themselves.',
  },
  {
    name: 'LATCHKEY_CLIENT_REGISTRATION',
    default: 'open in development, token in production',
    description:
      'Which OAuth clients may register themselves at /oauth/register: open (any), token (who brings a key with applications:write) or off. With off, documents at the URL of a client are not read either.',
  },
  {
    name: 'LATCHKEY_PASSWORD_LOGIN',
    default: 'on in development, off in production',
    description: 'on or off: login by password and API for your own apps, under /v1/auth/login.',
  },
  {
    name: 'LATCHKEY_SMTP_URL',
    default: 'none',
    description: 'smtp://user:password@host:587 or smtps://…; without it, development keeps mails for /dev/mail.',
    secret: true,
  },
  {
    name: 'LATCHKEY_MAIL_FROM',
    default: 'Latchkey <no-reply@ and the host of the issuer>',
    description: 'What mails come from: an address, or a name and an address.',
  },
  {
    name: 'LATCHKEY_BRAND_NAME',
    default: 'Latchkey',
    description: 'What the pages call this service.',
  },
  {
    name: 'LATCHKEY_BRAND_COLOR',
    default: "Latchkey's green",
    description: 'Color of buttons and links on the pages, as #rrggbb; shaded where it would be hard to read.',
  },
  {
    name: 'LATCHKEY_BRAND_LOGO',
    default: 'none',
    description: 'Logo on the pages: an SVG, PNG, JPEG or WebP file of at most 256 KiB, or an https URL.',
  },
  {
    name: 'LATCHKEY_MAX_STALE',
    default: '5s',
    description: 'How long cached credentials may answer when the database cannot be heard.',
  },
];
