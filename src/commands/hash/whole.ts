/** HGETALL, HKEYS, HVALS, HSCAN, HRANDFIELD: fields whatever their names. */

import { byteOf, chunkOf } from '../../bytes/heap.js'
import { expireFields } from '../../keyspace/collections/field-expiry.js'
import { LP_BYTES_MAX, LP_HEADER_BYTES } from '../../keyspace/collections/listpack.js'
import type { Piece } from '../../keyspace/collections/piece.js'
import { HASH } from '../../keyspace/entries.js'
import { EXPIRE_DELETE } from '../../keyspace/expiry.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { collectionToRead, WRONG } from '../collection.js'
import { command, firstKey, KEY_ACCESS, KEY_RO, READONLY } from '../command.js'
import { readDraw, replyDrawn } from '../draw.js'
import { replyElements } from '../listpack-reply.js'
import { scanElements } from '../scan-elements.js'
import { tellExpired } from './lookup.js'

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
    const { hashes, heap } = call.keyspace
    const pairs = handle === 0 ? 0 : hashes.pairsOf(handle)
    reply.map(handle === 0 ? 0 : hashes.size(handle) - hashes.countDue(handle))
    if (handle === 0) return
    if (pairs !== 0) {
      const u8 = heap.u8[chunkOf(pairs)]!
      replyElements(reply, u8, byteOf(pairs), LP_HEADER_BYTES, LP_BYTES_MAX, hashes.value)
      return
    }
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
    const { hashes } = call.keyspace
    const { field, value } = hashes
    scanElements(call, args, HASH, 'novalues', reply, (_handle, { noValues }) => ({
      name: field,
      scan: (handle, cursor, visit) => hashes.scan(handle, cursor, visit),
      show: () => {
        if (hashes.due) return 0
        replyPiece(reply, field)
        if (!noValues) replyPiece(reply, value)
        return noValues ? 1 : 2
      },
    }))
  },
)

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
    const count = args.count > 2 ? readDraw(args, 'withvalues', reply) : 1
    if (Number.isNaN(count)) return
    const handle = hashToDraw(call, args, reply)
    if (handle === WRONG) return
    const { hashes } = call.keyspace
    const { field, value } = hashes
    if (args.count > 2) {
      const withValues = args.count === 4
      const begin = (many: number) => reply.array(withValues && reply.protocol === 2 ? many * 2 : many)
      replyDrawn(call, reply, handle, count, hashes, begin, () => {
        if (withValues && reply.protocol > 2) reply.array(2)
        replyPiece(reply, field)
        if (withValues) replyPiece(reply, value)
      })
    } else if (handle === 0) reply.nil()
    else {
      hashes.random(handle)
      replyPiece(reply, field)
    }
  },
)

export const WHOLE_HASH_FAMILY = [hgetall, hkeys, hvals, hscan, hrandfield]
