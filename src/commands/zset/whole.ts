/** ZRANDMEMBER, ZSCAN: members whatever their names and scores. */

import { formatDouble, seventeenDigits } from '../../bytes/double.js'
import { ZSET } from '../../keyspace/entries.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { collectionToRead, WRONG } from '../collection.js'
import { command, firstKey, KEY_ACCESS, KEY_RO, READONLY } from '../command.js'
import { readDraw, replyChosen, replyDrawn } from '../draw.js'
import { scanElements } from '../scan-elements.js'
import { replyMember, replyMemberCount } from './bounds.js'

const COMMON = {
  flags: READONLY,
  group: 'sorted-set',
  keys: firstKey(KEY_RO | KEY_ACCESS),
  tips: ['nondeterministic_output'],
} as const

/** Stands alone, so that what its functions hold is made only where they are called. */
function drawMany(call: Call, reply: Reply, handle: number, count: number, withScores: boolean): void {
  const begin = (many: number) => replyMemberCount(reply, many, withScores)
  replyDrawn(call, reply, handle, count, call.keyspace.zsets, begin, () =>
    replyMember(call, reply, withScores),
  )
}

export const zrandmember = command(
  {
    ...COMMON,
    name: 'ZRANDMEMBER',
    arity: -2,
    since: '6.2.0',
    summary: 'Returns members of a sorted set at random.',
    complexity: 'O(N) with N members returned',
    syntax: 'key [count [WITHSCORES]]',
  },
  (call, args, reply) => {
    const count = args.count > 2 ? readDraw(args, 'withscores', reply) : 1
    if (Number.isNaN(count)) return
    const handle = collectionToRead(call, args, 1, ZSET, reply)
    if (handle === WRONG) return
    const { zsets } = call.keyspace
    if (args.count > 2) {
      const withScores = args.count === 4
      if (!replyChosen(call, reply, handle, count, withScores))
        drawMany(call, reply, handle, count, withScores)
    } else if (handle === 0) reply.nil()
    else {
      zsets.random(handle)
      replyMember(call, reply, false)
    }
  },
)

export const zscan = command(
  {
    ...COMMON,
    name: 'ZSCAN',
    arity: -3,
    since: '2.8.0',
    summary: 'Returns some of the members and where to go on: walks through all of them in several calls.',
    complexity: 'O(1) for each call, O(N) for a whole walk over N members',
    syntax: 'key cursor [MATCH pattern] [COUNT count]',
  },
  (call, args, reply) => {
    const { zsets } = call.keyspace
    const { member } = zsets
    scanElements(call, args, ZSET, 'nothing', reply, (handle) => {
      // Redis writes scores of its large form with all digits here, those of the small one as everywhere.
      const format = zsets.isSmall(handle) ? formatDouble : seventeenDigits
      return {
        name: member,
        scan: (set, cursor, visit) => zsets.scan(set, cursor, visit),
        show: () => {
          reply.bulkRange(member.buf, member.start, member.end)
          const { score } = zsets
          if (Number.isSafeInteger(score) && (score !== 0 || 1 / score > 0)) reply.bulkInt(score)
          else reply.bulkText(format(score))
          return 2
        },
      }
    })
  },
)

export const WHOLE_SORTED_FAMILY = [zrandmember, zscan]
