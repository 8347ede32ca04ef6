/**
 * Members as bulk strings, with or without their scores. Those of large sets are written many at once: heads and members are written four bytes at a time, since ranges of short
 * members are what such sets are asked for most. An element's member begins at a multiple of four in its block, which goes on
 * to one of sixteen, so that whole words can be read to its end; they may be written to any position (`Reply.words`), and what
 * is written too far is written over.
 */

import { writeInteger } from '../../bytes/ascii.js'
import { byteOf, chunkOf, wordOf } from '../../bytes/heap.js'
import {
  LP_SHORT,
  LP_SHORT_BYTES_MAX,
  lpBehind,
  lpNext,
  lpPrevious,
  lpRead,
  lpSeek,
} from '../../keyspace/collections/listpack.js'
import { ELEMENT_HEADER_BYTES, LENGTH_WORD } from '../../keyspace/collections/rank-nodes.js'
import type { Ranking } from '../../keyspace/collections/ranking.js'
import { lpScore } from '../../keyspace/collections/scored-listpack.js'
import { refOf } from '../../keyspace/collections/value.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { SHORT_REPLY_BYTES_MAX, writeShort } from '../listpack-reply.js'
import {
  CRLF,
  HEADS,
  LF,
  MEMBER_BYTES_MAX,
  ONE_DIGIT,
  SHORT_BYTES_MAX,
  TOO_FAR_BYTES_MAX,
} from '../word-reply.js'

/** The longest score that is written here: a sign and nine digits, or none and ten. */
const SCORE_BYTES_MAX = 24
const SCORE_MIN = -999_999_999
const SCORE_MAX = 999_999_999
/** The elements of a smaller set are near enough to the processor: some hundred kilobytes. */
const FAR_MEMBERS_MIN = 20_000

/**
 * Replies with the members of ranks [from, to), which there are, backwards where `reverse`; `withScores` each with its score, `nested` as a
 * pair. The array's head is the caller's.
 */
export function replyRange(
  call: Call,
  handle: number,
  from: number,
  to: number,
  reverse: boolean,
  withScores: boolean,
  nested: boolean,
  reply: Reply,
): void {
  if (from >= to) return
  const { zsets } = call.keyspace
  if (zsets.isSmall(handle)) {
    replySmall(call, handle, from, to, reverse, withScores, nested, reply)
    return
  }
  const ranking = zsets.ranking(handle)
  const { elements, lengths } = zsets
  ranking.seek(reverse ? to - 1 : from)
  for (let left = to - from; left > 0; ) {
    const many = ranking.takeMany(elements, left, reverse)
    if (many === 0) return
    if (withScores) replyScored(ranking, elements, lengths, many, nested, reply)
    else replyMembers(ranking, elements, lengths, many, reply)
    left -= many
  }
}

function replySmall(
  call: Call,
  handle: number,
  from: number,
  to: number,
  reverse: boolean,
  withScores: boolean,
  nested: boolean,
  reply: Reply,
): void {
  const { heap, entries, zsets } = call.keyspace
  const { member } = zsets
  const ref = refOf(entries, handle)
  const u8 = heap.u8[chunkOf(ref)]!
  const base = byteOf(ref)
  let at = lpSeek(u8, base, (reverse ? to - 1 : from) * 2)
  for (let left = to - from; left > 0 && at !== 0; left--) {
    if (nested) reply.array(2)
    const first = u8[base + at]!
    if (first >= LP_SHORT && first <= LP_SHORT + LP_SHORT_BYTES_MAX) {
      reply.ensure(SHORT_REPLY_BYTES_MAX)
      reply.pos = writeShort(reply.buf, reply.pos, u8, base + at + 1, first - LP_SHORT)
    } else {
      lpRead(u8, base, at, member)
      reply.bulkRange(member.buf, member.start, member.end)
    }
    const second = lpBehind(u8, base, at)
    if (withScores) replyScore(lpScore(u8, base, second, member), reply)
    if (reverse) at = lpPrevious(u8, base, lpPrevious(u8, base, at))
    else at = lpNext(u8, base, second)
  }
}

/**
 * Reads how long the members of `count` elements are, into `lengths`; all together, since reads which do not wait for each other
 * bring many elements near at once. Only for that: who shows them reads it again.
 */
function measure(ranking: Ranking, elements: Uint32Array, lengths: Int32Array, count: number): void {
  for (let i = 0; i < count; i++) lengths[i] = ranking.memberLength(elements[i]!)
}

/** Replies with the members of `count` elements. `lengths` has room for as many numbers. */
export function replyMembers(
  ranking: Ranking,
  elements: Uint32Array,
  lengths: Int32Array,
  count: number,
  reply: Reply,
): void {
  if (ranking.size >= FAR_MEMBERS_MIN) measure(ranking, elements, lengths, count)
  reply.ensure(count * MEMBER_BYTES_MAX + TOO_FAR_BYTES_MAX)
  let view = reply.words()
  let { buf, pos } = reply
  const chunks = ranking.heap.u32
  for (let i = 0; i < count; i++) {
    const element = elements[i]!
    const words = chunks[chunkOf(element)]!
    let word = wordOf(element)
    const length = words[word + LENGTH_WORD]!
    word += ELEMENT_HEADER_BYTES / 4
    if (length <= SHORT_BYTES_MAX) {
      view.setUint32(pos, HEADS[length]!, true)
      pos += 4
      if (length > ONE_DIGIT) buf[pos++] = LF
      const end = pos + length
      view.setUint32(pos, words[word++]!, true)
      // The rest begins at a multiple of sixteen.
      for (pos += 4; pos < end; pos += 8, word += 2) {
        view.setUint32(pos, words[word]!, true)
        view.setUint32(pos + 4, words[word + 1]!, true)
      }
      view.setUint16(end, CRLF, true)
      pos = end + 2
    } else {
      const start = ranking.memberStart(element)
      reply.pos = pos
      reply.bulkRange(ranking.bytesOf(element), start, start + length)
      reply.ensure((count - i) * MEMBER_BYTES_MAX + TOO_FAR_BYTES_MAX)
      view = reply.words()
      buf = reply.buf
      pos = reply.pos
    }
  }
  reply.pos = pos
}

/** Replies with the members of `count` elements, each with its score, `nested` as a pair. */
export function replyScored(
  ranking: Ranking,
  elements: Uint32Array,
  lengths: Int32Array,
  count: number,
  nested: boolean,
  reply: Reply,
): void {
  measure(ranking, elements, lengths, count)
  for (let i = 0; i < count; i++) {
    if (nested) reply.array(2)
    replyElement(ranking, elements[i]!, reply)
  }
}

/** Replies with an element's member and its score. */
export function replyElement(ranking: Ranking, element: number, reply: Reply): void {
  const start = ranking.memberStart(element)
  reply.bulkRange(ranking.bytesOf(element), start, start + ranking.memberLength(element))
  replyScore(ranking.score(element), reply)
}

/** As `Reply.double`, sooner where it is an integer of few digits, as most scores are. */
export function replyScore(score: number, reply: Reply): void {
  const { buf, pos } = reply
  const whole = score | 0
  const isShort =
    whole === score && whole <= SCORE_MAX && whole >= SCORE_MIN && (whole !== 0 || 1 / score > 0)
  if (!isShort || reply.protocol > 2 || pos + SCORE_BYTES_MAX > buf.length) {
    reply.double(score)
    return
  }
  const end = writeInteger(buf, pos + 4, whole)
  const length = end - pos - 4
  if (length > ONE_DIGIT) {
    reply.double(score)
    return
  }
  buf[pos] = 0x24
  buf[pos + 1] = 0x30 + length
  buf[pos + 2] = 0x0d
  buf[pos + 3] = LF
  buf[end] = 0x0d
  buf[end + 1] = LF
  reply.pos = end + 2
}
