/** What must hold at every moment, and what must hold in the end. */

import type { Fact } from '../cluster/index.js'
import { inHandshake, isMaster, isReplica } from '../cluster/index.js'
import { addressOf } from './replication.js'
import type { Own, SimNode, World, Write } from './world.js'
import { violate } from './world.js'

/** Two masters may claim a slot under one epoch while they cannot hear each other, and this long after. */
const DOUBLE_OWNER_MS = 30_000

function greater(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}

/** Called when a vote leaves a node. */
export function noteVote(world: World, node: SimNode, vote: Extract<Fact, { kind: 'voted' }>): void {
  const { watch } = world
  const voter = node.state!.myself.name
  const key = `${voter} ${vote.epoch}`
  const before = watch.votes.get(key)
  if (before !== undefined) {
    violate(world, `n${node.index} votes twice in epoch ${vote.epoch}: ${before}, ${vote.replica}`)
  }
  watch.votes.set(key, vote.replica)
  const candidacy = `${vote.epoch} ${vote.replica}`
  const supporters = watch.supporters.get(candidacy) ?? new Set()
  supporters.add(voter)
  watch.supporters.set(candidacy, supporters)
  watch.votedEpoch.set(voter, greater(vote.epoch, watch.votedEpoch.get(voter) ?? 0n))
}

/** Called when a replica has become a master. */
export function notePromotion(world: World, node: SimNode, epoch: bigint): void {
  const { watch } = world
  const state = node.state!
  // A take-over by hand has no election.
  if (epoch === 0n) return
  const { name } = state.myself
  const winner = watch.winners.get(epoch)
  if (winner !== undefined && winner !== name)
    violate(world, `two winners in epoch ${epoch}: ${winner}, ${name}`)
  if (winner === name) violate(world, `n${node.index} wins epoch ${epoch} a second time`)
  if (node.replication.incomplete) violate(world, `n${node.index} is promoted without its shard's data`)
  watch.winners.set(epoch, name)
  const supporters = watch.supporters.get(`${epoch} ${name}`)?.size ?? 0
  const needed = Math.floor(state.size / 2) + 1
  if (supporters < needed) {
    violate(world, `n${node.index} wins epoch ${epoch} with ${supporters} of ${needed} votes`)
  }
}

/** Acknowledged writes that the present owners of their slots do not have. Of use only where no master has died. */
export function lostWrites(world: World): number {
  const held = new Set<Write>()
  for (const node of world.nodes) {
    const { state } = node
    if (state === null || !isMaster(state.myself)) continue
    for (let write = node.replication.lastWrite; write !== null; write = write.before) held.add(write)
  }
  return world.watch.acknowledged.filter((write) => !held.has(write)).length
}

/** Called after the packets of a turn have left the node: what they claim must survive a crash. */
export function noteTurn(world: World, node: SimNode): void {
  const { myself } = node.state!
  if (!isMaster(myself) || myself.configEpoch === 0n) return
  const { ownEpoch } = world.watch
  if (myself.configEpoch > (ownEpoch.get(myself.name) ?? 0n)) ownEpoch.set(myself.name, myself.configEpoch)
}

function ownOf(node: SimNode): Own {
  const { myself, migratingTo, importingFrom, currentEpoch, lastVoteEpoch } = node.state!
  const moving = [...migratingTo].map(([slot, { name }]) => `${slot}>${name}`)
  for (const [slot, { name }] of importingFrom) if (!migratingTo.has(slot)) moving.push(`${slot}<${name}`)
  return {
    master: isMaster(myself) ? null : (myself.master?.name ?? ''),
    slots: myself.slotsSnapshot ?? myself.slots.slice(),
    moving: moving.sort().join(' '),
    // A replica speaks with its master's epoch; its own is of no meaning, and not in the file.
    configEpoch: isMaster(myself) ? myself.configEpoch : 0n,
    currentEpoch,
    lastVoteEpoch,
  }
}

function sameOwn(a: Own, b: Own): boolean {
  const { slots, ...one } = a
  const { slots: others, ...two } = b
  return (
    (Object.keys(one) as (keyof typeof one)[]).every((key) => one[key] === two[key]) &&
    (slots === others || slots.every((byte, at) => byte === others[at]))
  )
}

/** Called after every step: a node that crashes may come back in a state that it has not told of yet. */
export function noteState(node: SimNode): void {
  const own = ownOf(node)
  const last = node.past.at(-1)
  if (last === undefined || !sameOwn(own, last)) node.past.push(own)
}

/** Called when a packet or an answer leaves that was made in this state: no earlier one may come back. */
export function noteTold(node: SimNode, own: Own): void {
  const at = node.past.indexOf(own)
  if (at > 0) node.past.splice(0, at)
}

/** Called when a node has read its nodes.conf again. */
export function noteRestart(world: World, node: SimNode): void {
  const state = node.state!
  const { name } = state.myself
  const voted = world.watch.votedEpoch.get(name) ?? 0n
  if (state.lastVoteEpoch < voted) {
    violate(world, `n${node.index} has forgotten its vote of epoch ${voted}: knows ${state.lastVoteEpoch}`)
  }
  if (state.currentEpoch < voted) {
    violate(world, `n${node.index}'s epoch goes back from ${voted} to ${state.currentEpoch}`)
  }
  const own = ownOf(node)
  if (world.violations.length === 0 && !node.past.some((past) => sameOwn(past, own))) {
    violate(world, `n${node.index} has forgotten what it told of itself: ${difference(node.past[0]!, own)}`)
  }
  node.past.length = 0
}

function difference(told: Own, own: Own): string {
  const parts: string[] = []
  for (const key of ['master', 'moving', 'configEpoch', 'currentEpoch', 'lastVoteEpoch'] as const) {
    if (told[key] !== own[key]) parts.push(`${key} ${told[key]} is ${own[key]}`)
  }
  if (told.slots.some((byte, at) => byte !== own.slots[at])) parts.push('slots differ')
  return parts.join(', ')
}

/** Looks at the whole world; called about once a virtual second. */
export function checkWorld(world: World): void {
  checkStrangers(world)
  checkDoubles(world)
  // One node a second: this looks at each of its slots.
  const turn = Math.floor(world.timeline.now_ms / 1000) % world.nodes.length
  if (world.nodes[turn]!.state !== null) checkTables(world, world.nodes[turn]!)
}

/** Nobody is in anybody's table who is not a member (handshakes have no name yet). */
function checkStrangers(world: World): void {
  for (const node of world.nodes) {
    for (const known of node.state?.nodeList ?? []) {
      if (inHandshake(known) || world.watch.names.has(known.name)) continue
      violate(world, `n${node.index} knows ${known.name}, who is not a member`)
      world.watch.names.set(known.name, -1)
    }
  }
}

/** No slot with two masters of one epoch, except for a while. */
function checkDoubles(world: World): void {
  const { doubles } = world.watch
  const seen = new Set<string>()
  const masters = world.nodes.filter((node) => node.state !== null && isMaster(node.state.myself))
  for (const [i, a] of masters.entries()) {
    for (const b of masters.slice(i + 1)) {
      const [mine, theirs] = [a.state!.myself, b.state!.myself]
      if (mine.configEpoch !== theirs.configEpoch) continue
      if (!mine.slots.some((byte, at) => (byte & theirs.slots[at]!) !== 0)) continue
      const pair = `n${a.index} n${b.index}`
      seen.add(pair)
      const since_ms = doubles.get(pair) ?? world.timeline.now_ms
      doubles.set(pair, since_ms)
      if (world.timeline.now_ms - since_ms > DOUBLE_OWNER_MS && a.group === b.group) {
        violate(world, `${pair} own the same slot in epoch ${mine.configEpoch}`)
      }
    }
  }
  for (const pair of doubles.keys()) if (!seen.has(pair)) doubles.delete(pair)
}

/** A node's own tables agree with each other. */
function checkTables(world: World, node: SimNode): void {
  const state = node.state!
  let owned = 0
  for (const owner of state.slotOwner) if (owner !== null) owned++
  const counted = state.nodeList.reduce((sum, known) => sum + known.slotCount, 0)
  if (owned !== counted) violate(world, `n${node.index} counts ${counted} slots where ${owned} are owned`)
  if (state.nodes.size !== state.nodeList.length) violate(world, `n${node.index} has lost count of its nodes`)
  for (const known of state.nodeList) {
    if (known.master !== null && !known.master.replicas.includes(known)) {
      violate(world, `n${node.index} has a replica that its master does not list`)
    }
  }
}

/** Null when all nodes run and agree on a whole cluster; otherwise what is still missing. */
export function unsettled(world: World): string | null {
  for (const node of world.nodes) {
    const { state } = node
    if (state === null) return `n${node.index} is down`
    if (!state.ok) return `n${node.index} says that the cluster is down`
    if (state.nodes.size !== world.nodes.length) return `n${node.index} knows ${state.nodes.size} nodes`
    const master = world.nodes.find((other) => other.state?.myself.name === state.myself.master?.name)
    const dialled = node.replication.master
    if (master !== undefined && isReplica(state.myself) && dialled !== addressOf(master)) {
      return `n${node.index} replicates ${dialled}, where n${master.index} is not`
    }
    for (const known of state.nodeList) {
      if ((known.flags & ~0x113) !== 0)
        return `n${node.index} finds ${known.name} not well: flags ${known.flags}`
      const own = world.nodes.find((other) => other.state?.myself.name === known.name)?.state?.myself
      if (own === undefined) return `n${node.index} knows a stranger`
      if (isMaster(own) !== isMaster(known)) return `n${node.index} mistakes the role of ${known.name}`
      if ((own.master?.name ?? '') !== (known.master?.name ?? '')) {
        return `n${node.index} mistakes the master of ${known.name}`
      }
      if (own.slots.some((byte, i) => byte !== known.slots[i])) {
        return `n${node.index} mistakes the slots of ${known.name}`
      }
    }
    const owned = state.nodeList.reduce((sum, known) => sum + known.slotCount, 0)
    if (owned !== 16_384) return `n${node.index} has owners for ${owned} slots`
  }
  return null
}
