/** Connections of the simulated network: opening, carrying packets, breaking. */

import type { LinkId, Packet } from '../cluster/index.js'
import { decodePacket, encodePacket, TYPE_NAMES, takeLinkId } from '../cluster/index.js'
import { between, chance } from './prng.js'
import { schedule } from './timeline.js'
import type { Connection, SimNode, World } from './world.js'
import { reachable, tell, violate } from './world.js'

/** An attempt to reach a node that is cut off ends after this time. */
const CONNECT_TIMEOUT_MS = 3000

function latency_ms(world: World): number {
  return between(world.prng, world.latency_ms[0], world.latency_ms[1])
}

/** `from` opens a connection to an address. */
export function connect(world: World, from: SimNode, link: LinkId, ip: string, port: number): void {
  const { timeline } = world
  const to = world.nodes.find((node) => node.ip === ip && node.port + 10_000 === port)
  const { life } = from
  const fail = (after_ms: number) =>
    schedule(timeline, timeline.now_ms + after_ms, () => {
      if (from.life !== life || !from.connections.has(link)) return
      from.connections.delete(link)
      world.deliver(from, { kind: 'link', event: 'failed', link })
    })
  const connection: Connection = {
    from,
    to: to ?? from,
    fromLink: link,
    toLink: -1,
    open: false,
    silent: false,
    lastArrival_ms: [0, 0],
    early: [],
  }
  from.connections.set(link, connection)
  if (to === undefined || !reachable(from, to)) {
    fail(CONNECT_TIMEOUT_MS)
    return
  }
  schedule(timeline, timeline.now_ms + latency_ms(world), () => {
    if (from.life !== life || !from.connections.has(link)) return
    if (!reachable(from, to)) fail(CONNECT_TIMEOUT_MS)
    else if (to.state === null || to.ip !== ip || to.port + 10_000 !== port) fail(latency_ms(world))
    else establish(world, connection)
  })
}

function establish(world: World, connection: Connection): void {
  const { from, to, fromLink } = connection
  const toLink = takeLinkId(to.state!)
  connection.toLink = toLink
  connection.open = true
  to.connections.set(toLink, connection)
  world.deliver(to, { kind: 'link', event: 'accepted', link: toLink, localIp: to.ip, remoteIp: from.ip })
  const { life } = from
  schedule(world.timeline, world.timeline.now_ms + latency_ms(world), () => {
    if (from.life !== life || from.connections.get(fromLink) !== connection) return
    for (const packet of connection.early.splice(0)) carry(world, connection, 0, packet)
    world.deliver(from, {
      kind: 'link',
      event: 'connected',
      link: fromLink,
      localIp: from.ip,
      remoteIp: to.ip,
    })
  })
}

/** Sends a packet on one of a node's links. */
export function transmit(world: World, node: SimNode, link: LinkId, packet: Packet): void {
  const connection = node.connections.get(link)
  if (connection === undefined) return
  const side = connection.from === node && connection.fromLink === link ? 0 : 1
  if (!connection.open) connection.early.push(packet)
  else carry(world, connection, side, packet)
}

function carry(world: World, connection: Connection, side: 0 | 1, packet: Packet): void {
  const { timeline } = world
  const sender = side === 0 ? connection.from : connection.to
  const receiver = side === 0 ? connection.to : connection.from
  const link = side === 0 ? connection.toLink : connection.fromLink
  if (connection.silent || !reachable(sender, receiver)) {
    connection.silent = true
    return
  }
  const bytes = world.throughBytes ? encodePacket(packet) : null
  const arrival_ms = Math.max(connection.lastArrival_ms[side], timeline.now_ms + latency_ms(world))
  connection.lastArrival_ms[side] = arrival_ms
  const { life } = receiver
  schedule(timeline, arrival_ms, () => {
    if (receiver.life !== life || receiver.connections.get(link) !== connection) return
    if (connection.silent || !reachable(sender, receiver)) {
      connection.silent = true
      return
    }
    if (world.traceLevel === 'all')
      tell(world, `n${receiver.index} < ${TYPE_NAMES[packet.type]} from n${sender.index}`)
    world.deliver(receiver, {
      kind: 'packet',
      link,
      packet: bytes === null ? packet : (reread(world, bytes) ?? packet),
    })
  })
}

function reread(world: World, bytes: Uint8Array): Packet | null {
  const result = decodePacket(bytes)
  if (result.ok) return result.packet
  violate(world, `a packet of our own does not decode: ${result.reason}`)
  return null
}

/** One side closes; the other hears of it, if anything still reaches it. */
export function closeSide(world: World, node: SimNode, link: LinkId): void {
  const connection = node.connections.get(link)
  if (connection === undefined) return
  node.connections.delete(link)
  if (!connection.open) return
  const near = connection.from === node && connection.fromLink === link
  const other = near ? connection.to : connection.from
  tellClosed(world, connection, other, near ? connection.toLink : connection.fromLink)
}

function tellClosed(world: World, connection: Connection, node: SimNode, link: LinkId): void {
  if (connection.silent) return
  const { life } = node
  const side = node === connection.to && link === connection.toLink ? 0 : 1
  const at_ms = Math.max(connection.lastArrival_ms[side], world.timeline.now_ms + latency_ms(world))
  schedule(world.timeline, at_ms, () => {
    if (node.life !== life || node.connections.get(link) !== connection) return
    if (!reachable(connection.from, connection.to)) {
      connection.silent = true
      return
    }
    node.connections.delete(link)
    world.deliver(node, { kind: 'link', event: 'closed', link })
  })
}

/** Breaks one connection: what is under way is lost, both ends hear of it. */
export function breakConnection(world: World, connection: Connection): void {
  if (!connection.open || connection.silent) return
  connection.silent = true
  for (const [node, link] of [
    [connection.from, connection.fromLink],
    [connection.to, connection.toLink],
  ] as const) {
    const { life } = node
    schedule(world.timeline, world.timeline.now_ms + latency_ms(world), () => {
      if (node.life !== life || node.connections.get(link) !== connection) return
      node.connections.delete(link)
      world.deliver(node, { kind: 'link', event: 'closed', link })
    })
  }
}

/** Ends all partitions. Connections that went silent are reset, sooner or later. */
export function heal(world: World): void {
  for (const node of world.nodes) node.group = 0
  for (const node of world.nodes) {
    for (const [link, connection] of node.connections) {
      if (!connection.silent) continue
      const { life } = node
      const after_ms = chance(world.prng, 0.5) ? between(world.prng, 1, 50) : between(world.prng, 50, 3000)
      schedule(world.timeline, world.timeline.now_ms + after_ms, () => {
        if (node.life !== life || node.connections.get(link) !== connection) return
        node.connections.delete(link)
        world.deliver(node, { kind: 'link', event: 'closed', link })
      })
    }
  }
}
