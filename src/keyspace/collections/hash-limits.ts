/** How large a small hash may become: asked for with every field, so kept here, and read again when the configuration has changed. */

import type { Keyspace } from '../keyspace.js'

/** Digits of a 64-bit integer, its sign included. */
export const INTEGER_DIGITS_MAX = 20
/** Bytes that a time takes in a listpack at most. */
export const TIME_BYTES_MAX = 10

export class HashLimits {
  private readonly keyspace: Keyspace
  /** What told the limits: another function does when they are others. */
  private told: Keyspace['limit'] | null = null
  private mostEntries = 0
  private longestValue = 0

  constructor(keyspace: Keyspace) {
    this.keyspace = keyspace
  }

  entries(): number {
    if (this.told !== this.keyspace.limit) this.read()
    return this.mostEntries
  }

  value(): number {
    if (this.told !== this.keyspace.limit) this.read()
    return this.longestValue
  }

  private read(): void {
    const { limit } = this.keyspace
    this.told = limit
    this.mostEntries = limit('hash-max-listpack-entries')
    this.longestValue = limit('hash-max-listpack-value')
  }
}
