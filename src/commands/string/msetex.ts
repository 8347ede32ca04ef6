/** MSETEX: strings under many keys with one expiry, and only where all or none of the keys are there. As in Redis 8.4. */

import { ascii } from '../../bytes/ascii.js'
import type { Int64 } from '../../bytes/int64.js'
import { NO_EXPIRY } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Call } from '../call.js'
import { command, DENYOOM, KEY_OW, KEY_UPDATE, WRITE } from '../command.js'
import { SYNTAX } from '../errors.js'
import { tellExpiry } from '../generic/expiry.js'
import { NOTIFY_GENERIC } from '../host.js'
import { integerBytes, nearInteger } from '../int64.js'
import { findKey } from '../lookup.js'
import { ANY_CONDITION, GET, KEEPTTL, NX, readOptions, readTime, timeIndex, XX } from './expiry-option.js'
import { store } from './get-set.js'

const SET = ascii('SET')
const PXAT = ascii('PXAT')
const KEEPTTL_NAME = ascii('KEEPTTL')
const COUNT_MAX = 2 ** 31 - 1
const FIRST_KEY = 2

export const msetex = command(
  {
    name: 'MSETEX',
    arity: -4,
    flags: WRITE | DENYOOM,
    since: '8.4.0',
    group: 'string',
    summary: 'Puts a string under each of the keys, all or none, to expire at the same time.',
    complexity: 'O(N) with N keys',
    syntax:
      'numkeys <key value> [<key value> ...] [NX | XX] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]',
    keys: [{ flags: KEY_OW | KEY_UPDATE, begin: { index: 1 }, find: { keyNumber: 0, firstKey: 1, step: 2 } }],
    tips: ['request_policy:multi_shard', 'response_policy:all_succeeded'],
  },
  (call, args, reply) => {
    const count = nearInteger(args, 1)
    const end = FIRST_KEY + count * 2
    if (!(count >= 1 && count <= COUNT_MAX)) {
      reply.error('ERR invalid numkeys value')
      return
    }
    if (end > args.count) {
      reply.error('ERR wrong number of key-value pairs')
      return
    }
    const options = readOptions(args, end, true)
    if (options < 0 || (options & (GET | ANY_CONDITION)) !== 0) {
      reply.error(SYNTAX)
      return
    }
    const index = timeIndex(options)
    const at_ms = index === 0 ? NO_EXPIRY : readTime(call, args, index, options, 'msetex', reply)
    if (Number.isNaN(at_ms)) return
    if (!exist(call, args, end, options)) {
      reply.int(0)
      return
    }
    for (let i = FIRST_KEY; i < end; i += 2) setOne(call, args, i, at_ms, (options & KEEPTTL) !== 0)
    reply.int(1)
  },
)

/** Whether the keys are all there, or none of them, where that is asked. */
function exist(call: Call, args: Args, end: number, options: number): boolean {
  if ((options & (NX | XX)) === 0) return true
  for (let i = FIRST_KEY; i < end; i += 2) {
    if ((findKey(call, args, i) !== 0) !== ((options & XX) !== 0)) return false
  }
  return true
}

/** Goes out as a SET, with the expiry as a point in time: so any replica can follow. */
function setOne(call: Call, args: Args, key: number, at_ms: Int64, keep: boolean): void {
  const old = keep ? findKey(call, args, key) : 0
  store(call, args, key, key + 1, old === 0 ? at_ms : call.db.entries.exactExpiry(old))
  const how = at_ms !== NO_EXPIRY ? [PXAT, integerBytes(at_ms)] : keep ? [KEEPTTL_NAME] : []
  call.propagate(SET, args.view(key), args.view(key + 1), ...how)
  if (at_ms === NO_EXPIRY) return
  tellExpiry(call, args, key)
  call.notify(NOTIFY_GENERIC, 'expire', args.buf, args.start(key), args.end(key))
}

export const MSETEX_FAMILY = [msetex]
