/**
 * Members and scores in turns in a listpack, in order: the small form of sorted sets. Who names several members names them most often
 * in their order, so that a search can go on where the one before ended; and what is new is most often the highest.
 */

import { compareBytes } from '../../bytes/ascii.js'
import { doubleBytes, parseDouble, plainDouble } from '../../bytes/double.js'
import { type ByteHeap, byteOf, chunkOf } from '../../bytes/heap.js'
import { NUMBER_BYTES_MAX } from '../../bytes/text-limits.js'
import {
  type Listpacks,
  LP_END,
  LP_HEADER_BYTES,
  lpBehind,
  lpEnd,
  lpFirst,
  lpInt64,
  lpNext,
  lpPrevious,
  lpRead,
} from './listpack.js'
import { Piece } from './piece.js'

const PAIR = 2
/** Longer texts spell no score. */
const DIGITS_MAX = 128
/** An integer up to 127 is one byte, and one more to go backwards. */
const TINY_MAX = 0x80

/** The score that a listpack's element spells, NaN where it spells none. `piece` is for scores that are no integers. */
export function lpScore(u8: Uint8Array, base: number, at: number, piece: Piece): number {
  const first = u8[base + at]!
  if (first < TINY_MAX) return first
  const integer = lpInt64(u8, base, at)
  if (typeof integer === 'bigint' || !Number.isNaN(integer)) return Number(integer)
  lpRead(u8, base, at, piece)
  if (piece.length > DIGITS_MAX) return Number.NaN
  const plain = plainDouble(piece.buf, piece.start, piece.end)
  return Number.isNaN(plain) ? (parseDouble(piece.text(NUMBER_BYTES_MAX)) ?? Number.NaN) : plain
}

export class ScoredListpacks {
  /** The score of the member that `find` found. */
  score = 0
  /**
   * Where the pair begins behind the one that was found, or put in, or where a search began that found none: there the next search in the same
   * listpack may begin.
   */
  after = LP_HEADER_BYTES
  private readonly listpacks: Listpacks
  private readonly heap: ByteHeap
  private readonly member = new Piece()
  private readonly digits = new Piece()

  constructor(listpacks: Listpacks) {
    this.listpacks = listpacks
    this.heap = listpacks.heap
  }

  /** Where a member stands, 0 if nowhere; its score is then in `score`. Looks from `from` on, a member, and then from the first. */
  find(ref: number, from: number, buf: Uint8Array, start: number, end: number): number {
    this.after = from
    let at = this.listpacks.find(ref, from, 1, buf, start, end)
    if (at === 0 && from !== LP_HEADER_BYTES)
      at = this.listpacks.find(ref, LP_HEADER_BYTES, 1, buf, start, end)
    if (at === 0) return 0
    const u8 = this.heap.u8[chunkOf(ref)]!
    const base = byteOf(ref)
    const second = lpBehind(u8, base, at)
    this.score = lpScore(u8, base, second, this.digits)
    this.after = lpBehind(u8, base, second)
    return at
  }

  /** Puts a member that is not there in its place; returns the block, which may be another. */
  insert(ref: number, buf: Uint8Array, start: number, end: number, score: number): number {
    const at = this.placeOf(ref, buf, start, end, score)
    // Zero has no sign here, as in Redis's listpacks.
    const made = Number.isSafeInteger(score)
      ? this.listpacks.insertPair(ref, at, buf, start, end, score === 0 ? 0 : score, null)
      : this.listpacks.insertPair(ref, at, buf, start, end, 0, doubleBytes(score))
    const u8 = this.heap.u8[chunkOf(made)]!
    const base = byteOf(made)
    this.after = lpBehind(u8, base, lpBehind(u8, base, at))
    return made
  }

  /** Gives the member that stands at `at`, and is `buf[start, end)`, another score; returns the block, which may be another. */
  rescore(ref: number, at: number, buf: Uint8Array, start: number, end: number, score: number): number {
    const { listpacks } = this
    const u8 = this.heap.u8[chunkOf(ref)]!
    const base = byteOf(ref)
    const own = lpBehind(u8, base, at)
    if (Number.isSafeInteger(score) && this.staysAt(u8, base, at, own, score)) {
      const made = listpacks.replaceInteger(ref, own, score === 0 ? 0 : score)
      this.after = lpBehind(this.heap.u8[chunkOf(made)]!, byteOf(made), own)
      return made
    }
    return this.insert(listpacks.delete(ref, at, PAIR), buf, start, end, score)
  }

  /** Whether a member's score may change without another place: it would lie between those before and behind. */
  private staysAt(u8: Uint8Array, base: number, at: number, own: number, score: number): boolean {
    const before = lpPrevious(u8, base, at)
    if (before !== 0 && lpScore(u8, base, before, this.digits) >= score) return false
    const behind = lpNext(u8, base, own)
    return behind === 0 || score < lpScore(u8, base, lpBehind(u8, base, behind), this.digits)
  }

  /** In front of what a member of this score is to stand, or the end. */
  private placeOf(ref: number, buf: Uint8Array, start: number, end: number, score: number): number {
    const { digits, member } = this
    const u8 = this.heap.u8[chunkOf(ref)]!
    const base = byteOf(ref)
    const last = lpPrevious(u8, base, lpEnd(u8, base))
    if (last === 0 || lpScore(u8, base, last, digits) < score) return lpEnd(u8, base)
    let at = lpFirst(u8, base)
    while (u8[base + at] !== LP_END) {
      const second = lpBehind(u8, base, at)
      const other = lpScore(u8, base, second, digits)
      if (other > score) return at
      if (other === score) {
        lpRead(u8, base, at, member)
        if (compareBytes(member.buf, member.start, member.end, buf, start, end) > 0) return at
      }
      at = lpBehind(u8, base, second)
    }
    return at
  }
}
