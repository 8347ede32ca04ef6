/**
 * What commands on groups send to the append-only file and the replicas: what came of them, not themselves. An entry that
 * was given to a consumer, or was found gone, goes as an XCLAIM that can be carried out twice without harm.
 */

import { ascii } from '../../bytes/ascii.js'
import type { StreamGroup } from '../../keyspace/collections/stream-group.js'
import type { StreamId } from '../../keyspace/collections/stream-id.js'
import type { Args } from '../../resp/args.js'
import type { Call } from '../call.js'

const XCLAIM = ascii('XCLAIM')
const XGROUP = ascii('XGROUP')
const SETID = ascii('SETID')
const CREATECONSUMER = ascii('CREATECONSUMER')
const ENTRIESREAD = ascii('ENTRIESREAD')
const ZERO = ascii('0')
const TIME = ascii('TIME')
const RETRYCOUNT = ascii('RETRYCOUNT')
const FORCE = ascii('FORCE')
const JUSTID = ascii('JUSTID')
const LASTID = ascii('LASTID')

/** The arguments of a command that name its key and its group. */
export interface Named {
  readonly key: number
  readonly group: number
}

/** The pending entry at the cursor of the group, whose ID is `id` or was so written, is as it is now. */
export function propagateClaim(
  call: Call,
  args: Args,
  named: Named,
  group: StreamGroup,
  id: StreamId | Uint8Array,
): void {
  if (!call.isHeard) return
  call.propagate(
    XCLAIM,
    args.view(named.key),
    args.view(named.group),
    group.owner!.name,
    ZERO,
    id instanceof Uint8Array ? id : id.bytes(),
    TIME,
    ascii(group.deliveredAt_ms.toString()),
    RETRYCOUNT,
    ascii(group.deliveries.toString()),
    FORCE,
    JUSTID,
    LASTID,
    group.last.bytes(),
  )
}

/** The group's last ID has changed. */
export function propagateGroupId(call: Call, args: Args, named: Named, group: StreamGroup): void {
  call.propagate(
    XGROUP,
    SETID,
    args.view(named.key),
    args.view(named.group),
    group.last.bytes(),
    ENTRIESREAD,
    ascii(group.read.toString()),
  )
}

/** A consumer was made. */
export function propagateConsumer(call: Call, args: Args, named: Named, name: Uint8Array): void {
  call.propagate(XGROUP, CREATECONSUMER, args.view(named.key), args.view(named.group), name)
}
