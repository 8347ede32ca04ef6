/** What commands that store a sorted set do with the one that they have made. */

import { attach } from '../../keyspace/collections/value.js'
import { NO_EXPIRY } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { NOTIFY_GENERIC, NOTIFY_NEW, NOTIFY_ZSET } from '../host.js'
import { findKey } from '../lookup.js'

/**
 * Puts the bare sorted set `made` under the key of argument 1, whatever stood there, or removes the key where it has no members;
 * replies how many it has.
 */
export function storeSorted(call: Call, args: Args, made: number, event: string, reply: Reply): void {
  const { db, keyspace } = call
  const { buf } = args
  const start = args.start(1)
  const end = args.end(1)
  const size = keyspace.zsets.size(made)
  reply.int(size)
  if (size === 0) {
    keyspace.release(made)
    if (!db.delete(buf, start, end)) return
    call.dirty++
    call.notify(NOTIFY_GENERIC, 'del', buf, start, end)
    return
  }
  const known = findKey(call, args, 1) !== 0
  attach(db, buf, start, end, made, NO_EXPIRY)
  if (!known) call.notify(NOTIFY_NEW, 'new', buf, start, end)
  call.dirty++
  call.notify(NOTIFY_ZSET, event, buf, start, end)
}
