/** One question that waits to be asked together with others like it. */
export interface Waiting<Question, Answer> {
  question: Question;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

export interface BatchesOptions<Question, Answer> {
  isAlike(a: Question, b: Question): boolean;
  /** One answer for each of the questions, which are alike, in their order. */
  ask(name: string, questions: readonly Question[]): Promise<readonly Answer[]>;
}

/** While one batch of a name is under way its later questions wait; then the next batch takes all that are alike. */
export class WaitingBatches<Question, Answer> {
  readonly #queues = new Map<string, Waiting<Question, Answer>[]>();
  readonly #options: BatchesOptions<Question, Answer>;

  constructor(options: BatchesOptions<Question, Answer>) {
    this.#options = options;
  }

  ask(name: string, question: Question): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const waiting = { question, resolve, reject };
      const queue = this.#queues.get(name);
      if (queue) {
        queue.push(waiting);
        return;
      }
      const opened = [waiting];
      this.#queues.set(name, opened);
      void this.#drain(name, opened);
    });
  }

  /** The first decides which the others of its batch are, so that none is passed over. */
  async #drain(name: string, queue: Waiting<Question, Answer>[]): Promise<void> {
    for (let [first] = queue; first !== undefined; [first] = queue) {
      const { question } = first;
      const batch = queue.filter((waiting) => this.#options.isAlike(waiting.question, question));
      const rest = queue.filter((waiting) => !this.#options.isAlike(waiting.question, question));
      queue.splice(0, queue.length, ...rest);
      await this.#settle(name, batch);
    }
    this.#queues.delete(name);
  }

  async #settle(name: string, batch: readonly Waiting<Question, Answer>[]): Promise<void> {
    try {
      const questions = batch.map(({ question }) => question);
      const answers = await this.#options.ask(name, questions);
      for (const [index, answer] of answers.entries()) batch[index]?.resolve(answer);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}
