/**
 * Combining bitmaps bit by bit. They lie anywhere in the heap, none of them where a word begins; so pieces of them are copied into blocks
 * that do, which stay in the processor's nearest cache, and are combined there in words of 64 bits. V8 keeps those in registers as
 * long as nothing else is done with them than this: twice as fast as words of 32.
 */

export type BitOperation = 'and' | 'or' | 'xor' | 'not' | 'diff' | 'diff1' | 'andor' | 'one'

const BLOCK_BYTES = 16 * 1024
/**
 * From the beginning of a block to that of the next. Processors take a read for one of what was just written if the lower twelve bits of
 * both addresses agree, and wait; so where one block is written, another is not read.
 */
const BLOCK_DISTANCE = BLOCK_BYTES + 1024
/** Up to so many bytes are copied one by one: a view of them would cost more. */
const COPY_LOOP_MAX = 64
const NOTHING = new Uint8Array(0)

class Block {
  readonly words: BigUint64Array
  readonly bytes: Uint8Array

  constructor(buffer: ArrayBuffer, index: number) {
    this.words = new BigUint64Array(buffer, index * BLOCK_DISTANCE, BLOCK_BYTES / 8)
    this.bytes = new Uint8Array(buffer, index * BLOCK_DISTANCE, BLOCK_BYTES)
  }
}

/** One of the bitmaps to be combined; behind its end it is zero. */
class Source {
  private u8: Uint8Array = NOTHING
  private start = 0
  length = 0

  set(u8: Uint8Array, start: number, length: number): void {
    this.u8 = u8
    this.start = start
    this.length = length
  }

  /** Copies the `length` bytes from `offset` on into a block. */
  load(block: Block, offset: number, length: number): void {
    const there = Math.max(0, Math.min(length, this.length - offset))
    copy(block.bytes, 0, this.u8, this.start + offset, there)
    if (there < length) block.bytes.fill(0, there, length)
  }
}

function copy(to: Uint8Array, at: number, from: Uint8Array, start: number, length: number): void {
  if (length > COPY_LOOP_MAX) to.set(from.subarray(start, start + length), at)
  else for (let i = 0; i < length; i++) to[at + i] = from[start + i]!
}

/** The bitmaps are added one by one, then combined; this can be done again and again. */
export class BitCombiner {
  /** How many bytes the longest bitmap has. */
  length = 0
  private count = 0
  private readonly sources: Source[] = []
  private readonly buffer = new ArrayBuffer(3 * BLOCK_DISTANCE)
  private readonly result = new Block(this.buffer, 0)
  private readonly next = new Block(this.buffer, 1)
  private readonly more = new Block(this.buffer, 2)

  /** Forgets what was added. */
  clear(): void {
    for (let i = 0; i < this.count; i++) this.sources[i]!.set(NOTHING, 0, 0)
    this.count = 0
    this.length = 0
  }

  /** Adds the bitmap that is the `length` bytes from `u8[start]` on: they stay where they are until `combine` is done. */
  add(u8: Uint8Array, start: number, length: number): void {
    if (this.count === this.sources.length) this.sources.push(new Source())
    this.sources[this.count++]!.set(u8, start, length)
    if (length > this.length) this.length = length
  }

  /**
   * Writes the result, `length` bytes, to `to[at]`, which may be one of the bitmaps at the same place. `not` takes one bitmap; `diff` (in the
   * first and in no other), `diff1` (in another and not in the first) and `andor` (in the first and in another) at least
   * two; `one` is what exactly one has.
   */
  combine(operation: BitOperation, to: Uint8Array, at: number): void {
    const { length, result } = this
    for (let offset = 0; offset < length; offset += BLOCK_BYTES) {
      const bytes = Math.min(BLOCK_BYTES, length - offset)
      this.combineBlock(operation, offset, bytes)
      copy(to, at + offset, result.bytes, 0, bytes)
    }
  }

  /** The same of up to a block's bytes from `offset` on, into `result`. */
  private combineBlock(operation: BitOperation, offset: number, bytes: number): void {
    const { sources, result, next, more } = this
    const words = wordsOf(bytes)
    const firstLast = operation === 'diff' || operation === 'diff1' || operation === 'andor'
    const begin = firstLast ? 1 : 0
    sources[begin]!.load(result, offset, bytes)
    if (operation === 'one') more.bytes.fill(0, 0, words * 8)
    for (let i = begin + 1; i < this.count; i++) {
      sources[i]!.load(next, offset, bytes)
      if (operation === 'and') and(result.words, next.words, words)
      else if (operation === 'xor') xor(result.words, next.words, words)
      else if (operation === 'one') tally(result.words, more.words, next.words, words)
      else or(result.words, next.words, words)
    }
    if (operation === 'not') this.turn(words)
    else if (operation === 'one') without(result.words, more.words, words)
    else if (firstLast) {
      sources[0]!.load(next, offset, bytes)
      if (operation === 'andor') and(result.words, next.words, words)
      else if (operation === 'diff1') without(result.words, next.words, words)
      else {
        // In the first and not in the others.
        without(next.words, result.words, words)
        copy(result.bytes, 0, next.bytes, 0, bytes)
      }
    }
  }

  /** Turns the result's bits round. */
  private turn(words: number): void {
    const { result, next } = this
    next.bytes.fill(0xff, 0, words * 8)
    xor(result.words, next.words, words)
  }
}

/** How many words hold so many bytes: a multiple of eight, which the loops below take at a time. */
function wordsOf(bytes: number): number {
  return ((bytes + 63) >>> 6) << 3
}

function and(a: BigUint64Array, b: BigUint64Array, count: number): void {
  for (let i = 0; i < count; i += 8) {
    a[i]! &= b[i]!
    a[i + 1]! &= b[i + 1]!
    a[i + 2]! &= b[i + 2]!
    a[i + 3]! &= b[i + 3]!
    a[i + 4]! &= b[i + 4]!
    a[i + 5]! &= b[i + 5]!
    a[i + 6]! &= b[i + 6]!
    a[i + 7]! &= b[i + 7]!
  }
}

function or(a: BigUint64Array, b: BigUint64Array, count: number): void {
  for (let i = 0; i < count; i += 8) {
    a[i]! |= b[i]!
    a[i + 1]! |= b[i + 1]!
    a[i + 2]! |= b[i + 2]!
    a[i + 3]! |= b[i + 3]!
    a[i + 4]! |= b[i + 4]!
    a[i + 5]! |= b[i + 5]!
    a[i + 6]! |= b[i + 6]!
    a[i + 7]! |= b[i + 7]!
  }
}

function xor(a: BigUint64Array, b: BigUint64Array, count: number): void {
  for (let i = 0; i < count; i += 8) {
    a[i]! ^= b[i]!
    a[i + 1]! ^= b[i + 1]!
    a[i + 2]! ^= b[i + 2]!
    a[i + 3]! ^= b[i + 3]!
    a[i + 4]! ^= b[i + 4]!
    a[i + 5]! ^= b[i + 5]!
    a[i + 6]! ^= b[i + 6]!
    a[i + 7]! ^= b[i + 7]!
  }
}

/** In `a` what is not in `b`. */
function without(a: BigUint64Array, b: BigUint64Array, count: number): void {
  for (let i = 0; i < count; i++) a[i] = (a[i]! | b[i]!) ^ b[i]!
}

/** In `once` what was set in one block so far, in `more` what was in several. */
function tally(once: BigUint64Array, more: BigUint64Array, next: BigUint64Array, count: number): void {
  for (let i = 0; i < count; i++) {
    more[i]! |= once[i]! & next[i]!
    once[i]! |= next[i]!
  }
}
