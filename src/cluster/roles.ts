/** Turning masters into replicas and back. */

import { AssertionError } from '../bytes/assert.js'
import { resetManual } from './manual.js'
import { addReplica, removeReplica, setShard } from './nodes.js'
import { clearSlotsOf, closeAllSlots } from './slots.js'
import type { ClusterNode } from './state.js'
import { isMaster, isReplica, MASTER, MIGRATE_TO, NOADDR, REPLICA } from './state.js'
import type { Turn } from './turn.js'
import { TODO_STATE } from './turn.js'

/** A node that we took for a replica is a master. */
export function setAsMaster(turn: Turn, node: ClusterNode): void {
  if (isMaster(node)) return
  if (node.master !== null) {
    removeReplica(node.master, node)
    if (node !== turn.state.myself) node.flags |= MIGRATE_TO
  }
  node.flags = (node.flags & ~REPLICA) | MASTER
  node.master = null
  turn.state.servedStale = true
  if (node === turn.state.myself) turn.ready.persist = true
  else turn.ready.save = true
  turn.todo |= TODO_STATE
}

/** Makes us a replica of `master`. Slots that we still own become nobody's. */
export function replicate(turn: Turn, master: ClusterNode): void {
  const { state } = turn
  const { myself } = state
  if (master === myself) throw new AssertionError('a node does not replicate itself')
  clearSlotsOf(turn, myself)
  if (isMaster(myself)) {
    myself.flags = (myself.flags & ~(MASTER | MIGRATE_TO)) | REPLICA
    closeAllSlots(state)
  } else if (myself.master !== null) {
    removeReplica(myself.master, myself)
  }
  const foreign = myself.shardId !== master.shardId
  myself.master = master
  turn.ready.persist = true
  setShard(turn, myself, master.shardId)
  addReplica(master, myself)
  for (const node of state.nodeList) node.orphanedAt_ms = 0
  followMaster(turn, foreign)
  resetManual(turn)
  state.servedStale = true
  state.announceOwed = true
}

/** Has replication point at our master's address, if we know one. `foreign`: our data are another shard's. */
function followMaster(turn: Turn, foreign: boolean): void {
  const { config, myself } = turn.state
  const { master } = myself
  if (master === null || (master.flags & NOADDR) !== 0 || master.ip === '') return
  const port = config.tlsReplication ? master.tlsPort : master.port
  turn.state.followed = `${master.ip} ${port} ${master.name}`
  turn.ready.facts.push({ kind: 'becomeReplicaOf', host: master.ip, port, name: master.name, foreign })
}

/** Replication goes after our master when its address has changed, whichever way we heard of that. */
export function refollow(turn: Turn): void {
  const { config, myself, local, followed } = turn.state
  const { master } = myself
  if (!isReplica(myself) || master === null || (master.flags & NOADDR) !== 0 || master.ip === '') return
  const port = config.tlsReplication ? master.tlsPort : master.port
  const moved = followed !== '' && followed !== `${master.ip} ${port} ${master.name}`
  if (moved || !local.replicating) followMaster(turn, false)
}
