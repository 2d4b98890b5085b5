/**
 * `target`: the URL is none that may be asked. `address`: the name leads to an address that may not be reached.
 * `unresolved`, `unreachable`, `timeout`: nobody answered. `too_large`, `encoded`: the answer cannot be taken.
 */
export type OutboundRefusalReason =
  | 'target'
  | 'address'
  | 'unresolved'
  | 'unreachable'
  | 'timeout'
  | 'too_large'
  | 'encoded';

/** Why a request to somebody else was not made, or its answer not taken. The message names no address inside. */
export class OutboundRefusal extends Error {
  readonly reason: OutboundRefusalReason;

  constructor(reason: OutboundRefusalReason, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'OutboundRefusal';
    this.reason = reason;
  }
}
