/** HGETALL, HKEYS, HVALS, HSCAN, HRANDFIELD: fields whatever their names. */

import { globMatch } from '../../bytes/glob.js'
import { expireFields } from '../../keyspace/collections/field-expiry.js'
import type { Piece } from '../../keyspace/collections/piece.js'
import { HASH } from '../../keyspace/entries.js'
import { EXPIRE_DELETE } from '../../keyspace/expiry.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { collectionToRead, readRandomCount, WRONG } from '../collection.js'
import { command, firstKey, KEY_ACCESS, KEY_RO, READONLY } from '../command.js'
import { drawOften } from '../draw.js'
import { SYNTAX } from '../errors.js'
import { BUCKETS_A_KEY, readCursor, readScanOptions } from '../generic/scan.js'
import { tellExpired } from './lookup.js'

/** Half of what a 64-bit integer can count, as a double. */
const PAIRS_MAX = 2 ** 62

const COMMON = {
  flags: READONLY,
  group: 'hash',
  keys: firstKey(KEY_RO | KEY_ACCESS),
} as const
const ALL = {
  ...COMMON,
  arity: 2,
  since: '2.0.0',
  complexity: 'O(N) with N fields',
  syntax: 'key',
  tips: ['nondeterministic_output_order'],
} as const

function replyPiece(reply: Reply, piece: Piece): void {
  reply.bulkRange(piece.buf, piece.start, piece.end)
}

export const hgetall = command(
  { ...ALL, name: 'HGETALL', summary: 'Returns all fields of a hash with their values.' },
  (call, args, reply) => {
    const handle = collectionToRead(call, args, 1, HASH, reply)
    if (handle === WRONG) return
    const { hashes } = call.keyspace
    reply.map(handle === 0 ? 0 : hashes.size(handle) - hashes.countDue(handle))
    if (handle === 0) return
    const { field, value } = hashes
    hashes.forEach(handle, () => {
      if (hashes.due) return
      replyPiece(reply, field)
      replyPiece(reply, value)
    })
  },
)

/** One piece of each field. */
function replyAll(call: Call, args: Args, reply: Reply, piece: Piece): void {
  const handle = collectionToRead(call, args, 1, HASH, reply)
  if (handle === WRONG) return
  const { hashes } = call.keyspace
  reply.array(handle === 0 ? 0 : hashes.size(handle) - hashes.countDue(handle))
  if (handle === 0) return
  hashes.forEach(handle, () => {
    if (!hashes.due) replyPiece(reply, piece)
  })
}

export const hkeys = command(
  { ...ALL, name: 'HKEYS', summary: 'Returns all fields of a hash, without their values.' },
  (call, args, reply) => replyAll(call, args, reply, call.keyspace.hashes.field),
)

export const hvals = command(
  { ...ALL, name: 'HVALS', summary: 'Returns the values of all fields of a hash.' },
  (call, args, reply) => replyAll(call, args, reply, call.keyspace.hashes.value),
)

export const hscan = command(
  {
    ...COMMON,
    name: 'HSCAN',
    arity: -3,
    since: '2.8.0',
    summary: 'Returns some of the fields and where to go on: walks through all of them in several calls.',
    complexity: 'O(1) for each call, O(N) for a whole walk over N fields',
    syntax: 'key cursor [MATCH pattern] [COUNT count] [NOVALUES]',
    tips: ['nondeterministic_output'],
  },
  (call, args, reply) => {
    let cursor = readCursor(args, 2, reply)
    if (cursor === null) return
    const handle = collectionToRead(call, args, 1, HASH, reply)
    if (handle === WRONG) return
    if (handle === 0) {
      replyNothingScanned(reply)
      return
    }
    const options = readScanOptions(args, 3, 'novalues', reply)
    if (options === null) return
    const { hashes } = call.keyspace
    const { field, value } = hashes
    const { count, match, noValues } = options
    const mark = reply.pos
    let seen = 0
    let shown = 0
    const visit = () => {
      seen++
      const matches =
        match === 0 ||
        globMatch(args.buf, args.start(match), args.end(match), field.buf, field.start, field.end)
      if (!matches || hashes.due) return
      replyPiece(reply, field)
      if (!noValues) replyPiece(reply, value)
      shown += noValues ? 1 : 2
    }
    let buckets = count * BUCKETS_A_KEY
    do cursor = hashes.scan(handle, cursor, visit)
    while (cursor !== 0 && buckets-- > 0 && seen < count)
    replyScanned(reply, mark, cursor, shown)
  },
)

/** What scanning a key that is not there gives. */
export function replyNothingScanned(reply: Reply): void {
  reply.array(2)
  reply.bulkInt(0)
  reply.array(0)
}

/** Puts cursor and count in front of the `count` replies that were written from `mark` on. */
export function replyScanned(reply: Reply, mark: number, cursor: number, count: number): void {
  const elements = reply.buf.slice(mark, reply.pos)
  reply.pos = mark
  reply.array(2)
  reply.bulkInt(cursor)
  reply.array(count)
  reply.raw(elements)
}

/**
 * The hash of argument 1, for drawing fields at random: what has expired is removed first, where this node decides about
 * that. Elsewhere it may be drawn too, as in Redis. 0 where there is none, or WRONG.
 */
function hashToDraw(call: Call, args: Args, reply: Reply): number {
  const handle = collectionToRead(call, args, 1, HASH, reply)
  if (handle === WRONG || handle === 0) return handle
  const { keyspace, db } = call
  if (keyspace.expiry !== EXPIRE_DELETE || keyspace.hashes.countDue(handle) === 0) return handle
  const { expiredFields } = keyspace
  expireFields(db, handle, args.copy(1), Number.POSITIVE_INFINITY)
  return tellExpired(call, args, handle, expiredFields)
}

/** `count` fields: if positive different ones, as many as there are at most; if negative each on its own. */
function replyRandom(call: Call, args: Args, count: number, withValues: boolean, reply: Reply): void {
  const handle = hashToDraw(call, args, reply)
  if (handle === WRONG) return
  const { hashes } = call.keyspace
  const { field, value } = hashes
  const size = handle === 0 ? 0 : hashes.size(handle)
  const many = handle === 0 ? 0 : count < 0 ? -count : Math.min(count, size)
  reply.array(withValues && reply.protocol === 2 ? many * 2 : many)
  if (many === 0) return
  const show = () => {
    if (withValues && reply.protocol > 2) reply.array(2)
    replyPiece(reply, field)
    if (withValues) replyPiece(reply, value)
  }
  if (count < 0 || count === 1) {
    drawOften(call, reply, many, () => {
      hashes.random(handle)
      show()
    })
  } else if (many === size) hashes.forEach(handle, show)
  else hashes.sample(handle, many, show)
}

export const hrandfield = command(
  {
    ...COMMON,
    name: 'HRANDFIELD',
    arity: -2,
    since: '6.2.0',
    summary: 'Returns fields of a hash at random.',
    complexity: 'O(N) with N fields returned',
    syntax: 'key [count [WITHVALUES]]',
    tips: ['nondeterministic_output'],
  },
  (call, args, reply) => {
    if (args.count > 2) {
      const count = readRandomCount(args, 2, reply)
      if (Number.isNaN(count)) return
      if (args.count > 4 || (args.count === 4 && !args.is(3, 'withvalues'))) reply.error(SYNTAX)
      else if (args.count === 4 && Math.abs(count) >= PAIRS_MAX) reply.error('ERR value is out of range')
      else replyRandom(call, args, count, args.count === 4, reply)
      return
    }
    const handle = hashToDraw(call, args, reply)
    if (handle === WRONG) return
    if (handle === 0) {
      reply.nil()
      return
    }
    call.keyspace.hashes.random(handle)
    replyPiece(reply, call.keyspace.hashes.field)
  },
)

export const WHOLE_HASH_FAMILY = [hgetall, hkeys, hvals, hscan, hrandfield]
