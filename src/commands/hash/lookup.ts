/**
 * Looking at one field of a hash as Redis's commands do. Whoever comes upon a field whose time has come removes it, where this
 * node decides about that: then the hash may be left without fields, and goes with the last (`tellExpired`).
 */

import { expireField } from '../../keyspace/collections/field-expiry.js'
import { LP_HEADER_BYTES } from '../../keyspace/collections/listpack.js'
import { EXPIRE_DELETE } from '../../keyspace/expiry.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { removeEmpty } from '../collection.js'
import { NOTIFY_HASH } from '../host.js'

/**
 * Whether the hash has the field of argument `index`; its value is then in `hashes.value`. `handle` may be 0. What has expired
 * is removed and counted in `keyspace.expiredFields`; `tellExpired` must follow before the command ends. `from` is a hint, see Hashes.get.
 */
export function hasField(
  call: Call,
  args: Args,
  handle: number,
  index: number,
  from = LP_HEADER_BYTES,
): boolean {
  const { hashes } = call.keyspace
  if (handle === 0) return false
  if (hashes.get(handle, args.buf, args.start(index), args.end(index), from)) return true
  if (hashes.stale && call.keyspace.expiry === EXPIRE_DELETE) {
    expireField(call.db, handle, args.view(1), args.view(index))
  }
  return false
}

/**
 * Tells listeners of fields that have expired since `keyspace.expiredFields` was `before`. Returns the hash of argument 1, or 0
 * where it had no other fields and is gone.
 */
export function tellExpired(call: Call, args: Args, handle: number, before: number): number {
  const { keyspace } = call
  if (keyspace.expiredFields === before) return handle
  call.notify(NOTIFY_HASH, 'hexpired', args.buf, args.start(1), args.end(1))
  if (keyspace.hashes.size(handle) > 0) return handle
  removeEmpty(call, args, 1)
  return 0
}

/** Replies with the value of the field in argument `index`, or nil; returns whether it is there. `handle` may be 0. */
export function replyField(
  call: Call,
  args: Args,
  handle: number,
  index: number,
  reply: Reply,
  from = LP_HEADER_BYTES,
): boolean {
  const { value } = call.keyspace.hashes
  const has = hasField(call, args, handle, index, from)
  if (has) reply.bulkRange(value.buf, value.start, value.end)
  else reply.nil()
  return has
}
