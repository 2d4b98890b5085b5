/** In so many steps is the time measured that an answer may take. */
const STEPS = 5;

interface Call {
  since: number;
  giveUp(): void;
}

/**
 * Awaits answers for a bounded time. When one fails or is late, all that are awaited are given up at once: what they
 * wait for is lost. Time is counted in steps of a timer, so that it stands still while this process itself is held up:
 * an answer that has arrived meanwhile is read before it is missed.
 */
export class Patience {
  readonly #calls = new Set<Call>();
  readonly #timeoutMs: number;
  readonly #onLost: (cause: unknown) => void;
  #step = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(timeoutMs: number, onLost: (cause: unknown) => void) {
    this.#timeoutMs = timeoutMs;
    this.#onLost = onLost;
  }

  /** The answer, or `instead` when it is given up before it comes. */
  race<T>(answer: Promise<T>, instead: () => Promise<T>): Promise<T> {
    return new Promise((resolve) => {
      const call = { since: this.#step, giveUp: () => resolve(instead()) };
      this.#calls.add(call);
      this.#timer ??= this.#nextStep();
      answer.then(
        (value) => this.#calls.delete(call) && resolve(value),
        (cause) => this.#calls.has(call) && this.#lose(cause),
      );
    });
  }

  giveUpAll(): void {
    for (const call of this.#calls) {
      this.#calls.delete(call);
      call.giveUp();
    }
  }

  #lose(cause: unknown): void {
    this.#onLost(cause);
    this.giveUpAll();
  }

  /** Timers run before sockets are read; what is done after both sees every answer that has arrived. */
  #nextStep(): NodeJS.Timeout {
    return setTimeout(() => setImmediate(() => this.#look()), this.#timeoutMs / STEPS);
  }

  #look(): void {
    this.#step += 1;
    const [oldest] = this.#calls;
    this.#timer = oldest && this.#nextStep();
    if (oldest && this.#step - oldest.since >= STEPS) this.#lose(new Error(`no answer within ${this.#timeoutMs} ms`));
  }
}
