/**
 * Peers that do harm: one who is no member, greets, and tells of nodes that nobody else has heard of; and one who speaks
 * in a member's name.
 */

import type { Packet } from '../cluster/index.js'
import { inHandshake, isMaster, takeLinkId } from '../cluster/index.js'
import { chance, pick, random } from './prng.js'
import { give } from './process.js'
import type { World } from './world.js'
import { tell } from './world.js'

const MEET = 2
const PING = 0
const UPDATE = 7

function name(world: World): string {
  let text = ''
  for (let i = 0; i < 40; i++) text += Math.floor(random(world.prng) * 16).toString(16)
  return text
}

export function strangerGreets(world: World): void {
  const nodes = world.nodes.filter((node) => node.state !== null)
  if (nodes.length === 0) return
  const node = pick(world.prng, nodes)
  if (node.pausedUntil_ms > world.timeline.now_ms) return
  const link = takeLinkId(node.state!)
  const type = chance(world.prng, 0.7) ? MEET : PING
  tell(world, `a stranger sends n${node.index} a ${type === MEET ? 'meet' : 'ping'}`)
  const gossip = [0, 1].map(() => ({
    name: name(world),
    pingSent_s: 0,
    pongReceived_s: 1_700_000_000,
    ip: '10.9.9.9',
    port: 7000,
    busPort: 17_000,
    flags: 1,
    otherPort: 0,
  }))
  const packet: Packet = {
    type,
    gossip,
    extensions: [],
    sender: name(world),
    port: 7000,
    otherPort: 0,
    busPort: 17_000,
    ip: '10.9.9.8',
    flags: 1,
    master: '',
    slots: new Uint8Array(2048).fill(255),
    currentEpoch: 1_000_000n,
    configEpoch: 1_000_000n,
    offset_bytes: 0,
    state: 0,
    mflags: 0,
  }
  give(world, node, { kind: 'link', event: 'accepted', link, localIp: node.ip, remoteIp: '10.9.9.8' })
  give(world, node, { kind: 'packet', link, packet })
}

/** Epochs that a forger likes: far away, above the numbers of JavaScript, of a signed integer, and the last one there is. */
const FORGED_EPOCHS = [1n << 32n, (1n << 53n) - 1n, 1n << 63n, (1n << 64n) - 1n]

/** A ping, or an UPDATE, in a master's name: as it would speak itself, but for an epoch that is absurd, or another's. */
export function epochIsForged(world: World): void {
  const nodes = world.nodes.filter(
    (node) => node.state !== null && node.pausedUntil_ms <= world.timeline.now_ms,
  )
  if (nodes.length === 0) return
  const node = pick(world.prng, nodes)
  const { myself, nodeList, currentEpoch } = node.state!
  const masters = nodeList.filter((known) => known !== myself && isMaster(known) && !inHandshake(known))
  if (masters.length === 0) return
  const victim = pick(world.prng, masters)
  const epoch = chance(world.prng, 0.3)
    ? pick(world.prng, masters).configEpoch
    : pick(world.prng, FORGED_EPOCHS)
  const update = chance(world.prng, 0.3)
  tell(
    world,
    `n${node.index} gets a forged ${update ? 'update about' : 'ping of'} ${victim.name} with epoch ${epoch}`,
  )
  const link = takeLinkId(node.state!)
  const header = {
    sender: victim.name,
    port: victim.port,
    otherPort: 0,
    busPort: victim.busPort,
    ip: victim.ip,
    flags: victim.flags,
    master: '',
    slots: victim.slots.slice(),
    currentEpoch: update ? currentEpoch : epoch,
    configEpoch: update ? victim.configEpoch : epoch,
    offset_bytes: victim.offset_bytes,
    state: 0,
    mflags: 0,
  }
  const packet: Packet = update
    ? { ...header, type: UPDATE, about: victim.name, aboutEpoch: epoch, aboutSlots: header.slots }
    : { ...header, type: PING, gossip: [], extensions: [] }
  give(world, node, { kind: 'link', event: 'accepted', link, localIp: node.ip, remoteIp: victim.ip })
  give(world, node, { kind: 'packet', link, packet })
}
