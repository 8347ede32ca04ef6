/**
 * The sockets of the cluster bus: listening, connecting, frames in, packets out. What a packet means is none of its
 * business; it tells the part what happened on which link.
 */

import type net from 'node:net'
import type { Endpoint, Framer, LinkId, Outgoing, Packet } from '../../cluster/index.js'
import { createFramer, decodePacket, encodePacket, FRAME_BYTES_MAX, feedFramer } from '../../cluster/index.js'
import { connect, type Link, type LinkEvents, listen } from '../../runtime/net.js'
import { endsNode } from '../failures.js'
import { bindTarget } from '../listening.js'
import type { ServerNode } from '../node.js'

/** The longest frame from somebody who has not said yet who he is. */
const STRANGER_FRAME_BYTES_MAX = 16 * 1024 * 1024
/** Bytes waiting on one link at most, where cluster-link-sendbuf-limit sets no limit. */
const LINK_QUEUE_BYTES_MAX = 1024 * 1024 * 1024
const NOT_HERE = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EPROTONOSUPPORT'])

export interface BusEvents {
  takeId(): LinkId
  accepted(link: LinkId, localIp: string, remoteIp: string): void
  connected(link: LinkId, localIp: string, remoteIp: string): void
  failed(link: LinkId): void
  closed(link: LinkId): void
  overflowed(link: LinkId): void
  packet(link: LinkId, packet: Packet): void
  /** Whether the node at the other end is known, so that long messages are taken from it. */
  isKnown(link: LinkId): boolean
}

interface BusLink {
  readonly framer: Framer
  link: Link | null
  connected: boolean
}

export class Bus {
  private readonly node: ServerNode
  private readonly events: BusEvents
  private readonly links = new Map<LinkId, BusLink>()
  private readonly servers: net.Server[] = []
  private readonly buffer = new Uint8Array(64 * 1024)
  private readonly corked = new Set<net.Socket>()
  private lastPacket: Packet | null = null
  private lastBytes: Uint8Array = new Uint8Array(0)

  constructor(node: ServerNode, events: BusEvents) {
    this.node = node
    this.events = events
  }

  /** Listens on every address of `bind`. Rejects with the system's error. */
  async listen(port: number): Promise<void> {
    const { values } = this.node.config
    for (const address of values.bind) {
      const { host, ipv6Only, optional } = bindTarget(address)
      const options = { host, port, ipv6Only, backlog: values['tcp-backlog'] }
      try {
        this.servers.push(await listen(options, this.buffer, (make) => this.accept(make)))
      } catch (error) {
        if (optional && NOT_HERE.has((error as NodeJS.ErrnoException).code ?? '')) continue
        throw error
      }
    }
  }

  private accept(make: (events: LinkEvents) => Link): void {
    const id = this.events.takeId()
    const bus: BusLink = { framer: createFramer(STRANGER_FRAME_BYTES_MAX), link: null, connected: true }
    this.links.set(id, bus)
    const link = make(this.linkEvents(id, bus))
    bus.link = link
    this.node.log(
      'verbose',
      `Accepting cluster node connection from ${link.remoteAddress}:${link.remotePort}`,
    )
    this.events.accepted(id, link.localAddress, link.remoteAddress)
  }

  /** Opens a connection that the state machine asked for. */
  open({ link: id, ip, port }: Endpoint): void {
    const bus: BusLink = { framer: createFramer(FRAME_BYTES_MAX), link: null, connected: false }
    this.links.set(id, bus)
    const from = this.node.config.values['bind-source-addr']
    const target =
      from === undefined || from === '' ? { host: ip, port } : { host: ip, port, localAddress: from }
    bus.link = connect(
      target,
      (link) => {
        if (this.links.get(id) !== bus) return
        bus.connected = true
        this.events.connected(id, link.localAddress, link.remoteAddress)
      },
      this.linkEvents(id, bus),
    )
  }

  private linkEvents(id: LinkId, bus: BusLink): LinkEvents {
    return {
      data: endsNode(this.node, (buf, start, end) => this.data(id, bus, buf.subarray(start, end))),
      drained: () => {},
      closed: () => {
        if (this.links.get(id) !== bus) return
        this.links.delete(id)
        if (bus.connected) this.events.closed(id)
        else this.events.failed(id)
      },
    }
  }

  private data(id: LinkId, bus: BusLink, chunk: Uint8Array): void {
    if (this.links.get(id) !== bus) return
    if (bus.framer.limit_bytes < FRAME_BYTES_MAX && this.events.isKnown(id))
      bus.framer.limit_bytes = FRAME_BYTES_MAX
    const problem = feedFramer(bus.framer, chunk, (frame) => this.frame(id, bus, frame))
    if (problem === null) return
    const from = bus.link === null ? '' : ` from ${bus.link.remoteAddress}:${bus.link.remotePort}`
    this.node.log('warning', `${problem}${from}`)
    this.close(id)
    this.events.closed(id)
  }

  private frame(id: LinkId, bus: BusLink, frame: Uint8Array): boolean {
    let result: ReturnType<typeof decodePacket>
    try {
      result = decodePacket(frame)
    } catch (error) {
      // No decoder throws. If one does, the packet is bad, and the rest of what this link says is not worth more.
      const trace = error instanceof Error ? (error.stack ?? error.message) : String(error)
      this.node.log('warning', `Closing the link to a cluster node after an exception: ${trace}`)
      this.close(id)
      this.events.closed(id)
      return false
    }
    if (result.ok) this.events.packet(id, result.packet)
    else this.node.log('warning', result.reason)
    return this.links.get(id) === bus
  }

  send({ link: id, packet }: Outgoing): void {
    const bus = this.links.get(id)
    if (bus === undefined || bus.link === null) return
    if (packet !== this.lastPacket) {
      this.lastPacket = packet
      this.lastBytes = encodePacket(packet)
    }
    this.cork(bus.link)
    bus.link.send(this.lastBytes, 0, this.lastBytes.length)
    if (bus.link.pendingBytes > LINK_QUEUE_BYTES_MAX) this.overflow(id)
  }

  /** What is sent to one node in one go leaves in one go. */
  private cork({ socket }: Link): void {
    if (this.corked.has(socket)) return
    socket.cork()
    this.corked.add(socket)
    if (this.corked.size > 1) return
    process.nextTick(() => {
      for (const each of this.corked) each.uncork()
      this.corked.clear()
    })
  }

  /** Closes links whose peers do not take what is sent to them; called a few times a second, so that a burst may pass. */
  checkQueues(): void {
    const limit = this.node.config.values['cluster-link-sendbuf-limit']
    if (limit === 0) return
    for (const id of [...this.links.keys()]) if (this.queued_bytes(id) > limit) this.overflow(id)
  }

  private overflow(id: LinkId): void {
    this.events.overflowed(id)
    this.close(id, true)
  }

  /** Done with a broadcast: its bytes need not be kept. */
  forgetPacket(): void {
    this.lastPacket = null
    this.lastBytes = new Uint8Array(0)
  }

  /** Closes a link without telling anybody here. What was sent before still leaves, unless `atOnce`. */
  close(id: LinkId, atOnce = false): void {
    const bus = this.links.get(id)
    if (bus === undefined) return
    this.links.delete(id)
    if (bus.connected && !atOnce) bus.link?.end()
    else bus.link?.destroy()
  }

  queued_bytes(id: LinkId): number {
    return this.links.get(id)?.link?.pendingBytes ?? 0
  }

  /** Memory of all links: what waits to be sent, and frames that have arrived in part. */
  get memory_bytes(): number {
    let bytes = 0
    for (const [id, bus] of this.links) bytes += this.queued_bytes(id) + bus.framer.buffer.length
    return bytes
  }

  stop(): void {
    for (const server of this.servers) server.close()
    for (const bus of this.links.values()) bus.link?.destroy()
    this.links.clear()
  }
}
