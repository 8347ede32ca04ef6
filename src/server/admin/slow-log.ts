/** The slow log: the last commands that took long, the newest first. */

import { utf8 } from '../../bytes/ascii.js'
import type { Args } from '../../resp/args.js'

const ARGUMENTS_MAX = 32
const ARGUMENT_BYTES_MAX = 128

export interface SlowEntry {
  readonly id: number
  /** When it ended, in seconds since 1970. */
  readonly at_s: number
  readonly usec: number
  /** Its arguments, long ones and many of them cut. */
  readonly words: readonly Uint8Array[]
  readonly address: string
  readonly name: string
}

export class SlowLog {
  /** From the oldest on; those before `oldest` are gone. */
  private entries: (SlowEntry | null)[] = []
  private oldest = 0
  private nextId = 0

  /** Notes a command; at most `limit` entries are kept. `hidden` says which arguments must not be shown. */
  add(
    args: Args,
    hidden: (index: number) => boolean,
    usec: number,
    at_s: number,
    address: string,
    name: string,
    limit: number,
  ): void {
    const words = wordsOf(args, hidden)
    this.entries.push({ id: this.nextId++, at_s, usec, words, address, name })
    this.trim(limit)
  }

  trim(limit: number): void {
    while (this.length > limit) this.entries[this.oldest++] = null
    // Moved only when that is half of them, so that each is moved once on average.
    if (this.oldest * 2 <= this.entries.length) return
    this.entries = this.entries.slice(this.oldest)
    this.oldest = 0
  }

  get length(): number {
    return this.entries.length - this.oldest
  }

  /** The newest `count` entries, the newest first. */
  newest(count: number): readonly SlowEntry[] {
    const { entries, oldest } = this
    const found: SlowEntry[] = []
    for (let i = entries.length - 1; i >= oldest && found.length < count; i--) found.push(entries[i]!)
    return found
  }

  reset(): void {
    this.entries = []
    this.oldest = 0
  }
}

function wordsOf(args: Args, hidden: (index: number) => boolean): Uint8Array[] {
  const count = Math.min(args.count, ARGUMENTS_MAX)
  const words: Uint8Array[] = []
  for (let i = 0; i < count; i++) {
    if (count !== args.count && i === count - 1) {
      words.push(utf8(`... (${args.count - count + 1} more arguments)`))
    } else if (hidden(i)) {
      words.push(utf8('(redacted)'))
    } else if (args.length(i) > ARGUMENT_BYTES_MAX) {
      const start = args.buf.subarray(args.start(i), args.start(i) + ARGUMENT_BYTES_MAX)
      const rest = utf8(`... (${args.length(i) - ARGUMENT_BYTES_MAX} more bytes)`)
      const word = new Uint8Array(start.length + rest.length)
      word.set(start)
      word.set(rest, start.length)
      words.push(word)
    } else {
      words.push(args.copy(i))
    }
  }
  return words
}
