/**
 * The registers of several HyperLogLogs together, one byte each: what PFCOUNT of several keys and PFMERGE work on. Four of them are
 * raised at a time, as one word (Lamport: "Multiple Byte Processing with Full-Word Instructions", 1975): none is greater than
 * 63, so the highest bit of each byte can tell which of two is the greater one.
 */

import { forEachRun, HLL_HEADER_BYTES, isDense, REGISTERS } from './hyperloglog.js'
import { COUNTS, countWords } from './hyperloglog-count.js'

const WORDS = REGISTERS / 4

export class Registers {
  readonly bytes = new Uint8Array(REGISTERS)
  /** Room for who counts registers by their value. */
  readonly counts = new Int32Array(COUNTS)
  private readonly words = new Int32Array(this.bytes.buffer)

  clear(): void {
    this.words.fill(0)
  }

  /** Raises all to those of a HyperLogLog; false where its runs are wrong. */
  raiseTo(u8: Uint8Array, at: number, length: number): boolean {
    if (isDense(u8, at)) {
      raiseWords(this.words, u8, at + HLL_HEADER_BYTES)
      return true
    }
    const { bytes } = this
    return forEachRun(u8, at, length, (index, run, value) => {
      for (let i = index; value > 0 && i < index + run; i++) if (value > bytes[i]!) bytes[i] = value
    })
  }

  /** Writes all to a dense HyperLogLog. */
  writeTo(u8: Uint8Array, at: number): void {
    const { words } = this
    let p = at + HLL_HEADER_BYTES
    for (let i = 0; i < WORDS; i++, p += 3) {
      const word = words[i]!
      const four = (word & 63) | ((word >> 2) & 0xfc0) | ((word >> 4) & 0x3f000) | ((word >> 6) & 0xfc0000)
      u8[p] = four
      u8[p + 1] = four >> 8
      u8[p + 2] = four >> 16
    }
  }

  /** How many different elements they have seen, roughly. */
  count(): number {
    return countWords(this.counts, this.words)
  }
}

/** Raises registers to those that begin at `u8[at]`, six bits each. */
function raiseWords(words: Int32Array, u8: Uint8Array, at: number): void {
  let p = at
  for (let i = 0; i < WORDS; i++, p += 3) {
    const four = u8[p]! | (u8[p + 1]! << 8) | (u8[p + 2]! << 16)
    const other = (four & 63) | ((four << 2) & 0x3f00) | ((four << 4) & 0x3f0000) | ((four << 6) & 0x3f000000)
    const word = words[i]!
    const greater = ((((other | 0x80808080) - word) | 0) >>> 7) & 0x01010101
    words[i] = word ^ ((word ^ other) & ((greater << 7) - greater))
  }
}
