/**
 * LCS: the longest common subsequence of two strings. Which of several longest ones is found, and how it falls into ranges, follows from
 * walking the table of lengths backwards, the first string's end dropped only where that is strictly better: clients
 * compare with Redis.
 */

import type { Subsequence } from '../../bytes/subsequence.js'
import { STRING } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import { command, KEY_ACCESS, KEY_RO, keyRange, READONLY } from '../command.js'
import { NOT_AN_INTEGER, SYNTAX } from '../errors.js'
import { nearInteger } from '../int64.js'
import { readKey } from '../lookup.js'

const LEN = 1
const IDX = 2
const WITHMATCHLEN = 4
const NO_BYTES = new Uint8Array(0)

interface Options {
  readonly flags: number
  /** Ranges shorter than this are left out. */
  readonly matchMin: number
}

/** The options, or what is wrong with them. */
function readOptions(args: Args): Options | string {
  let flags = 0
  let matchMin = 0
  for (let i = 3; i < args.count; i++) {
    if (args.is(i, 'idx')) flags |= IDX
    else if (args.is(i, 'len')) flags |= LEN
    else if (args.is(i, 'withmatchlen')) flags |= WITHMATCHLEN
    else if (args.is(i, 'minmatchlen') && i + 1 < args.count) {
      matchMin = nearInteger(args, ++i)
      if (Number.isNaN(matchMin)) return NOT_AN_INTEGER
    } else return SYNTAX
  }
  if ((flags & (LEN | IDX)) === (LEN | IDX)) {
    return 'ERR If you want both the length and indexes, please just use IDX.'
  }
  return { flags, matchMin }
}

/** Replies with the stretches that both strings have, the last one first. */
function replyRanges(reply: Reply, found: Subsequence, total: number, options: Options): void {
  const withLength = (options.flags & WITHMATCHLEN) !== 0
  let count = 0
  reply.map(2)
  reply.bulkText('matches')
  const mark = reply.length
  for (let length = found.previous(); length > 0; length = found.previous()) {
    if (length < options.matchMin) continue
    count++
    reply.array(withLength ? 3 : 2)
    reply.array(2)
    reply.int(found.aStart)
    reply.int(found.aStart + length - 1)
    reply.array(2)
    reply.int(found.bStart)
    reply.int(found.bStart + length - 1)
    if (withLength) reply.int(length)
  }
  reply.arrayAt(mark, count)
  reply.bulkText('len')
  reply.int(total)
}

function replySubsequence(
  reply: Reply,
  found: Subsequence,
  total: number,
  a: Uint8Array,
  start: number,
): void {
  const bytes = new Uint8Array(total)
  let at = total
  for (let length = found.previous(); length > 0; length = found.previous()) {
    for (let i = length - 1; i >= 0; i--) bytes[--at] = a[start + found.aStart + i]!
  }
  reply.bulk(bytes)
}

export const lcs = command(
  {
    name: 'LCS',
    arity: -3,
    flags: READONLY,
    since: '7.0.0',
    group: 'string',
    summary: 'Finds the longest common subsequence of two strings.',
    complexity: 'O(N*M) with strings of N and M bytes',
    syntax: 'key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]',
    keys: keyRange(1, 2, 1, KEY_RO | KEY_ACCESS),
  },
  (call, args, reply) => {
    const entries = call.db.entries
    const first = readKey(call, args, 1)
    const second = readKey(call, args, 2)
    if (
      (first !== 0 && entries.type(first) !== STRING) ||
      (second !== 0 && entries.type(second) !== STRING)
    ) {
      reply.error('ERR The specified keys must contain string values')
      return
    }
    const options = readOptions(args)
    if (typeof options === 'string') {
      reply.error(options)
      return
    }
    const a = first === 0 ? NO_BYTES : entries.bytes(first)
    const b = second === 0 ? NO_BYTES : entries.bytes(second)
    const aStart = first === 0 ? 0 : entries.valueStart(first)
    const bStart = second === 0 ? 0 : entries.valueStart(second)
    const aLength = first === 0 ? 0 : entries.valueLength(first)
    const bLength = second === 0 ? 0 : entries.valueLength(second)
    // As much as a table of integers would take, which is what Redis makes.
    if ((aLength + 1) * (bLength + 1) * 4 > call.host.configNumber('proto-max-bulk-len')) {
      reply.error('ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len')
      return
    }
    const { subsequence } = call
    const lengthOnly = (options.flags & (LEN | IDX)) === LEN
    const total = subsequence.compare(a, aStart, aStart + aLength, b, bStart, bStart + bLength, !lengthOnly)
    if (total < 0) reply.error('ERR Insufficient memory, failed allocating transient memory for LCS')
    else if (lengthOnly) reply.int(total)
    else if ((options.flags & IDX) !== 0) replyRanges(reply, subsequence, total, options)
    else replySubsequence(reply, subsequence, total, a, aStart)
    subsequence.end()
  },
)

export const LCS_FAMILY = [lcs]
