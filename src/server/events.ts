/** Keyspace notifications: what happened to keys, told on channels. */

import { utf8 } from '../bytes/ascii.js'
import { NOTIFY_KEYEVENT, NOTIFY_KEYSPACE } from '../commands/host.js'
import type { Database } from '../keyspace/database.js'
import type { ServerNode } from './node.js'

/** Tells of `event` on the channels of the key and of the event, as `notify-keyspace-events` wants it. */
export function notifyKeyspaceEvent(
  node: ServerNode,
  kind: number,
  event: string,
  db: Database,
  key: Uint8Array,
  start: number,
  end: number,
): void {
  const mask = node.call.notifyMask
  if ((mask & kind) === 0) return
  if ((mask & NOTIFY_KEYSPACE) !== 0) {
    const prefix = utf8(`__keyspace@${db.index}__:`)
    const channel = new Uint8Array(prefix.length + end - start)
    channel.set(prefix)
    channel.set(key.subarray(start, end), prefix.length)
    node.pubsub.publish(channel, utf8(event))
  }
  if ((mask & NOTIFY_KEYEVENT) !== 0) {
    node.pubsub.publish(utf8(`__keyevent@${db.index}__:${event}`), key.slice(start, end))
  }
}

/** Nothing is wanted unless a channel is named to tell it on. */
export function notifyMask(wanted: number): number {
  return (wanted & (NOTIFY_KEYSPACE | NOTIFY_KEYEVENT)) === 0 ? 0 : wanted
}
