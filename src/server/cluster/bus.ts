/**
 * The sockets of the cluster bus: listening, connecting, frames in, packets out. What a packet means is none of its
 * business; it tells the part what happened on which link.
 */

import type net from 'node:net'
import type { Endpoint, Framer, LinkId, Outgoing, Packet } from '../../cluster/index.js'
import {
  createFrameBuffer,
  createFramer,
  createTextCache,
  decodePacket,
  encodePacket,
  encodePacketInto,
  FRAME_BYTES_MAX,
  feedFramer,
  packetBytes,
} from '../../cluster/index.js'
import { DirectWriting } from '../../runtime/direct.js'
import { connect, type Link, type LinkEvents, listen } from '../../runtime/net.js'
import { endsNode } from '../failures.js'
import { bindTarget } from '../listening.js'
import type { ServerNode } from '../node.js'

/** The longest frame from somebody who has not said yet who he is. */
const STRANGER_FRAME_BYTES_MAX = 16 * 1024 * 1024
/** Bytes waiting on one link at most, where cluster-link-sendbuf-limit sets no limit. */
const LINK_QUEUE_BYTES_MAX = 1024 * 1024 * 1024
/** Frames up to this length are encoded in a buffer that is used again; longer ones have their own. */
const SCRATCH_BYTES = 16 * 1024
const NOTHING = new Uint8Array(0)
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
  /** Packets sent in this turn of the event loop: the first goes to the system at once, the others together. */
  sent: number
}

export class Bus {
  private readonly node: ServerNode
  private readonly events: BusEvents
  private readonly links = new Map<LinkId, BusLink>()
  private readonly servers: net.Server[] = []
  private readonly buffer = new Uint8Array(64 * 1024)
  private readonly texts = createTextCache()
  private readonly direct = new DirectWriting()
  /** Links that have been sent something in this turn. */
  private readonly spoken: BusLink[] = []
  private readonly endTurn = () => this.uncork()
  /** Shared by all packets that the system takes at once; `lastBytes` is a view of it, or a buffer of its own. */
  private scratch = createFrameBuffer(SCRATCH_BYTES)
  private lastPacket: Packet | null = null
  private lastBytes: Uint8Array = NOTHING
  private inScratch = false

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
    const bus: BusLink = {
      framer: createFramer(STRANGER_FRAME_BYTES_MAX),
      link: null,
      connected: true,
      sent: 0,
    }
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
    const bus: BusLink = { framer: createFramer(FRAME_BYTES_MAX), link: null, connected: false, sent: 0 }
    this.links.set(id, bus)
    const from = this.node.config.values['bind-source-addr']
    const { buffer, direct } = this
    const target = { host: ip, port, buffer, direct }
    bus.link = connect(
      from === undefined || from === '' ? target : { ...target, localAddress: from },
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
      result = decodePacket(frame, this.texts)
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
    if (packet !== this.lastPacket) this.encode(packet)
    if (bus.sent++ === 0) this.noteSpoken(bus)
    if (bus.sent === 1 && bus.link.isDirect) {
      const { lastBytes } = this
      // What the system has not taken at once stays where it is until it has.
      if (!bus.link.send(lastBytes, 0, lastBytes.length) && this.inScratch) this.leaveScratch()
    } else {
      this.sendTogether(bus.link)
    }
    if (bus.link.pendingBytes > LINK_QUEUE_BYTES_MAX) this.overflow(id)
  }

  private encode(packet: Packet): void {
    this.lastPacket = packet
    const length = packetBytes(packet)
    this.inScratch = length <= SCRATCH_BYTES
    if (this.inScratch)
      this.lastBytes = this.scratch.bytes.subarray(0, encodePacketInto(packet, this.scratch))
    else this.lastBytes = encodePacket(packet)
  }

  /** The frame in the scratch buffer is still needed: the next one gets another buffer. */
  private leaveScratch(): void {
    this.scratch = createFrameBuffer(SCRATCH_BYTES)
    this.inScratch = false
  }

  /** What follows the first packet to one node in one turn leaves in one go. */
  private sendTogether(link: Link): void {
    if (this.inScratch) {
      this.lastBytes = this.lastBytes.slice()
      this.inScratch = false
    }
    const { socket } = link
    if (socket.writableCorked === 0) socket.cork()
    link.sendBuffered(this.lastBytes)
  }

  private noteSpoken(bus: BusLink): void {
    if (this.spoken.push(bus) === 1) process.nextTick(this.endTurn)
  }

  private uncork(): void {
    for (const bus of this.spoken) {
      bus.sent = 0
      bus.link?.socket.uncork()
    }
    this.spoken.length = 0
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
    this.lastBytes = NOTHING
    this.inScratch = false
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
