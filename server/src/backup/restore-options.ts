import type { AftermathOptions } from './aftermath.ts';

export interface RestoreOptions extends AftermathOptions {
  /** Move what is there aside. */
  force: boolean;
}
