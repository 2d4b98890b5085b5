/** The part of a `redis` client that is used here. */
interface Client {
  readonly isReady: boolean;
  connect(): Promise<unknown>;
  destroy(): void;
  sendCommand(args: string[]): Promise<unknown>;
}

/** A connection to Redis on which every command settles, whatever becomes of Redis. */
export interface RedisConnection {
  /** Rejects at once while there is no connection, and within seconds when Redis stops answering. */
  send(args: string[]): Promise<unknown>;
  close(): void;
}

const CONNECT_TIMEOUT_MS = 1000;
const MAX_RECONNECT_MS = 500;
const WATCH_MS = 1000;
const MAX_SILENT_WATCHES = 3;

/** Loaded only when Redis is used: a server without it starts without its client. */
async function loadClients(url: string): Promise<(onSign: () => void) => Client> {
  const { createClient } = await import('redis');
  return (onSign) => {
    const client = createClient({
      url,
      RESP: 2,
      disableOfflineQueue: true,
      disableClientInfo: true,
      maintNotifications: 'disabled',
      // The client's own timeouts end with the write, and cost a signal for each command.
      commandOptions: { timeout: 0 },
      socket: {
        connectTimeout: CONNECT_TIMEOUT_MS,
        reconnectStrategy: (retries) => Math.min(MAX_RECONNECT_MS, 50 * 2 ** Math.min(retries, 5)),
      },
    });
    client.on('ready', onSign);
    // Whoever sends a command hears of the error there; this keeps the process alive and the log quiet.
    client.on('error', onSign);
    client.connect().catch(() => {});
    return client;
  };
}

/**
 * Calls back when a client is silent for seconds though something is expected of it. A peer that vanished without a
 * word would hold commands for a quarter of an hour, until TCP gives up.
 */
class Watch {
  #waiting = 0;
  #signs = 0;
  #signsBefore = 0;
  #silentFor = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(isConnecting: () => boolean, onSilence: () => void) {
    this.#timer = setInterval(() => {
      const isSilent = this.#signs === this.#signsBefore && (this.#waiting > 0 || isConnecting());
      this.#signsBefore = this.#signs;
      this.#silentFor = isSilent ? this.#silentFor + 1 : 0;
      if (this.#silentFor < MAX_SILENT_WATCHES) return;
      this.#silentFor = 0;
      onSilence();
    }, WATCH_MS);
    this.#timer.unref();
  }

  sign(): void {
    this.#signs += 1;
  }

  async over<T>(answer: Promise<T>): Promise<T> {
    this.#waiting += 1;
    try {
      return await answer;
    } finally {
      this.#waiting -= 1;
      this.sign();
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** Opens it, and tries again for ever when it breaks; resolves with the first connection or the first failure. */
export async function connectRedis(url: string): Promise<RedisConnection> {
  const open = await loadClients(url);
  let client: Client;
  const watch = new Watch(
    () => !client.isReady,
    () => {
      client.destroy();
      client = open(() => watch.sign());
      firstSign();
    },
  );
  let firstSign = () => {};
  await new Promise<void>((resolve) => {
    firstSign = resolve;
    client = open(() => {
      watch.sign();
      resolve();
    });
  });
  return {
    send: (args) => watch.over(client.sendCommand(args)),
    close: () => {
      watch.stop();
      client.destroy();
    },
  };
}
