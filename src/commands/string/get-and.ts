/** GETDEL and GETEX: a string is read, and its key goes, or gets another expiry. */

import { ascii } from '../../bytes/ascii.js'
import { NO_EXPIRY, STRING } from '../../keyspace/entries.js'
import { command, FAST, firstKey, KEY_ACCESS, KEY_DELETE, KEY_RW, KEY_UPDATE, WRITE } from '../command.js'
import { SYNTAX, WRONGTYPE } from '../errors.js'
import { changeExpiry, expireAtOnce, isPast, propagateExpiry } from '../generic/expiry.js'
import { NOTIFY_GENERIC } from '../host.js'
import { readKey } from '../lookup.js'
import { EXAT, PERSIST, PXAT, readOptions, readTime, timeIndex } from './expiry-option.js'
import { replyString } from './get-set.js'

const DEL = ascii('DEL')
const PERSIST_NAME = ascii('PERSIST')

export const getdel = command(
  {
    name: 'GETDEL',
    arity: 2,
    flags: WRITE | FAST,
    since: '6.2.0',
    group: 'string',
    summary: 'Returns the string of a key and removes the key.',
    complexity: 'O(1)',
    syntax: 'key',
    keys: firstKey(KEY_RW | KEY_ACCESS | KEY_DELETE),
  },
  (call, args, reply) => {
    if (!replyString(call, args, 1, reply)) return
    const start = args.start(1)
    const end = args.end(1)
    if (!call.db.delete(args.buf, start, end)) return
    call.dirty++
    const to = call.writeInstead(2)
    if (to !== null) {
      to.whole(DEL)
      to.argument(args, 1)
    }
    call.notify(NOTIFY_GENERIC, 'del', args.buf, start, end)
  },
)

export const getex = command(
  {
    name: 'GETEX',
    arity: -2,
    flags: WRITE | FAST,
    since: '6.2.0',
    group: 'string',
    summary: 'Returns the string of a key, and gives the key another expiry or none.',
    complexity: 'O(1)',
    syntax:
      'key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST]',
    keys: firstKey(KEY_RW | KEY_ACCESS | KEY_UPDATE),
  },
  (call, args, reply) => {
    const options = readOptions(args, 2, false)
    if (options < 0) {
      reply.error(SYNTAX)
      return
    }
    const handle = readKey(call, args, 1)
    if (handle === 0) {
      reply.nil()
      return
    }
    const entries = call.db.entries
    if (entries.type(handle) !== STRING) {
      reply.error(WRONGTYPE)
      return
    }
    const index = timeIndex(options)
    const at_ms = index === 0 ? NO_EXPIRY : readTime(call, args, index, options, 'getex', reply)
    if (Number.isNaN(at_ms)) return
    const start = entries.valueStart(handle)
    reply.bulkRange(entries.bytes(handle), start, start + entries.valueLength(handle))
    if (index !== 0 && (options & (EXAT | PXAT)) !== 0 && isPast(call, at_ms)) {
      expireAtOnce(call, args)
    } else if (index !== 0) {
      changeExpiry(call, args, handle, at_ms)
      propagateExpiry(call, args, at_ms, 3)
    } else if ((options & PERSIST) !== 0 && entries.expiry(handle) !== NO_EXPIRY) {
      changeExpiry(call, args, handle, NO_EXPIRY)
      call.propagate(PERSIST_NAME, args.view(1))
    }
  },
)

export const GET_AND_FAMILY = [getdel, getex]
