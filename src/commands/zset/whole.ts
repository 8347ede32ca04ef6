/** ZRANDMEMBER, ZSCAN: members whatever their names and scores. */

import { ascii } from '../../bytes/ascii.js'
import { formatDouble, seventeenDigits } from '../../bytes/double.js'
import { globMatch } from '../../bytes/glob.js'
import { ZSET } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { collectionToRead, readRandomCount, WRONG } from '../collection.js'
import { command, firstKey, KEY_ACCESS, KEY_RO, READONLY } from '../command.js'
import { drawOften } from '../draw.js'
import { SYNTAX } from '../errors.js'
import { BUCKETS_A_KEY, readCursor, readScanOptions } from '../generic/scan.js'
import { replyNothingScanned, replyScanned } from '../hash/whole.js'
import { replyMember, replyMemberCount } from './bounds.js'

/** Half of what a 64-bit integer can count, as a double. */
const PAIRS_MAX = 2 ** 62

const COMMON = {
  flags: READONLY,
  group: 'sorted-set',
  keys: firstKey(KEY_RO | KEY_ACCESS),
  tips: ['nondeterministic_output'],
} as const

/** `count` members: if positive different ones, as many as there are at most; if negative each on its own. */
function replyRandom(call: Call, args: Args, count: number, withScores: boolean, reply: Reply): void {
  const handle = collectionToRead(call, args, 1, ZSET, reply)
  if (handle === WRONG) return
  const { zsets } = call.keyspace
  const size = handle === 0 ? 0 : zsets.size(handle)
  const many = handle === 0 ? 0 : count < 0 ? -count : Math.min(count, size)
  replyMemberCount(reply, many, withScores)
  if (many === 0) return
  const show = () => replyMember(call, reply, withScores)
  if (count < 0 || count === 1) {
    drawOften(call, reply, many, () => {
      zsets.random(handle)
      show()
    })
  } else if (many === size) zsets.forEach(handle, show)
  else zsets.sample(handle, many, show)
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
    if (args.count > 2) {
      const count = readRandomCount(args, 2, reply)
      if (Number.isNaN(count)) return
      if (args.count > 4 || (args.count === 4 && !args.is(3, 'withscores'))) reply.error(SYNTAX)
      else if (args.count === 4 && Math.abs(count) >= PAIRS_MAX) reply.error('ERR value is out of range')
      else replyRandom(call, args, count, args.count === 4, reply)
      return
    }
    const handle = collectionToRead(call, args, 1, ZSET, reply)
    if (handle === WRONG) return
    if (handle === 0) {
      reply.nil()
      return
    }
    call.keyspace.zsets.random(handle)
    replyMember(call, reply, false)
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
    let cursor = readCursor(args, 2, reply)
    if (cursor === null) return
    const handle = collectionToRead(call, args, 1, ZSET, reply)
    if (handle === WRONG) return
    if (handle === 0) {
      replyNothingScanned(reply)
      return
    }
    const options = readScanOptions(args, 3, 'nothing', reply)
    if (options === null) return
    const { zsets } = call.keyspace
    const { member } = zsets
    const { count, match } = options
    // Redis writes scores of its large form with all digits here, those of the small one as everywhere.
    const format = zsets.isSmall(handle) ? formatDouble : seventeenDigits
    const mark = reply.pos
    let seen = 0
    let shown = 0
    const visit = () => {
      seen++
      const matches =
        match === 0 ||
        globMatch(args.buf, args.start(match), args.end(match), member.buf, member.start, member.end)
      if (!matches) return
      reply.bulkRange(member.buf, member.start, member.end)
      reply.bulk(ascii(format(zsets.score)))
      shown += 2
    }
    let buckets = count * BUCKETS_A_KEY
    do cursor = zsets.scan(handle, cursor, visit)
    while (cursor !== 0 && buckets-- > 0 && seen < count)
    replyScanned(reply, mark, cursor, shown)
  },
)

export const WHOLE_SORTED_FAMILY = [zrandmember, zscan]
