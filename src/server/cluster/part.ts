/**
 * The cluster of a node put together: the state machine of src/cluster, and the world for it. Inputs go in through
 * `run`, one after the other; what comes out is carried out top to bottom, as Ready says. Packets, and replies to CLUSTER
 * commands, leave through the gate of nodes.conf (nodes-file.ts): when what they promise is on the disk, while other
 * clients go on being served.
 */

import { resolve } from 'node:path'
import {
  BUS_PORT_OFFSET,
  type Reply as ClusterReply,
  type ClusterState,
  decodeNodesConf,
  emptyLocal,
  encodeNodesConf,
  type Fact,
  freshState,
  type Input,
  isOpen,
  isReplica,
  type LinkId,
  type Local,
  NOADDR,
  type Ready,
  standstill_ms,
  step,
  takeLinkId,
  whenSafe,
} from '../../cluster/index.js'
import { lacksDataset } from '../../replication/report.js'
import { followFromStart } from '../../replication/role.js'
import { forgetHistory, isMaster } from '../../replication/state.js'
import { diskErrorText } from '../../runtime/disk.js'
import { FatalError } from '../bug-report.js'
import type { Client } from '../client.js'
import { endsNode } from '../failures.js'
import type { ServerNode } from '../node.js'
import type { ReplicationPart } from '../replication/index.js'
import { Bus } from './bus.js'
import { countKeysInSlot, deleteKeysInSlots } from './keys.js'
import { lockNodesFile, NodesFile, readNodesFile } from './nodes-file.js'
import { CLUSTER_DIRECTIVES, readOptions } from './options.js'
import { Router, viewerOf } from './router.js'

const PORT_MAX = 65_535
/** A tick is not asked for later than this: timers of Node are cheap, overslept elections are not. */
const TICK_MAX_MS = 1000

/**
 * The regular tick comes with the node's own cron, so that an idle node wakes up once, not twice, in 100 ms. Where that
 * does not come (another `hz`, DEBUG PAUSE-CRON) or is late, the tick comes by itself after this time.
 */
const CRON_SLACK_MS = 10
/** A cron that comes this much too early for the regular tick brings it all the same. */
const CRON_EARLY_MS = 5

/** Turns whose packets wait for nodes.conf at most; beyond, the file is written and synced at once. */
const WAITING_MAX = 10_000

/** The cluster part cannot start; the log has said why. */
export class ClusterError extends Error {}

export class ClusterPart {
  readonly node: ServerNode
  readonly state: ClusterState
  readonly router: Router
  private readonly replication: ReplicationPart
  private readonly file: NodesFile
  private readonly bus: Bus
  private readonly unlock: () => void
  private readonly local: Local
  private readonly random: () => number
  private readonly queue: Input[] = []
  private running = false
  private started = false
  private timer: NodeJS.Timeout | null = null
  private readonly wake: () => void
  private timerAt_ms = Number.POSITIVE_INFINITY
  private now_ms = 0
  /** Unix time at which the monotonic clock stood at zero. */
  private readonly clockBase_ms: number
  private pausing = false
  /** DEBUG DROP-CLUSTER-PACKET-FILTER: packets of this type are lost; -1 for none. */
  droppedType = -1

  private constructor(
    node: ServerNode,
    replication: ReplicationPart,
    state: ClusterState,
    file: string,
    unlock: () => void,
  ) {
    this.node = node
    this.replication = replication
    this.state = state
    this.unlock = unlock
    this.local = state.local
    this.clockBase_ms = node.clock.now_ms() - node.clock.monotonic_us() / 1000
    this.wake = endsNode(node, () => this.tick())
    this.random = () => (node.random32() >>> 0) / 0x1_0000_0000
    this.file = new NodesFile(
      file,
      () => encodeNodesConf(state),
      (error, waitedFor) => this.cannotWrite(error, waitedFor),
      node.descriptors,
    )
    this.router = new Router(node, state)
    this.bus = this.createBus()
    this.local.keyCount = () => node.keyspace.databases[0]!.size
    this.local.keysInSlot = (slot) => countKeysInSlot(node, slot)
    this.local.linkQueue_bytes = (link) => this.bus.queued_bytes(link)
    node.router = this.router
    node.publishToCluster = (channel, message, shard) => {
      this.run({ kind: 'publish', channel: channel.slice(), message: message.slice(), sharded: shard })
    }
    node.regulars.push({ cron: () => this.tickWithCron() })
    node.standstill_ms = standstill_ms(state.config)
    node.stoodStill = () => {
      if (this.started) this.run({ kind: 'tick' })
    }
    node.config.onChange(CLUSTER_DIRECTIVES, () => {
      this.run({ kind: 'configure', config: readOptions(node.config.values) })
      node.standstill_ms = standstill_ms(state.config)
      return undefined
    })
    if (isReplica(state.myself)) this.beginAsReplica()
  }

  /** nodes.conf tells the role before the data are loaded: whose history they are in depends on it. */
  private beginAsReplica(): void {
    const { node, replication, state } = this
    node.setRole(true)
    const { master } = state.myself
    if (master === null || (master.flags & NOADDR) !== 0 || master.ip === '') return
    const port = state.config.tlsReplication ? master.tlsPort : master.port
    replication.run((r, turn) => followFromStart(r, master.ip, port, turn))
  }

  /** Locks and reads nodes.conf, or begins a new one. Rejects with a ClusterError, after logging, when it cannot. */
  static async create(node: ServerNode, replication: ReplicationPart): Promise<ClusterPart> {
    const { values } = node.config
    checkPorts(node)
    const file = resolve(values.dir, values['cluster-config-file'])
    const unlock = await lockNodesFile(file)
    if (unlock === null) {
      throw fatal(
        node,
        `Sorry, the cluster configuration file ${values['cluster-config-file']} is already used by a different Redis Cluster node. ` +
          'Please make sure that different nodes use different cluster configuration files.',
      )
    }
    const random = () => (node.random32() >>> 0) / 0x1_0000_0000
    const local = emptyLocal()
    const options = readOptions(values)
    const now_ms = node.clock.now_ms()
    const bytes = readNodesFile(file)
    if (bytes === null) {
      const state = freshState(options, local, now_ms, random)
      node.log('notice', `No cluster configuration found, I'm ${state.myself.name}`)
      const part = new ClusterPart(node, replication, state, file, unlock)
      part.saveNow()
      return part
    }
    const loaded = decodeNodesConf(bytes, options, local, now_ms, random)
    if (!loaded.ok) {
      unlock()
      throw fatal(node, `Unrecoverable error: corrupted cluster config file "${loaded.reason}".`)
    }
    for (const note of loaded.notes) node.log('notice', note)
    node.log('notice', `Node configuration loaded, I'm ${loaded.state.myself.name}`)
    return new ClusterPart(node, replication, loaded.state, file, unlock)
  }

  /** After the dataset has been loaded: checks it against the slots, and joins the others. */
  async start(): Promise<void> {
    const { node } = this
    this.started = true
    this.run({ kind: 'loaded' })
    const port = busPort(node)
    try {
      await this.bus.listen(port)
    } catch (error) {
      node.log('warning', (error as Error).message)
      throw fatal(node, `Failed listening on port ${port} (cluster), aborting.`)
    }
    this.run({ kind: 'tick' })
  }

  stop(): void {
    this.started = false
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
    this.file.close()
    this.bus.stop()
    this.unlock()
  }

  private createBus(): Bus {
    const on = (link: number, event: 'failed' | 'closed' | 'overflowed') =>
      this.run({ kind: 'link', link, event })
    return new Bus(this.node, {
      takeId: () => takeLinkId(this.state),
      accepted: (link, localIp, remoteIp) =>
        this.run({ kind: 'link', event: 'accepted', link, localIp, remoteIp }),
      connected: (link, localIp, remoteIp) =>
        this.run({ kind: 'link', event: 'connected', link, localIp, remoteIp }),
      failed: (link) => on(link, 'failed'),
      closed: (link) => on(link, 'closed'),
      overflowed: (link) => on(link, 'overflowed'),
      packet: (link, packet) => {
        if (packet.type === this.droppedType) {
          this.node.log('warning', 'Dropping packet that matches debug drop filter')
        } else {
          this.run({ kind: 'packet', link, packet })
        }
      },
      isKnown: (link) => (this.state.links.get(link)?.node ?? null) !== null,
    })
  }

  // Inputs.

  /**
   * Runs a CLUSTER subcommand: its name and arguments, one byte a character. The client gets nothing of what is written
   * for it afterwards before what the reply says is on the disk.
   */
  command(args: readonly string[], client: Client): ClusterReply {
    if (args[0]?.toLowerCase() === 'saveconfig' && args.length === 1) return this.saveConfig()
    const { reply } = this.runNow({ kind: 'command', args, ...viewerOf(client) })
    const { gate } = this.file
    if (!isOpen(gate) && this.node.turn.hold(client, gate.asked)) {
      whenSafe(gate, () => this.node.turn.letGo(client))
    }
    return reply!
  }

  /** SAVECONFIG promises nothing new: where the file cannot be written, that is the answer, and the node goes on. */
  private saveConfig(): ClusterReply {
    try {
      this.file.saveNow()
    } catch (error) {
      return { kind: 'error', text: `ERR error saving the cluster node config: ${diskErrorText(error)}` }
    }
    return { kind: 'simple', text: 'OK' }
  }

  /** Breaks a link, as if the network had. */
  breakLink(link: LinkId): void {
    this.bus.close(link)
    this.run({ kind: 'link', link, event: 'closed' })
  }

  private run(input: Input): void {
    // A node that has failed must look so to the others, whatever its timers and links still bring.
    if (this.node.failed) return
    // What comes while another input is being carried out waits for its turn. Packets never do: sockets only speak
    // between turns, so their views stay good.
    if (this.running) {
      this.queue.push(input)
      return
    }
    this.runNow(input)
  }

  private runNow(input: Input): Ready {
    this.observe()
    const before = this.running
    this.running = true
    this.now_ms = this.clockNow_ms()
    let ready: Ready
    try {
      ready = step(this.state, input, this.now_ms, this.random)
      this.carryOut(ready)
    } catch (error) {
      // The state machine has half taken a step: nothing more may be promised.
      this.node.fail(error)
      throw error
    } finally {
      this.running = before
    }
    if (!before) {
      const next = this.queue.shift()
      if (next !== undefined) this.runNow(next)
    }
    return ready
  }

  /** Unix time as it was at the start, plus what has passed since: no leap of the system's clock can look like a failure. */
  private clockNow_ms(): number {
    return Math.floor(this.clockBase_ms + this.node.clock.monotonic_us() / 1000)
  }

  private observe(): void {
    const { local, node, replication } = this
    local.offset_bytes = replication.offset
    local.replicating = !isMaster(replication.r)
    local.linkUp = replication.linkIsUp
    local.loading = node.loading || node.keyspace.beside !== null
    local.incomplete = lacksDataset(replication.r, node.keyspace.size === 0, node.clock.now_ms())
    local.dataAge_ms = replication.dataAge_ms
  }

  // Outcomes.

  private carryOut(ready: Ready): void {
    const { node, bus, file } = this
    if (ready.persist) {
      if (ready.facts.some(actsOnData)) this.saveNow()
      else file.save()
    } else if (ready.save) {
      file.saveLater()
    }
    if (isOpen(file.gate)) this.depart(ready)
    else if (ready.send.length > 0 || ready.close.length > 0) this.departLater(ready)
    for (const endpoint of ready.connect) bus.open(endpoint)
    for (const fact of ready.facts) this.act(fact)
    for (const line of ready.log) node.log(line.level, line.text)
    this.arm(ready.wakeAt_ms)
  }

  private depart(ready: Ready): void {
    const { bus } = this
    for (const outgoing of ready.send) bus.send(outgoing)
    bus.forgetPacket()
    for (const link of ready.close) bus.close(link)
  }

  private departLater(ready: Ready): void {
    const { gate } = this.file
    whenSafe(gate, () => this.depart(ready))
    // A disk that takes so long holds up everything, as it would without the gate.
    if (gate.waiting.length > WAITING_MAX) this.saveNow()
  }

  private saveNow(): void {
    try {
      this.file.saveNow()
    } catch (error) {
      this.cannotWrite(error as Error, true)
    }
  }

  /** Without its file a node could break what it promised, so it does not go on, and nothing that waits leaves. */
  private cannotWrite(error: Error, waitedFor: boolean): void {
    this.node.log('warning', `Could not write the cluster config file: ${error.message}`)
    if (!waitedFor) return
    const text = "Fatal: can't update cluster config file."
    this.node.log('warning', text)
    this.node.fail(new FatalError(text))
  }

  private act(fact: Fact): void {
    const { node, replication } = this
    switch (fact.kind) {
      case 'becomeReplicaOf':
        replication.follow(fact.host, fact.port, fact.foreign)
        node.setRole(true)
        break
      case 'promotedToMaster':
        replication.lead()
        node.setRole(false)
        break
      case 'resetDone':
        if (!fact.flush) break
        replication.lead()
        node.setRole(false)
        replication.emptyKeyspace()
        // The stream does not carry this change, so no replica may continue from this history.
        replication.run(forgetHistory)
        break
      case 'slotsLost':
        deleteKeysInSlots(node, fact.slots)
        break
      case 'slotsRebound':
        node.slotStats?.forget(fact.slots)
        node.pubsub.dropSlots(fact.slots)
        node.waits.checkSlots()
        break
      case 'servedChanged':
      case 'stateChanged':
        node.waits.checkSlots()
        break
      case 'pauseClients':
        this.pausing = true
        replication.setQuiet(true)
        node.pause(false, node.clock.now_ms() + fact.until_ms - this.now_ms, 'failover')
        break
      case 'unpauseClients':
        if (!this.pausing) break
        this.pausing = false
        replication.setQuiet(false)
        node.unpause('failover')
        break
      case 'published':
        this.deliver(fact.channel, fact.message, fact.sharded)
        break
      default:
        break
    }
  }

  private deliver(channel: Uint8Array, message: Uint8Array, sharded: boolean): void {
    const { pubsub } = this.node
    if (sharded) pubsub.publishShard(channel, message)
    else pubsub.publish(channel, message)
  }

  /** Sets the timer for the next tick, unless an earlier one is set already. */
  private arm(wakeAt_ms: number): void {
    if (!this.started) return
    const slack_ms = wakeAt_ms === this.state.nextCron_ms ? CRON_SLACK_MS : 0
    const at_ms = Math.min(wakeAt_ms + slack_ms, this.now_ms + TICK_MAX_MS)
    if (this.timer !== null && this.timerAt_ms <= at_ms) return
    if (this.timer !== null) clearTimeout(this.timer)
    this.timerAt_ms = at_ms
    this.timer = setTimeout(this.wake, Math.max(1, at_ms - this.clockNow_ms()))
  }

  private tick(): void {
    this.timer = null
    this.bus.checkQueues()
    this.run({ kind: 'tick' })
  }

  /** The node's cron: the regular tick, where it is due. */
  private tickWithCron(): void {
    if (!this.started || this.clockNow_ms() < this.state.nextCron_ms - CRON_EARLY_MS) return
    if (this.timer !== null) clearTimeout(this.timer)
    this.tick()
  }

  /** Connections that the bus has, or will have: two for each other node. They count as clients do. */
  get connections(): number {
    return (this.state.nodes.size - 1) * 2
  }

  /** INFO's lines about memory. */
  memoryLines(): [string, number][] {
    return [['mem_cluster_links', this.bus.memory_bytes]]
  }

  /** Whether a client may go on waiting for keys of a slot; null, or the error that ends its wait. */
  blockedError(client: Client, slot: number, write: boolean): string | null {
    return this.router.redirectBlocked(client, slot, write)
  }
}

/** What is done to the data at once, and must not be done under a configuration that a crash takes back. */
function actsOnData(fact: Fact): boolean {
  return fact.kind === 'promotedToMaster' || fact.kind === 'slotsLost' || fact.kind === 'resetDone'
}

function busPort(node: ServerNode): number {
  const { values } = node.config
  const base = values['tls-cluster'] ? values['tls-port'] : values.port
  return values['cluster-port'] || base + BUS_PORT_OFFSET
}

function checkPorts(node: ServerNode): void {
  const { values } = node.config
  if (busPort(node) > PORT_MAX) {
    throw fatal(
      node,
      'Redis port number too high. Cluster communication port is 10,000 port numbers higher than your Redis port. ' +
        'Your Redis port number must be 55535 or less.',
    )
  }
  if (values.bind.length === 0) {
    throw fatal(node, 'No bind address is configured, but it is required for the Cluster bus.')
  }
}

function fatal(node: ServerNode, text: string): ClusterError {
  node.log('warning', text)
  return new ClusterError(text)
}
