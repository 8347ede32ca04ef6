/**
 * An entry: one key with its value, expiry and access clock, in one block of the byte heap.
 *
 *     word 0   type (4 bits), encoding (4), flags (8), snapshot generation (8), length of the key in bytes (8)
 *     word 1   access clock: seconds (24 bits) for LRU, or minutes (16) and a counter (8) for LFU
 *     word 2   length of the value that follows the key, in bytes
 *     8 bytes  expiry, milliseconds since 1970 as a 64-bit integer, low word first, if flag EXPIRES
 *     8 bytes  handles of the next and the previous entry of the same slot, if flag LINKED (cluster mode)
 *     4 bytes  length of the key, if flag LONG_KEY: it is 255 or more, and word 0 says 255
 *     the key's bytes, then the value's
 *
 * Twelve bytes and no more, because a look-up costs what the cache misses cost: most entries of a cache of sessions or
 * counters are then 32 bytes, two to a cache line, and none straddles two.
 *
 * A string's value stands there as ASCII or whatever bytes the client sent, also when it is an integer: then GET is
 * a copy. The value of a larger type is a few bytes that name its structure's blocks.
 *
 * Types and encodings have the numbers that Redis gives them.
 */

import { parseInt64, parseInteger } from '../bytes/ascii.js'
import { type ByteHeap, byteOf, chunkOf, wordOf } from '../bytes/heap.js'
import { highWord, type Int64, int64OfWords, lowWord } from '../bytes/int64.js'
import { halfSipHash, halfSipHashIn, halfSipHashWords } from '../bytes/siphash.js'
import { sameWords, wordsAre } from '../bytes/words.js'
import type { KeyBatch } from './key-batch.js'
import type { TableKeys } from './table.js'

export const STRING = 0
export const LIST = 1
export const SET = 2
export const ZSET = 3
export const HASH = 4
export const STREAM = 6

export const RAW = 0
export const INT = 1
export const HASHTABLE = 2
export const INTSET = 6
export const SKIPLIST = 7
export const EMBSTR = 8
export const QUICKLIST = 9
export const STREAM_ENCODING = 10
export const LISTPACK = 11

export const EXPIRES = 1
export const LINKED = 2
const LONG_KEY = 4

export const NO_EXPIRY = -1
/** A string of up to this many bytes is called `embstr` by OBJECT ENCODING when it was set as a whole. */
export const EMBSTR_BYTES_MAX = 44
const HEADER_BYTES = 12
/** What word 0 says of a key of this length, and of any longer one. */
const LONG_KEY_BYTES = 255
const EXPIRY_WORD = HEADER_BYTES >>> 2
const WORD = 2 ** 32
/** Nothing of this is set in word 0 of a string that does not expire and has no long key. */
const PLAIN_MASK = 15 | ((EXPIRES | LONG_KEY) << 8)
const NOTHING = new Uint8Array(0)
/** More than the keys and elements that are usually read ahead together. A power of two. */
const KNOWN_HASHES = 512
const KNOWN_SHIFT = 32 - Math.log2(KNOWN_HASHES)
/** The longest key or value, and the most of both together. */
export const ENTRY_BYTES_MAX = 0x7ffe0000

/** Where the hash of what starts there is kept: Fibonacci hashing (Knuth, The Art of Computer Programming 3, 6.4). */
function knownPlace(start: number): number {
  return Math.imul(start, 0x9e3779b1) >>> KNOWN_SHIFT
}

export class Entries implements TableKeys {
  readonly heap: ByteHeap
  private readonly k0: number
  private readonly k1: number
  /** Hashes that are known in advance, of ranges of one buffer, each at a place that its start gives: see `knowHash`. */
  private knownBuf: Uint8Array = NOTHING
  private readonly knownStarts = new Int32Array(KNOWN_HASHES).fill(-1)
  private readonly knownEnds = new Int32Array(KNOWN_HASHES)
  private readonly knownHashes = new Int32Array(KNOWN_HASHES)

  /** `k0` and `k1` are secret random 32-bit integers: the key of the hash. */
  constructor(heap: ByteHeap, k0: number, k1: number) {
    this.heap = heap
    this.k0 = k0
    this.k1 = k1
  }

  hash(buf: Uint8Array, start: number, end: number): number {
    if (buf === this.knownBuf) {
      const at = knownPlace(start)
      if (this.knownStarts[at] === start && this.knownEnds[at] === end) return this.knownHashes[at]!
    }
    return halfSipHash(buf, start, end, this.k0, this.k1)
  }

  /**
   * As `hash`, and whoever asks for the hash of the same range until `forgetHashes` is told it, most probably, without its being
   * made again. Only of one buffer at a time: the one that was handed in last.
   */
  knowHash(buf: Uint8Array, start: number, end: number): number {
    const hash = halfSipHash(buf, start, end, this.k0, this.k1)
    const at = knownPlace(start)
    this.knownBuf = buf
    this.knownStarts[at] = start
    this.knownEnds[at] = end
    this.knownHashes[at] = hash
    return hash
  }

  /** To be called before the bytes of hashes that are known may change. */
  forgetHashes(): void {
    this.knownBuf = NOTHING
    this.knownStarts.fill(-1)
  }

  /** As `hash`, of a key of `length` bytes that begins at `words[word]`. */
  hashWords(words: Uint32Array, word: number, length: number): number {
    return halfSipHashWords(words, word, length, this.k0, this.k1)
  }

  /** As `hash`, of the `length` bytes from byte `byte` of a chunk's words on. */
  hashIn(words: Uint32Array, byte: number, length: number): number {
    return halfSipHashIn(words, byte, length, this.k0, this.k1)
  }

  hashOf(handle: number): number {
    const start = this.keyStart(handle)
    const u8 = this.heap.u8[chunkOf(handle)]!
    return halfSipHash(u8, start, start + this.keyLength(handle), this.k0, this.k1)
  }

  touch(handle: number): number {
    return this.heap.u32[chunkOf(handle)]![wordOf(handle)]!
  }

  keyIs(handle: number, buf: Uint8Array, start: number, end: number): boolean {
    const chunk = chunkOf(handle)
    const word = wordOf(handle)
    const u32 = this.heap.u32[chunk]!
    const head = u32[word]!
    const length = end - start
    // Word 0 says 255 of every long key, also of one that only begins with these 255 bytes.
    if (length < LONG_KEY_BYTES ? head >>> 24 !== length : this.keyLength(handle) !== length) return false
    return wordsAre(u32, word + (fieldBytes(head >>> 8) >>> 2), buf, start, end)
  }

  /**
   * Looks whether the keys `from` up to below `to` of a batch are those of the entries that are believed to be theirs. Of strings
   * without an expiry it sets the access clock, and notes in the batch where the value lies. Returns the number of the first key of which
   * this is not so, or `to`.
   */
  readStrings(batch: KeyBatch, from: number, to: number, clock: number): number {
    const { words, lengths, likely, chunks, starts, ends } = batch
    const slotWords = batch.slotBytes >>> 2
    let chunk = -1
    let u32 = words
    for (let i = from; i < to; i++) {
      const handle = likely[i]!
      if (handle === 0) return i
      if (chunkOf(handle) !== chunk) {
        chunk = chunkOf(handle)
        u32 = this.heap.u32[chunk]!
      }
      const word = wordOf(handle)
      const head = u32[word]!
      const length = lengths[i]!
      if (((head & PLAIN_MASK) | ((head >>> 24) ^ length)) !== 0) return i
      const key = word + (fieldBytes(head >>> 8) >>> 2)
      if (!sameWords(u32, key, words, i * slotWords, length)) return i
      u32[word + 1] = clock
      const start = (key << 2) + length
      chunks[i] = chunk
      starts[i] = start
      ends[i] = start + (u32[word + 2]! | 0)
    }
    return to
  }

  /**
   * A new entry with the given key, room for `valueBytes` of value (not yet written), no access time and no snapshot
   * generation. `flags` says which of the optional fields it has (EXPIRES, LINKED); they are to be set by the caller.
   */
  create(
    type: number,
    encoding: number,
    flags: number,
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    valueBytes: number,
  ): number {
    const keyLength = keyEnd - keyStart
    const isLong = keyLength >= LONG_KEY_BYTES
    const allFlags = (flags & (EXPIRES | LINKED)) | (isLong ? LONG_KEY : 0)
    const before = fieldBytes(allFlags)
    const handle = this.heap.alloc(before + keyLength + valueBytes)
    const chunk = chunkOf(handle)
    const u32 = this.heap.u32[chunk]!
    const word = wordOf(handle)
    u32[word] = type | (encoding << 4) | (allFlags << 8) | ((isLong ? LONG_KEY_BYTES : keyLength) << 24)
    u32[word + 1] = 0
    u32[word + 2] = valueBytes
    if (isLong) u32[word + (before >>> 2) - 1] = keyLength
    const u8 = this.heap.u8[chunk]!
    const at = (word << 2) + before
    if (keyLength > 48) u8.set(key.subarray(keyStart, keyEnd), at)
    else for (let i = 0; i < keyLength; i++) u8[at + i] = key[keyStart + i]!
    return handle
  }

  type(handle: number): number {
    return this.heap.u32[chunkOf(handle)]![wordOf(handle)]! & 15
  }

  encoding(handle: number): number {
    return (this.heap.u32[chunkOf(handle)]![wordOf(handle)]! >>> 4) & 15
  }

  setEncoding(handle: number, encoding: number): void {
    const u32 = this.heap.u32[chunkOf(handle)]!
    const word = wordOf(handle)
    u32[word] = (u32[word]! & ~0xf0) | (encoding << 4)
  }

  flags(handle: number): number {
    return (this.heap.u32[chunkOf(handle)]![wordOf(handle)]! >>> 8) & 0xff
  }

  generation(handle: number): number {
    return (this.heap.u32[chunkOf(handle)]![wordOf(handle)]! >>> 16) & 0xff
  }

  setGeneration(handle: number, generation: number): void {
    const u32 = this.heap.u32[chunkOf(handle)]!
    const word = wordOf(handle)
    u32[word] = (u32[word]! & ~0xff0000) | (generation << 16)
  }

  access(handle: number): number {
    return this.heap.u32[chunkOf(handle)]![wordOf(handle) + 1]!
  }

  setAccess(handle: number, clock: number): void {
    this.heap.u32[chunkOf(handle)]![wordOf(handle) + 1] = clock
  }

  /** The chunk's bytes, which `keyStart` and `valueStart` index. */
  bytes(handle: number): Uint8Array {
    return this.heap.u8[chunkOf(handle)]!
  }

  keyStart(handle: number): number {
    return byteOf(handle) + fieldBytes(this.heap.u32[chunkOf(handle)]![wordOf(handle)]! >>> 8)
  }

  keyLength(handle: number): number {
    const u32 = this.heap.u32[chunkOf(handle)]!
    const word = wordOf(handle)
    const head = u32[word]!
    const length = head >>> 24
    return length < LONG_KEY_BYTES ? length : u32[word + (fieldBytes(head >>> 8) >>> 2) - 1]!
  }

  /** The key's bytes, as a view: valid until the heap changes. */
  key(handle: number): Uint8Array {
    const start = this.keyStart(handle)
    return this.bytes(handle).subarray(start, start + this.keyLength(handle))
  }

  valueStart(handle: number): number {
    return this.keyStart(handle) + this.keyLength(handle)
  }

  valueLength(handle: number): number {
    return this.heap.u32[chunkOf(handle)]![wordOf(handle) + 2]!
  }

  /** Says how long the value is; `valueCapacity` is the limit. */
  setValueLength(handle: number, bytes: number): void {
    this.heap.u32[chunkOf(handle)]![wordOf(handle) + 2] = bytes
  }

  /** How many bytes of value the block could hold. */
  valueCapacity(handle: number): number {
    return this.heap.sizeOf(handle) - (this.valueStart(handle) - byteOf(handle))
  }

  /** The value's bytes, as a view: valid until the heap changes. */
  value(handle: number): Uint8Array {
    const start = this.valueStart(handle)
    return this.bytes(handle).subarray(start, start + this.valueLength(handle))
  }

  /**
   * When the entry expires, in milliseconds since 1970, or NO_EXPIRY. Rounded beyond 2^53: for comparisons with times near now. What
   * is shown, saved or copied is `exactExpiry`.
   */
  expiry(handle: number): number {
    if ((this.flags(handle) & EXPIRES) === 0) return NO_EXPIRY
    const u32 = this.heap.u32[chunkOf(handle)]!
    const word = wordOf(handle) + EXPIRY_WORD
    return (u32[word + 1]! | 0) * WORD + u32[word]!
  }

  /** As `expiry`, to the last bit. */
  exactExpiry(handle: number): Int64 {
    if ((this.flags(handle) & EXPIRES) === 0) return NO_EXPIRY
    const u32 = this.heap.u32[chunkOf(handle)]!
    const word = wordOf(handle) + EXPIRY_WORD
    return int64OfWords(u32[word + 1]!, u32[word]!)
  }

  /** Only for entries with the flag EXPIRES. */
  setExpiry(handle: number, at_ms: Int64): void {
    const u32 = this.heap.u32[chunkOf(handle)]!
    const word = wordOf(handle) + EXPIRY_WORD
    if (typeof at_ms === 'bigint') {
      u32[word] = lowWord(at_ms)
      u32[word + 1] = highWord(at_ms)
      return
    }
    const high = Math.floor(at_ms / WORD)
    u32[word] = at_ms - high * WORD
    u32[word + 1] = high
  }

  private linkWord(handle: number): number {
    return wordOf(handle) + EXPIRY_WORD + ((this.flags(handle) & EXPIRES) << 1)
  }

  /** The next entry of the slot; only for entries with the flag LINKED. */
  nextInSlot(handle: number): number {
    return this.heap.u32[chunkOf(handle)]![this.linkWord(handle)]!
  }

  setNextInSlot(handle: number, next: number): void {
    this.heap.u32[chunkOf(handle)]![this.linkWord(handle)] = next
  }

  previousInSlot(handle: number): number {
    return this.heap.u32[chunkOf(handle)]![this.linkWord(handle) + 1]!
  }

  setPreviousInSlot(handle: number, previous: number): void {
    this.heap.u32[chunkOf(handle)]![this.linkWord(handle) + 1] = previous
  }
}

/** Where in an entry with these flags the key begins. `flags` may have more bits than an entry's eight. */
function fieldBytes(flags: number): number {
  return HEADER_BYTES + ((flags & EXPIRES) << 3) + ((flags & LINKED) << 2) + (flags & LONG_KEY)
}

/** The encoding that Redis gives a string that is set as a whole. */
export function stringEncoding(value: Uint8Array, start: number, end: number): number {
  const length = end - start
  if (length <= 20 && length > 0) {
    // Most values are no numbers, and their last byte tells.
    const last = value[end - 1]!
    if (last >= 0x30 && last <= 0x39) {
      if (!Number.isNaN(parseInteger(value, start, end))) return INT
      if (length >= 16 && parseInt64(value, start, end) !== null) return INT
    }
  }
  return length <= EMBSTR_BYTES_MAX ? EMBSTR : RAW
}
