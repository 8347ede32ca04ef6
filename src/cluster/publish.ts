/** Messages of clients here, for the subscribers of the other nodes: PUBLISH to all, SPUBLISH within our shard. */

import { broadcast, buildHeader } from './announce.js'
import { HANDSHAKE, MYSELF } from './state.js'
import type { Turn } from './turn.js'
import { send } from './turn.js'
import type { Packet } from './wire.js'
import { PUBLISH, PUBLISHSHARD } from './wire.js'

export function publish(turn: Turn, channel: Uint8Array, message: Uint8Array, sharded: boolean): void {
  const { state } = turn
  const packet: Packet = { ...buildHeader(state), type: sharded ? PUBLISHSHARD : PUBLISH, channel, message }
  if (!sharded) {
    broadcast(turn, packet)
    return
  }
  for (const node of state.shards.get(state.myself.shardId) ?? []) {
    if ((node.flags & (MYSELF | HANDSHAKE)) === 0) send(turn, node.link, packet)
  }
}
