/** Somebody who is no member connects, greets, and tells of nodes that nobody else has heard of. */

import type { Packet } from '../cluster/index.js'
import { takeLinkId } from '../cluster/index.js'
import { chance, pick, random } from './prng.js'
import { give } from './process.js'
import type { World } from './world.js'
import { tell } from './world.js'

const MEET = 2
const PING = 0

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
    currentEpoch: 1_000_000,
    configEpoch: 1_000_000,
    offset_bytes: 0,
    state: 0,
    mflags: 0,
  }
  give(world, node, { kind: 'link', event: 'accepted', link, localIp: node.ip, remoteIp: '10.9.9.8' })
  give(world, node, { kind: 'packet', link, packet })
}
