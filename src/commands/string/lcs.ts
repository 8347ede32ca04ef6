/**
 * LCS: the longest common subsequence of two strings, by the classic table of lengths. Which of several longest ones is
 * found, and how it falls into ranges, follows from walking that table backwards, the first string's end dropped only
 * where that is strictly better: clients compare with Redis.
 */

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

/** Row by row of `a`, the lengths for all beginnings of `b`: cell (i, j) is at i * (b.length + 1) + j. */
function fillTable(a: Uint8Array, b: Uint8Array): Uint32Array | null {
  const width = b.length + 1
  let table: Uint32Array
  try {
    table = new Uint32Array((a.length + 1) * width)
  } catch {
    return null
  }
  for (let i = 1; i <= a.length; i++) {
    const byte = a[i - 1]!
    const row = i * width
    for (let j = 1; j < width; j++) {
      const above = table[row - width + j]!
      const before = table[row + j - 1]!
      table[row + j] = byte === b[j - 1]! ? table[row - width + j - 1]! + 1 : Math.max(above, before)
    }
  }
  return table
}

/** A stretch that both strings have: where it begins in each, and its length. */
type Emit = (aStart: number, bStart: number, length: number) => void

/** Walks the table back from its end and hands out the common stretches, the last one first. */
function walk(a: Uint8Array, b: Uint8Array, table: Uint32Array, emit: Emit): void {
  const width = b.length + 1
  let i = a.length
  let j = b.length
  let length = 0 // of the stretch that begins at (i, j)
  while (i > 0 && j > 0) {
    if (a[i - 1] === b[j - 1]) {
      i--
      j--
      length++
      continue
    }
    if (length > 0) emit(i, j, length)
    length = 0
    if (table[(i - 1) * width + j]! > table[i * width + j - 1]!) i--
    else j--
  }
  if (length > 0) emit(i, j, length)
}

function replyRanges(reply: Reply, a: Uint8Array, b: Uint8Array, table: Uint32Array, options: Options): void {
  const withLength = (options.flags & WITHMATCHLEN) !== 0
  let count = 0
  reply.map(2)
  reply.bulkText('matches')
  const mark = reply.pos
  walk(a, b, table, (aStart, bStart, length) => {
    if (length < options.matchMin) return
    count++
    reply.array(withLength ? 3 : 2)
    reply.array(2)
    reply.int(aStart)
    reply.int(aStart + length - 1)
    reply.array(2)
    reply.int(bStart)
    reply.int(bStart + length - 1)
    if (withLength) reply.int(length)
  })
  reply.arrayAt(mark, count)
  reply.bulkText('len')
  reply.int(table[table.length - 1]!)
}

function subsequence(a: Uint8Array, b: Uint8Array, table: Uint32Array): Uint8Array {
  let at = table[table.length - 1]!
  const out = new Uint8Array(at)
  walk(a, b, table, (aStart, _bStart, length) => {
    at -= length
    out.set(a.subarray(aStart, aStart + length), at)
  })
  return out
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
    const a = first === 0 ? NO_BYTES : entries.value(first)
    const b = second === 0 ? NO_BYTES : entries.value(second)
    if ((a.length + 1) * (b.length + 1) * 4 > call.host.configNumber('proto-max-bulk-len')) {
      reply.error('ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len')
      return
    }
    const table = fillTable(a, b)
    if (table === null) {
      reply.error('ERR Insufficient memory, failed allocating transient memory for LCS')
    } else if ((options.flags & IDX) !== 0) {
      replyRanges(reply, a, b, table, options)
    } else if ((options.flags & LEN) !== 0) {
      reply.int(table[table.length - 1]!)
    } else {
      reply.bulk(subsequence(a, b, table))
    }
  },
)

export const LCS_FAMILY = [lcs]
