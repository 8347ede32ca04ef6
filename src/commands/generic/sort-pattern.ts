/**
 * SORT's patterns: which value belongs to an element. The first star of a pattern is replaced by the element, which gives a key; what
 * stands behind `->` names a field of the hash there. `#` is the element itself.
 */

import type { Piece } from '../../keyspace/collections/piece.js'
import { HASH, STRING } from '../../keyspace/entries.js'
import { KeyBatch } from '../../keyspace/key-batch.js'
import type { Call } from '../call.js'
import { NOTIFY_KEY_MISS } from '../host.js'

const STAR = 0x2a
const MINUS = 0x2d
const GREATER = 0x3e
const HASH_SIGN = 0x23

/** Elements of more bytes have no place in a batch. */
const SLOT_ELEMENT_BYTES_MAX = 32
/** Longer patterns have no batch: room for so many keys is made, and kept. */
const SLOT_BYTES_MAX = 256
export const BATCH_KEYS = 48
/** So many bytes are written at a time. */
const FOUR = 4

export class Pattern {
  readonly isElement: boolean
  /** A pattern without a star names nothing that differs between elements. */
  readonly hasStar: boolean
  readonly bytes: Uint8Array
  private readonly front: Uint8Array
  private readonly back: Uint8Array
  // Their lengths, as small integers.
  private readonly frontLength: number
  private readonly backLength: number
  private readonly field: Uint8Array | null
  private key: Uint8Array
  /** See `nameKeys`. */
  private batch: KeyBatch | null = null
  /** Bytes of the longest key in a batch. */
  private readonly slotBytes: number

  constructor(bytes: Uint8Array) {
    // Stars and arrows are looked for as in C, up to the first zero byte.
    const zero = bytes.indexOf(0)
    const text = zero < 0 ? bytes.length : zero
    const star = bytes.indexOf(STAR)
    this.isElement = bytes.length > 0 && bytes[0] === HASH_SIGN && text === 1
    this.hasStar = star >= 0 && star < text
    const arrow = this.hasStar ? arrowIn(bytes, star + 1, text) : -1
    this.field = arrow < 0 ? null : bytes.slice(arrow + 2)
    this.front = bytes.slice(0, Math.max(0, star))
    this.back = bytes.slice(star + 1, arrow < 0 ? bytes.length : arrow)
    this.frontLength = this.front.length
    this.backLength = this.back.length
    this.bytes = bytes
    this.key = new Uint8Array(this.keyLength(64))
    this.slotBytes = this.keyLength(SLOT_ELEMENT_BYTES_MAX + FOUR)
  }

  /** Shows in `value` what belongs to the element `buf[start, end)`; false where there is no such string or field. */
  lookUp(call: Call, buf: Uint8Array, start: number, end: number, value: Piece): boolean {
    if (this.isElement) {
      value.range(buf, start, end)
      return true
    }
    if (!this.hasStar) return false
    const length = this.keyLength(end - start)
    if (length > this.key.length) this.key = new Uint8Array(length * 2)
    this.writeKey(buf, start, end, this.key, 0)
    return this.show(call, call.db.read(this.key, 0, length), this.key, 0, length, value)
  }

  /** Whether what belongs to an element is a string, not the field of a hash. */
  get namesStrings(): boolean {
    return this.field === null
  }

  /** Shows in `value` what belongs to the key `key[start, end)`, of which `handle` is the entry, 0 for none; false for nothing. */
  show(call: Call, handle: number, key: Uint8Array, start: number, end: number, value: Piece): boolean {
    if (handle === 0) {
      call.notify(NOTIFY_KEY_MISS, 'keymiss', key, start, end)
      return false
    }
    const { entries } = call.db
    const type = entries.type(handle)
    if (this.field === null) {
      if (type !== STRING) return false
      const at = entries.keyStart(handle) + end - start
      value.range(entries.bytes(handle), at, at + entries.valueLength(handle))
      return true
    }
    const { hashes } = call.keyspace
    if (type !== HASH || !hashes.get(handle, this.field, 0, this.field.length)) return false
    value.range(hashes.value.buf, hashes.value.start, hashes.value.end)
    return true
  }

  /**
   * The keys of the elements `order[from]` to `order[from + count - 1]`, of which the texts are `texts[starts[element], starts[element + 1])`;
   * up to three bytes behind a text are read too. Of patterns that are asked for in this way a batch is kept in which what stands in front
   * of the element is written already. Null where there are no such keys, or an element or the pattern is too long.
   */
  nameKeys(
    texts: Uint8Array,
    starts: Int32Array,
    order: Int32Array,
    from: number,
    count: number,
  ): KeyBatch | null {
    if (!this.hasStar || this.isElement || this.slotBytes > SLOT_BYTES_MAX || count > BATCH_KEYS) return null
    this.batch ??= this.newBatch()
    const { batch } = this
    const { bytes, lengths, slotBytes } = batch
    const { frontLength, backLength } = this
    for (let i = 0, slot = 0; i < count; i++, slot += slotBytes) {
      const element = order[from + i]!
      const start = starts[element]!
      const end = starts[element + 1]!
      if (end - start > SLOT_ELEMENT_BYTES_MAX) return null
      const to = slot + frontLength - start
      for (let j = start; j < end; j += FOUR) {
        bytes[to + j] = texts[j]!
        bytes[to + j + 1] = texts[j + 1]!
        bytes[to + j + 2] = texts[j + 2]!
        bytes[to + j + 3] = texts[j + 3]!
      }
      if (backLength > 0) this.writeBack(bytes, to + end)
      lengths[i] = frontLength + end - start + backLength
    }
    return batch
  }

  private newBatch(): KeyBatch {
    const batch = new KeyBatch(BATCH_KEYS, this.slotBytes)
    for (let at = 0; at < batch.bytes.length; at += batch.slotBytes) batch.bytes.set(this.front, at)
    return batch
  }

  private writeBack(to: Uint8Array, at: number): void {
    const { back, backLength } = this
    for (let i = 0; i < backLength; i++) to[at + i] = back[i]!
  }

  /** Bytes of the key of an element of so many bytes. */
  keyLength(bytes: number): number {
    return this.frontLength + bytes + this.backLength
  }

  /** Writes the key of the element `buf[start, end)` at `key[to]`, where there is room; returns its end. */
  writeKey(buf: Uint8Array, start: number, end: number, key: Uint8Array, to: number): number {
    const { front, frontLength, backLength } = this
    let at = to
    for (let i = 0; i < frontLength; i++) key[at++] = front[i]!
    for (let i = start; i < end; i++) key[at++] = buf[i]!
    this.writeBack(key, at)
    return at + backLength
  }
}

/** Where `->` stands with something behind it; -1 for nowhere. Only the first one counts. */
function arrowIn(bytes: Uint8Array, from: number, text: number): number {
  for (let i = from; i + 1 < text; i++) {
    if (bytes[i] === MINUS && bytes[i + 1] === GREATER) return i + 2 < text ? i : -1
  }
  return -1
}
