/**
 * Looking keys up as Redis's commands do: which look-ups count as hits and misses, note the time of access, and tell
 * listeners of a key that is not there.
 */

import type { Args } from '../resp/args.js'
import type { Call } from './call.js'
import { NOTIFY_KEY_MISS } from './host.js'

/** The entry of argument `index` for a command that reads its value, or 0: counted, touched, `keymiss` told. */
export function readKey(call: Call, args: Args, index: number): number {
  const start = args.start(index)
  const end = args.end(index)
  const handle = call.db.read(args.buf, start, end)
  if (handle === 0) call.notify(NOTIFY_KEY_MISS, 'keymiss', args.buf, start, end)
  return handle
}

/** As `readKey` for commands that look at a key from outside (TTL, TYPE): the time of access stays as it is. */
export function glanceAtKey(call: Call, args: Args, index: number): number {
  const start = args.start(index)
  const end = args.end(index)
  const handle = call.db.find(args.buf, start, end)
  if (handle !== 0) {
    call.keyspace.hits++
  } else {
    call.keyspace.misses++
    call.notify(NOTIFY_KEY_MISS, 'keymiss', args.buf, start, end)
  }
  return handle
}

/** The entry of argument `index` for a command that may change it, or 0: nothing is counted. */
export function findKey(call: Call, args: Args, index: number): number {
  return call.db.find(args.buf, args.start(index), args.end(index))
}
