/** What commands on bits share: positions in arguments, and strings that grow with zero bytes up to a bit. */

import { NO_EXPIRY, RAW, STRING } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { WRONGTYPE } from '../errors.js'
import { NOTIFY_NEW, NOTIFY_STRING } from '../host.js'
import { findKey, readKey } from '../lookup.js'

export const BAD_OFFSET = 'ERR bit offset is not an integer or out of range'
/** proto-max-bulk-len is never less: positions in front of this need no look at the configuration. */
const STRING_BYTES_MIN = 1024 * 1024
/** More than one block of the heap holds no configuration and no master can have. */
const STRING_BYTES_MAX = 0x7fd00000

/** Whether a string may be so long that it has a bit of this position. Our master may do as it likes. */
export function mayHaveBit(call: Call, offset: number): boolean {
  if (!(offset >= 0)) return false
  const byte = Math.floor(offset / 8)
  if (byte < STRING_BYTES_MIN) return true
  const limit = call.caller.trusted ? STRING_BYTES_MAX : call.host.configNumber('proto-max-bulk-len')
  return byte < Math.min(limit, STRING_BYTES_MAX)
}

/** What look-ups return where the key holds something else, which has been replied. */
export const WRONG = -1

/** The string of argument `index` for reading, 0 if it is not there, or WRONG. */
export function stringToRead(call: Call, args: Args, index: number, reply: Reply): number {
  const handle = readKey(call, args, index)
  if (handle === 0 || call.db.entries.type(handle) === STRING) return handle
  reply.error(WRONGTYPE)
  return WRONG
}

/**
 * The string of argument 1, of at least `bytes` bytes, those that are new being zero; its bytes may then be written. WRONG
 * where the key holds something else. `grown.is` says whether the string is new or longer than it was.
 */
export function stringWithBytes(
  call: Call,
  args: Args,
  bytes: number,
  reply: Reply,
  grown: { is: boolean },
): number {
  const { db } = call
  const { entries } = db
  const handle = findKey(call, args, 1)
  grown.is = true
  if (handle === 0) {
    const made = db.set(STRING, RAW, args.buf, args.start(1), args.end(1), bytes, NO_EXPIRY)
    const at = entries.valueStart(made)
    entries.bytes(made).fill(0, at, at + bytes)
    call.notify(NOTIFY_NEW, 'new', args.buf, args.start(1), args.end(1))
    return made
  }
  entries.setAccess(handle, call.keyspace.accessNow(entries.access(handle)))
  if (entries.type(handle) !== STRING) {
    reply.error(WRONGTYPE)
    return WRONG
  }
  db.willChange(handle)
  const length = entries.valueLength(handle)
  grown.is = bytes > length
  const made = grown.is ? db.resizeValue(handle, bytes) : handle
  if (grown.is) {
    const at = entries.valueStart(made)
    entries.bytes(made).fill(0, at + length, at + bytes)
  }
  entries.setEncoding(made, RAW)
  return made
}

/** Tells watchers and listeners that bits of the string in argument 1 have changed. */
export function bitsChanged(call: Call, args: Args, changes: number): void {
  call.db.changed(args.buf, args.start(1), args.end(1))
  call.notify(NOTIFY_STRING, 'setbit', args.buf, args.start(1), args.end(1))
  call.dirty += changes
}
