/**
 * Nodes of either kind as processes, for clusters in which both stand side by side: started, killed, stopped and
 * started again as the other kind on the same folder. A cluster is formed by hand, with the commands that any manager
 * sends, so that a test says which kind stands where.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { keySlot, SLOTS } from '../../src/bytes/crc16.js'
import { type Argument, type Connection, ConnectionError, connect, errorOf } from '../../src/client/index.js'
import { type NodeLine, parseNodes } from '../../src/trib/index.js'
import { freePorts, onPath } from '../oracle.js'
import { eventually, program } from '../processes.js'
import { Caller, type Plain } from './node.js'

export type Kind = 'shoal' | 'redis'
export const NODE_TIMEOUT_MS = 2000
/** A node that has not answered `call` for so long is asked again, on another connection. */
const HUNG_MS = 5000
const PATIENCE_MS = 60_000
const LAST_WORDS_LINES = 60
const MEET_AGAIN_MS = 3000

/** One node: a folder and a port, and, while it runs, a process. */
export class MixedNode {
  kind: Kind
  readonly port: number
  readonly dir: string
  readonly options: readonly string[]
  id = ''
  /** Where the others reach it, if that is not where it listens. */
  reachedAt: { readonly port: number; readonly bus: number } | undefined
  #child: ChildProcess | undefined
  #caller: Caller | undefined

  constructor(kind: Kind, port: number, options: readonly string[]) {
    this.kind = kind
    this.port = port
    this.options = options
    this.dir = mkdtempSync(join(tmpdir(), 'shoal-mixed-'))
  }

  async start(kind: Kind = this.kind): Promise<this> {
    this.kind = kind
    const args = [
      ...['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.dir, '--save', ''],
      ...['--logfile', join(this.dir, 'log'), '--cluster-enabled', 'yes'],
      ...['--cluster-node-timeout', String(NODE_TIMEOUT_MS), '--repl-diskless-sync-delay', '0'],
      ...this.options,
    ]
    const [path, first] =
      kind === 'shoal'
        ? [process.execPath, [process.env['SHOAL_TEST_SERVER'] ?? program('shoal-server')]]
        : [onPath('redis-server') ?? 'redis-server', []]
    const child = spawn(path, [...first, ...args], { stdio: 'ignore' })
    this.#child = child
    await eventually(`${kind} on ${this.port} listens`, async () => {
      if (child.exitCode !== null)
        throw new Error(`it ended with code ${child.exitCode}\n${this.lastWords()}`)
      return (await this.call('PING')) === 'PONG' || undefined
    })
    this.id = String(await this.call('CLUSTER', 'MYID'))
    return this
  }

  /** One command; an error reply is thrown. The connection is kept; a node that hangs is noticed. */
  async call(...args: Argument[]): Promise<Plain> {
    if (this.#caller === undefined || this.#caller.connection.error !== undefined)
      this.#caller = await this.client(false, HUNG_MS)
    return this.#caller.call(
      ...(args.map((arg) => (typeof arg === 'number' ? String(arg) : arg)) as string[]),
    )
  }

  /** A connection of one's own, whose replies may wait until a node that stands still goes on. */
  async client(readonly = false, replyTimeout_ms = PATIENCE_MS): Promise<Caller> {
    const { port } = this
    return new Caller(
      await connect({ host: '127.0.0.1', port, connectTimeout_ms: 5000, replyTimeout_ms, readonly }),
    )
  }

  /** All nodes as this one sees them. */
  async nodes(): Promise<NodeLine[]> {
    return parseNodes(String(await this.call('CLUSTER', 'NODES'))) ?? []
  }

  async self(): Promise<NodeLine> {
    const self = (await this.nodes()).find((line) => line.flags.includes('myself'))
    if (self === undefined) throw new Error(`${this.port} does not know itself`)
    return self
  }

  async isMaster(): Promise<boolean> {
    return (await this.self()).flags.includes('master')
  }

  /** Whether it replicates `master` over a link that is up. */
  async follows(master: MixedNode): Promise<boolean> {
    if ((await this.self()).replicates !== master.id) return false
    return String(await this.call('INFO', 'replication')).includes('master_link_status:up')
  }

  /** The end of its log, for the error of a test that failed. */
  lastWords(): string {
    const log = readFileSync(join(this.dir, 'log'), 'utf8').trimEnd().split('\n')
    return [`--- ${this.kind} ${this.port} ${this.id}`, ...log.slice(-LAST_WORDS_LINES)].join('\n')
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal)
  }

  /** Ends the process with that signal and waits until it is gone. */
  async end(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child
    this.#caller?.connection.close()
    this.#caller = undefined
    this.#child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGCONT')
    child.kill(signal)
    await gone
  }

  async remove(): Promise<void> {
    await this.end()
    // Redis's children (a rewrite of the AOF) may still be writing for a moment.
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 20 })
  }
}

/** Nodes of these kinds, running, each a cluster of its own. */
export async function startMixed(
  kinds: readonly Kind[],
  options: readonly string[] = [],
): Promise<MixedNode[]> {
  const ports = await freePorts(kinds.length, true)
  return startAll(kinds.map((kind, i) => new MixedNode(kind, ports[i]!, options)))
}

/** Starts all of them; or none, when one cannot. */
export async function startAll(nodes: MixedNode[]): Promise<MixedNode[]> {
  const started = await Promise.allSettled(nodes.map((node) => node.start()))
  const failure = started.find((outcome) => outcome.status === 'rejected')
  if (failure === undefined) return nodes
  await Promise.all(nodes.map((node) => node.remove()))
  throw failure.reason
}

/** Makes the first nodes masters with equal shares of the slots; `replicas` says who follows whom, by index. */
export async function form(
  nodes: readonly MixedNode[],
  masters: number,
  replicas: readonly (readonly [replica: number, master: number])[] = [],
): Promise<void> {
  const share = SLOTS / masters
  await Promise.all(
    nodes.map(async (node, i) => {
      await node.call('CLUSTER', 'SET-CONFIG-EPOCH', i + 1)
      if (i < masters)
        await node.call('CLUSTER', 'ADDSLOTSRANGE', Math.round(i * share), Math.round((i + 1) * share) - 1)
    }),
  )
  for (const node of nodes.slice(1)) await meet(nodes[0]!, node)
  await allKnow(nodes, nodes)
  await Promise.all(
    replicas.map(async ([replica, master]) => {
      await nodes[replica]!.call('CLUSTER', 'REPLICATE', nodes[master]!.id)
      await linked(nodes[replica]!, nodes[master]!)
    }),
  )
  await healthy(nodes)
}

export function meet(node: MixedNode, other: MixedNode): Promise<Plain> {
  const { port, bus } = other.reachedAt ?? { port: other.port, bus: other.port + 10_000 }
  return node.call('CLUSTER', 'MEET', '127.0.0.1', port, bus)
}

/**
 * Until each of `nodes` knows all of `known`, by their names, and is linked with them. A handshake is given up after a
 * second with so short a node timeout, which on a busy machine is soon over: then they are introduced again.
 */
export async function allKnow(nodes: readonly MixedNode[], known: readonly MixedNode[]): Promise<void> {
  let again_ms = performance.now() + MEET_AGAIN_MS
  await eventually('the nodes have met', async () => {
    if (performance.now() > again_ms) {
      again_ms = performance.now() + MEET_AGAIN_MS
      for (const other of known) if (other !== nodes[0]) await meet(nodes[0]!, other)
    }
    for (const node of nodes) {
      const lines = await node.nodes()
      const good = known.filter((other) =>
        lines.some(
          (line) => line.id === other.id && line.linked && !/handshake|noaddr/.test(line.flags.join()),
        ),
      )
      if (good.length < known.length || lines.some((line) => line.flags.includes('handshake')))
        return undefined
    }
    return true
  })
}

export function linked(replica: MixedNode, master: MixedNode): Promise<true> {
  return eventually(
    `${replica.kind} ${replica.port} is a linked replica of ${master.kind} ${master.port}`,
    async () => (await replica.follows(master)) || undefined,
  )
}

/** Until all agree on the owner of every slot, on every role and epoch, nobody is suspected and the state is ok. */
export async function healthy(nodes: readonly MixedNode[]): Promise<void> {
  await eventually('all agree and are well', async () => {
    const views = new Set<string>()
    for (const node of nodes) {
      if (!String(await node.call('CLUSTER', 'INFO')).includes('cluster_state:ok')) return undefined
      const lines = await node.nodes()
      if (lines.some((line) => /fail|handshake/.test(line.flags.join()) || !line.linked)) return undefined
      views.add(agreed(lines))
    }
    return views.size === 1 || undefined
  })
}

/** What every node must say alike. */
export function agreed(lines: readonly NodeLine[]): string {
  return lines
    .map((line) => {
      const flags = line.flags.filter((flag) => flag !== 'myself').join()
      const slots = line.slots.map(({ first, last }) => `${first}-${last}`).join()
      const epoch = flags.includes('master') ? line.configEpoch : '-'
      return `${line.id} ${line.host}:${line.port}@${line.busPort} ${flags} ${line.replicates} ${epoch} ${slots}`
    })
    .sort()
    .join('\n')
}

export const slotOf = (key: string) => keySlot(Buffer.from(key), 0, key.length)

/** A hash tag whose slot is one of the first `within` in the share of the master with that index. */
export function tagFor(master: number, masters: number, within = SLOTS): string {
  const share = SLOTS / masters
  for (let i = 0; ; i++) {
    const place = slotOf(`t${i}`) - Math.round(master * share)
    if (place >= 0 && place < Math.min(within, Math.floor(share))) return `t${i}`
  }
}

/** Which of these keys (each is its own value) the node does not hold. */
export async function missingAt(node: MixedNode, keys: readonly string[]): Promise<string[]> {
  const client = await node.client(true)
  try {
    const values = await Promise.all(keys.map((key) => client.call('GET', key).catch(String)))
    return keys.filter((key, i) => values[i] !== key)
  } finally {
    client.connection.close()
  }
}

/** Writes keys of one slot one after the other, a little slower than it could, and follows the slot wherever it goes. */
export class Stream {
  /** Told OK; `at_ms` on performance.now()'s clock. */
  readonly written: { readonly key: string; readonly port: number; readonly at_ms: number }[] = []
  readonly errors: string[] = []
  #stopped = false
  readonly #done: Promise<void>

  constructor(tag: string, ports: readonly number[]) {
    this.#done = this.#run(tag, ports)
  }

  get keys(): string[] {
    return this.written.map((one) => one.key)
  }

  stop(): Promise<void> {
    this.#stopped = true
    return this.#done
  }

  /** Until so many more writes have been acknowledged, by that node where one is named. */
  async more(count: number, node?: MixedNode): Promise<void> {
    const from = this.written.length
    await eventually(`${count} more writes${node === undefined ? '' : ` at ${node.port}`}`, () => {
      const fresh = this.written.slice(from)
      const good = node === undefined ? fresh : fresh.filter((one) => one.port === node.port)
      return good.length >= count || undefined
    })
  }

  async #run(tag: string, ports: readonly number[]): Promise<void> {
    let at = 0
    let port = ports[0]!
    let connection: Connection | undefined
    for (let i = 0; !this.#stopped; i++) {
      const key = `{${tag}}:${i}`
      try {
        connection ??= await connect({ port, connectTimeout_ms: 500, replyTimeout_ms: 6000 })
        const error = errorOf(await connection.call('SET', key, key))
        if (error === undefined) {
          this.written.push({ key, port, at_ms: performance.now() })
          await sleep(1)
          continue
        }
        this.errors.push(error)
        const asked = /^ASK \d+ [^:]*:(\d+)$/.exec(error)
        if (asked !== null) {
          if (await setAsking(Number(asked[1]), key))
            this.written.push({ key, port, at_ms: performance.now() })
          continue
        }
        const moved = /^MOVED \d+ [^:]*:(\d+)$/.exec(error)
        if (moved === null) await sleep(20)
        else port = Number(moved[1])
      } catch (error) {
        if (!(error instanceof ConnectionError)) throw error
        this.errors.push(error.message)
        await sleep(20)
        port = ports[++at % ports.length]!
      }
      connection?.close()
      connection = undefined
    }
    connection?.close()
  }
}

/** Once, at the node that a slot is on its way to. */
async function setAsking(port: number, key: string): Promise<boolean> {
  const connection = await connect({ port, connectTimeout_ms: 500, replyTimeout_ms: 6000 })
  try {
    const [, reply] = await connection.pipeline([['ASKING'], ['SET', key, key]])
    return errorOf(reply!) === undefined
  } finally {
    connection.close()
  }
}
