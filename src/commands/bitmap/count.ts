/** BITCOUNT, BITPOS: bits of a range, given in bytes or in bits; negative positions count from the end. */

import { findBit } from '../../bytes/bits.js'
import { chunkOf } from '../../bytes/heap.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import { command, firstKey, KEY_ACCESS, KEY_RO, READONLY } from '../command.js'
import { NOT_AN_INTEGER, SYNTAX } from '../errors.js'
import { bigArgument, nearInteger } from '../int64.js'
import { stringToRead, WRONG } from './room.js'

/** Whether argument `index` says that positions are bits; null after an error was replied. */
function readUnit(args: Args, index: number, reply: Reply): boolean | null {
  const inBits = args.is(index, 'bit')
  if (inBits || args.is(index, 'byte')) return inBits
  reply.error(SYNTAX)
  return null
}

/** Argument `index` as a position; NaN after an error was replied. */
function readPosition(args: Args, index: number, reply: Reply): number {
  const position = nearInteger(args, index)
  if (Number.isNaN(position)) reply.error(NOT_AN_INTEGER)
  return position
}

/** The positions from `start` to `end`, both included, as bits [from, to) of a string of `length` bytes. */
function bitRange(start: number, end: number, inBits: boolean, length: number): { from: number; to: number } {
  const total = inBits ? length * 8 : length
  const first = Math.max(0, start < 0 ? total + start : start)
  const last = Math.min(total - 1, Math.max(0, end < 0 ? total + end : end))
  if (first > last) return { from: 0, to: 0 }
  return inBits ? { from: first, to: last + 1 } : { from: first * 8, to: (last + 1) * 8 }
}

/** Whether argument 2 is greater than argument 3; as doubles two large ones may seem equal. */
function isAfter(args: Args, start: number, end: number): boolean {
  if (start !== end || Number.isSafeInteger(start)) return start > end
  return bigArgument(args, 2)! > bigArgument(args, 3)!
}

const HISTORY = [['7.0.0', 'Knows `BYTE` and `BIT`.']] as const

export const bitcount = command(
  {
    name: 'BITCOUNT',
    arity: -2,
    flags: READONLY,
    since: '2.6.0',
    group: 'bitmap',
    summary: 'Counts the bits that are set in a string, or in a range of it.',
    complexity: 'O(N) with N bytes looked at',
    syntax: 'key [start end [BYTE | BIT]]',
    keys: firstKey(KEY_RO | KEY_ACCESS),
    history: HISTORY,
  },
  (call, args, reply) => {
    const handle = stringToRead(call, args, 1, reply)
    if (handle === WRONG) return
    if (handle === 0) {
      reply.int(0)
      return
    }
    const { entries, keyspace } = call.db
    const at = entries.valueStart(handle)
    const length = entries.valueLength(handle)
    const u8 = entries.bytes(handle)
    const u64 = keyspace.heap.u64[chunkOf(handle)]!
    if (args.count === 2) {
      reply.int(call.bitCounter.count(u8, u64, at, at + length))
      return
    }
    if (args.count !== 4 && args.count !== 5) {
      reply.error(SYNTAX)
      return
    }
    const start = readPosition(args, 2, reply)
    if (Number.isNaN(start)) return
    const end = readPosition(args, 3, reply)
    if (Number.isNaN(end)) return
    if (start < 0 && end < 0 && isAfter(args, start, end)) {
      reply.int(0)
      return
    }
    const inBits = args.count === 5 ? readUnit(args, 4, reply) : false
    if (inBits === null) return
    const { from, to } = bitRange(start, end, inBits, length)
    reply.int(call.bitCounter.countRange(u8, u64, at, from, to))
  },
)

export const bitpos = command(
  {
    name: 'BITPOS',
    arity: -3,
    flags: READONLY,
    since: '2.8.7',
    group: 'bitmap',
    summary:
      'Returns where the first bit that is set, or clear, stands in a string or a range of it, -1 for nowhere.',
    complexity: 'O(N) with N bytes looked at',
    syntax: 'key bit [start [end [BYTE | BIT]]]',
    keys: firstKey(KEY_RO | KEY_ACCESS),
    history: HISTORY,
  },
  (call, args, reply) => {
    const bit = readPosition(args, 2, reply)
    if (Number.isNaN(bit)) return
    if (bit !== 0 && bit !== 1) {
      reply.error('ERR The bit argument must be 1 or 0.')
      return
    }
    const handle = stringToRead(call, args, 1, reply)
    if (handle === WRONG) return
    if (handle === 0) {
      reply.int(bit === 1 ? -1 : 0)
      return
    }
    if (args.count > 6) {
      reply.error(SYNTAX)
      return
    }
    const start = args.count > 3 ? readPosition(args, 3, reply) : 0
    if (Number.isNaN(start)) return
    const inBits = args.count === 6 ? readUnit(args, 5, reply) : false
    if (inBits === null) return
    const hasEnd = args.count > 4
    const end = hasEnd ? readPosition(args, 4, reply) : -1
    if (Number.isNaN(end)) return
    const { entries, keyspace } = call.db
    const { from, to } = bitRange(start, end, inBits, entries.valueLength(handle))
    const u32 = keyspace.heap.u32[chunkOf(handle)]!
    const at = entries.valueStart(handle)
    const found = findBit(entries.bytes(handle), u32, at, from, to, bit, call.host.sameBytes)
    // Where no end was given, zeros are imagined behind the string's own.
    reply.int(found < 0 && bit === 0 && !hasEnd && from < to ? to : found)
  },
)

export const BIT_COUNT_FAMILY = [bitcount, bitpos]
