/** Strings that change where they stand, keeping their expiry. */

import { NO_EXPIRY, STRING } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { STRING_TOO_LONG } from '../errors.js'
import { NOTIFY_NEW, NOTIFY_STRING } from '../host.js'

/**
 * The entry of the key in argument 1, its value now `bytes` long: `handle` if it was there (it must come from the look-up
 * just before), else a new one. Bytes beyond the old length are undefined: the caller writes them.
 */
export function stringOfLength(
  call: Call,
  args: Args,
  handle: number,
  bytes: number,
  encoding: number,
): number {
  const db = call.db
  const start = args.start(1)
  const end = args.end(1)
  if (handle === 0) return db.set(STRING, encoding, args.buf, start, end, bytes, NO_EXPIRY)
  db.willChange(handle)
  // A counter seldom gets a digit more; how large the block is need not be asked for.
  const made = db.entries.valueLength(handle) === bytes ? handle : db.resizeValue(handle, bytes)
  db.entries.setEncoding(made, encoding)
  db.entries.setAccess(made, call.keyspace.accessNow(db.entries.access(made)))
  db.changed(args.buf, start, end)
  return made
}

/** Counts the change of the string in argument 1 and tells listeners of it. */
export function stringChanged(call: Call, args: Args, isNew: boolean, event: string): void {
  call.dirty++
  if (isNew) call.notify(NOTIFY_NEW, 'new', args.buf, args.start(1), args.end(1))
  call.notify(NOTIFY_STRING, event, args.buf, args.start(1), args.end(1))
}

/** Whether a string may become so long; if not, the error has been replied. Our master may do as it likes. */
export function mayBeLong(call: Call, bytes: number, reply: Reply): boolean {
  if (call.caller.trusted || bytes <= call.host.configNumber('proto-max-bulk-len')) return true
  reply.error(STRING_TOO_LONG)
  return false
}
