import { connect, type Socket } from 'node:net';

/** One reply as it stood on the wire. */
export interface WireReply {
  status: number;
  /** By name in lower case; lines of one name are joined with a comma. */
  headers: ReadonlyMap<string, string>;
  text: string;
}

/** Bytes that are no HTTP reply. */
export class NotAReply extends Error {}

/** Cuts a stream of bytes into replies; `isHead` says of each next reply whether it comes without its body. */
export class ReplyReader {
  #bytes: Buffer = Buffer.alloc(0);
  readonly #isHead: () => boolean;

  constructor(isHead: () => boolean = () => false) {
    this.#isHead = isHead;
  }

  get isEmpty(): boolean {
    return this.#bytes.length === 0;
  }

  /** The replies that are whole by now; what is announced (1xx) is skipped. */
  read(chunk: Buffer): WireReply[] {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    const replies: WireReply[] = [];
    for (let reply = this.#next(); reply !== undefined; reply = this.#next()) {
      if (reply.status >= 200) replies.push(reply);
    }
    return replies;
  }

  #next(): WireReply | undefined {
    const headEnd = this.#bytes.indexOf('\r\n\r\n');
    if (headEnd === -1) return undefined;
    const [line = '', ...lines] = this.#bytes.toString('latin1', 0, headEnd).split('\r\n');
    const status = Number(/^HTTP\/1\.1 (\d{3})(?: |$)/.exec(line)?.[1]);
    if (Number.isNaN(status)) throw new NotAReply(`not a status line: ${JSON.stringify(line.slice(0, 200))}`);
    const headers = headersOf(lines);
    const start = headEnd + 4;
    if (status < 200 || status === 204 || status === 304) return this.#take(start, start, status, headers);
    const length = Number(headers.get('content-length') ?? Number.NaN);
    if (!Number.isSafeInteger(length)) throw new NotAReply(`a reply without a Content-Length: ${line}`);
    if (this.#isHead()) return this.#take(start, start, status, headers);
    return this.#bytes.length < start + length ? undefined : this.#take(start, start + length, status, headers);
  }

  #take(start: number, end: number, status: number, headers: Map<string, string>): WireReply {
    const text = this.#bytes.toString('utf8', start, end);
    this.#bytes = this.#bytes.subarray(end);
    return { status, headers, text };
  }
}

function headersOf(lines: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon < 1) throw new NotAReply(`not a header line: ${JSON.stringify(line.slice(0, 200))}`);
    const name = line.slice(0, colon).toLowerCase();
    const known = headers.get(name);
    const value = line.slice(colon + 1).trim();
    headers.set(name, known === undefined ? value : `${known}, ${value}`);
  }
  return headers;
}

/** `reset` and `closed`: the server ended the connection without a reply. */
export type Outcome = WireReply | 'reset' | 'closed' | 'no answer';

interface Waiting {
  isHead: boolean;
  resolve(outcome: Outcome): void;
  reject(error: Error): void;
}

/** One keep-alive connection that carries one request at a time, and is opened again when the server ended it. */
export class Connection {
  readonly #port: number;
  readonly #timeoutMs: number;
  #socket: Socket | undefined;
  #waiting: Waiting | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(port: number, timeoutMs: number) {
    this.#port = port;
    this.#timeoutMs = timeoutMs;
  }

  send(bytes: Buffer, isHead: boolean): Promise<Outcome> {
    return new Promise<Outcome>((resolve, reject) => {
      this.#waiting = { isHead, resolve, reject };
      const giveUp = () => this.#settle((waiting) => waiting.resolve('no answer'), true);
      this.#timer = setTimeout(giveUp, this.#timeoutMs);
      this.#socket ??= this.#open();
      this.#socket.write(bytes);
    });
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  #settle(how: (waiting: Waiting) => void, ends: boolean): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    clearTimeout(this.#timer);
    if (ends) this.close();
    if (waiting) how(waiting);
  }

  #open(): Socket {
    const socket = connect(this.#port, '127.0.0.1').setNoDelay(true);
    const reader = new ReplyReader(() => this.#waiting?.isHead ?? false);
    let isReset = false;
    socket.on('data', (chunk) => {
      try {
        const [reply, ...more] = reader.read(chunk);
        if (reply === undefined) return;
        // Of bytes that it could not read, the server does not know that they asked for no body.
        const isUnread = this.#waiting?.isHead && reply.status >= 400 && reply.headers.get('connection') === 'close';
        if (more.length > 0 || !(reader.isEmpty || isUnread)) throw new NotAReply('more came back than was asked for');
        this.#settle(({ resolve }) => resolve(reply), reply.headers.get('connection') === 'close');
      } catch (error) {
        this.#settle(({ reject }) => reject(error as Error), true);
      }
    });
    socket.on('error', () => {
      isReset = true;
    });
    socket.on('close', () => {
      if (this.#socket === socket) this.#settle(({ resolve }) => resolve(isReset ? 'reset' : 'closed'), true);
    });
    return socket;
  }
}
