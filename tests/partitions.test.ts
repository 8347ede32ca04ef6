/**
 * Processes that stand still, and nodes that are cut off: real processes, SIGSTOP, and a network of proxies in which any
 * link between two nodes can be cut. What no test with SIGKILL shows: a master that was replaced and does not know it.
 */

import net from 'node:net'
import { describe, expect, test } from 'vitest'
import { freePorts, missing } from './oracle.js'
import { eventually } from './processes.js'
import {
  form,
  healthy,
  type Kind,
  linked,
  MixedNode,
  missingAt,
  NODE_TIMEOUT_MS,
  startAll,
  startMixed,
  tagFor,
} from './support/mixed.js'

/** A master that is cut off may go on for the node timeout, and for half of it until it asks; the rest is for slow machines. */
const MINORITY_WRITES_MS_MAX = 1.5 * NODE_TIMEOUT_MS + 6000

function play(
  name: string,
  start: () => Promise<MixedNode[]>,
  scene: (nodes: MixedNode[]) => Promise<void>,
): void {
  test.concurrent(name, { timeout: 120_000 }, async () => {
    const nodes = await start()
    try {
      await scene(nodes)
    } catch (error) {
      throw new Error(`${String(error)}\n${nodes.map((node) => node.lastWords()).join('\n')}`, {
        cause: error,
      })
    } finally {
      await Promise.all(nodes.map((node) => node.remove()))
    }
  })
}

/** Writes keys to one node, whatever it answers, until told to stop. */
class Persistent {
  readonly written: string[] = []
  readonly errors = new Set<string>()
  lastWrite_ms = 0
  #stopped = false
  readonly #done: Promise<void>

  constructor(node: MixedNode, tag: string) {
    this.#done = this.#run(node, tag)
  }

  async #run(node: MixedNode, tag: string): Promise<void> {
    const client = await node.client()
    for (let i = 0; !this.#stopped; i++) {
      const key = `{${tag}}${node.kind}${i}`
      try {
        await client.call('SET', key, key)
        this.written.push(key)
        this.lastWrite_ms = performance.now()
      } catch (error) {
        this.errors.add(String(error).replace(/^Error: (\S+).*$/, '$1'))
      }
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    client.connection.close()
  }

  stop(): Promise<void> {
    this.#stopped = true
    return this.#done
  }
}

function isMaster(node: MixedNode): Promise<true> {
  return eventually(`${node.kind} ${node.port} is master`, async () => (await node.isMaster()) || undefined)
}

async function isDown(node: MixedNode): Promise<true> {
  return eventually(
    `${node.kind} ${node.port} is down`,
    async () => String(await node.call('CLUSTER', 'INFO')).includes('cluster_state:fail') || undefined,
  )
}

describe.skipIf(missing('redis-server'))('processes that stand still', () => {
  for (const heirKind of ['shoal', 'redis'] as const) {
    play(
      `a Shoal master that is stopped is replaced by ${heirKind}, and takes none of the writes that waited for it`,
      () => startMixed(['shoal', 'shoal', 'redis', heirKind]),
      async (nodes) => {
        const [master, , , heir] = nodes as [MixedNode, MixedNode, MixedNode, MixedNode]
        await form(nodes, 3, [[3, 0]])
        const tag = tagFor(0, 3)
        const before = `{${tag}}before`
        const client = await master.client()
        await client.call('SET', before, before)

        // For a moment only: nobody minds, and what waited is carried out.
        master.signal('SIGSTOP')
        const brief = client.call('SET', `{${tag}}brief`, 'x')
        await new Promise((resolve) => setTimeout(resolve, NODE_TIMEOUT_MS / 4))
        master.signal('SIGCONT')
        expect(await brief).toBe('OK')
        expect(Number(await client.call('WAIT', '1', '5000'))).toBe(1)

        master.signal('SIGSTOP')
        const stale = client.call('SET', `{${tag}}stale`, 'x').then(String, String)
        await isMaster(heir)
        const after = `{${tag}}after`
        await eventually('a write', async () => (await heir.call('SET', after, after)) === 'OK' || undefined)
        master.signal('SIGCONT')
        expect(await stale).toMatch(/CLUSTERDOWN|MOVED/)
        client.connection.close()
        await linked(master, heir)
        await healthy(nodes)
        for (const node of [heir, master])
          await eventually(
            'the data',
            async () => (await missingAt(node, [before, after])).length === 0 || undefined,
          )
        expect(await heir.call('EXISTS', `{${tag}}stale`)).toBe(0)
      },
    )
  }

  play(
    'all stand still for longer than the node timeout, as on a machine that was asleep',
    () => startMixed(['shoal', 'redis', 'shoal', 'shoal', 'redis']),
    async (nodes) => {
      await form(nodes, 3, [
        [3, 0],
        [4, 2],
      ])
      const keys = [0, 1, 2].map((i) => `{${tagFor(i, 3)}}`)
      for (const [i, key] of keys.entries()) await nodes[i]!.call('SET', key, key)
      for (const node of nodes) node.signal('SIGSTOP')
      await new Promise((resolve) => setTimeout(resolve, 1.5 * NODE_TIMEOUT_MS))
      for (const node of nodes) node.signal('SIGCONT')
      await healthy(nodes)
      for (const key of keys) {
        const kept = await Promise.all(nodes.map(async (node) => (await missingAt(node, [key])).length === 0))
        expect(kept).toContain(true)
      }
    },
  )
})

/** Sockets between two nodes, both ways. */
interface Cable {
  readonly from: number
  readonly to: number
  readonly ends: readonly [net.Socket, net.Socket]
}

/**
 * The network: before each node a proxy for its clients' port and one for its bus. Nodes connect from addresses of their
 * own, so that a proxy knows who comes. What is cut carries nothing more, in neither direction, and is not closed: so a
 * network falls silent.
 */
class Network {
  readonly #cables = new Set<Cable>()
  readonly #servers: net.Server[] = []
  #parts: readonly (readonly number[])[] = []

  /** The nodes of these kinds, each behind its proxies. */
  async start(kinds: readonly Kind[]): Promise<MixedNode[]> {
    const ports = await freePorts(kinds.length, true)
    const nodes: MixedNode[] = []
    for (const [i, kind] of kinds.entries()) {
      const port = await this.#proxy(i, ports[i]!)
      const bus = await this.#proxy(i, ports[i]! + 10_000)
      const node = new MixedNode(kind, ports[i]!, [
        ...['--bind-source-addr', addressOf(i), '--cluster-announce-ip', '127.0.0.1'],
        ...['--cluster-announce-port', String(port), '--cluster-announce-bus-port', String(bus)],
      ])
      node.reachedAt = { port, bus }
      nodes.push(node)
    }
    return startAll(nodes)
  }

  async #proxy(to: number, port: number): Promise<number> {
    const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (near) => {
      const far = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
      const from = Number(/^127\.0\.1\.(\d+)$/.exec(near.remoteAddress ?? '')?.[1] ?? 0) - 1
      const cable: Cable = { from, to, ends: [near, far] }
      this.#cables.add(cable)
      for (const [end, other] of [[near, far] as const, [far, near] as const]) {
        end.setNoDelay(true)
        end.on('data', (bytes) => other.write(bytes))
        end.on('end', () => other.end())
        end.on('error', () => other.destroy())
        end.on('close', () => {
          this.#cables.delete(cable)
          other.destroy()
        })
      }
      this.#tend(cable)
    })
    this.#servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return (server.address() as net.AddressInfo).port
  }

  #tend({ from, to, ends }: Cable): void {
    const cut = this.#parts.some((part) => part.includes(from) !== part.includes(to)) && from >= 0
    for (const end of ends) {
      if (cut) end.pause()
      else end.resume()
    }
  }

  /** From now on only nodes of the same part reach each other; without parts, all do. */
  split(...parts: readonly (readonly number[])[]): void {
    this.#parts = parts
    for (const cable of this.#cables) this.#tend(cable)
  }

  close(): void {
    for (const server of this.#servers) server.close()
    for (const { ends } of this.#cables) for (const end of ends) end.destroy()
  }
}

const addressOf = (index: number) => `127.0.1.${index + 1}`

describe.skipIf(missing('redis-server'))('a network that parts', () => {
  for (const [first, second] of [['shoal', 'redis'] as const, ['redis', 'shoal'] as const]) {
    const network = new Network()
    play(
      `a ${first} master in the minority stops taking writes; its ${second} replica takes over; they come together`,
      () => network.start([first, second, first, second]),
      async (nodes) => {
        try {
          const [master, , , heir] = nodes as [MixedNode, MixedNode, MixedNode, MixedNode]
          await form(nodes, 3, [[3, 0]])
          const tag = tagFor(0, 3)
          const old = new Persistent(master, tag)
          await eventually('writes', () => old.written.length > 20 || undefined)
          // WAIT waits for what its own client has written.
          const waiting = await master.client()
          expect(await waiting.call('SET', `{${tag}}awaited`, 'x')).toBe('OK')
          expect(Number(await waiting.call('WAIT', '1', '5000'))).toBe(1)
          waiting.connection.close()
          const safe = [...old.written].slice(0, 20)

          network.split([0], [1, 2, 3])
          const cut_ms = performance.now()
          await isDown(master)
          await isMaster(heir)
          const fresh = new Persistent(heir, tag)
          await eventually('writes at the new master', () => fresh.written.length > 20 || undefined)
          const atOldMaster = old.written.length
          await new Promise((resolve) => setTimeout(resolve, NODE_TIMEOUT_MS / 2))
          expect(old.written.length).toBe(atOldMaster)
          expect(old.lastWrite_ms - cut_ms).toBeLessThan(MINORITY_WRITES_MS_MAX)
          expect([...old.errors]).toEqual(['CLUSTERDOWN'])

          network.split()
          await linked(master, heir)
          await old.stop()
          await fresh.stop()
          // From its refusal to its end as a replica it has not taken a single write.
          expect(old.written.length).toBe(atOldMaster)
          await healthy(nodes)
          expect(await missingAt(heir, [...safe, ...fresh.written])).toEqual([])
          await eventually(
            'the same data on both',
            async () => (await missingAt(master, [...safe, ...fresh.written])).length === 0 || undefined,
          )
        } finally {
          network.close()
        }
      },
    )
  }

  const network = new Network()
  play(
    'nobody is elected where no majority is, and everybody goes on when the network is whole',
    () => network.start(['shoal', 'redis', 'shoal', 'redis']),
    async (nodes) => {
      try {
        await form(nodes, 3, [[3, 0]])
        network.split([0], [1], [2, 3])
        for (const node of nodes) await isDown(node)
        await new Promise((resolve) => setTimeout(resolve, NODE_TIMEOUT_MS))
        expect(await nodes[3]!.isMaster()).toBe(false)
        network.split()
        // The suspicions of the time before may still add up to an election now; either way all agree on one master.
        await healthy(nodes)
        const [one, other] = [nodes[0]!, nodes[3]!]
        if (await one.isMaster()) await linked(other, one)
        else await linked(one, other)
      } finally {
        network.close()
      }
    },
  )
})
