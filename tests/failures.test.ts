/**
 * Failures with real processes. A master is killed while clients write: its replica takes over, and no write is lost
 * that had reached the replica (WAIT 1 said so). All six are killed: with appendfsync always, every acknowledged
 * write is there again. The nodes stay as they were started by `up`, whose second call brings back what was killed.
 */

import { afterEach, describe, expect, test } from 'vitest'
import { keySlot } from '../src/bytes/crc16.js'
import { type Connection, ConnectionError, connect, errorOf, textOf } from '../src/client/index.js'
import { parseNodes } from '../src/trib/index.js'
import { missing } from './oracle.js'
import { ask, askText, ENGINES, eventually, kill, startCluster, type TestCluster } from './processes.js'

/** What a node says of itself. */
async function selfOf(port: number) {
  const lines = parseNodes(await askText(port, 'CLUSTER', 'NODES')) ?? []
  const self = lines.find((line) => line.flags.includes('myself'))
  if (self === undefined) throw new Error(`${port} does not know itself`)
  return { ...self, master: lines.find((line) => line.id === self.replicates)?.port }
}

/** The port of the living master that says it serves the slot, or undefined. */
async function ownerOf(slot: number, ports: readonly number[]): Promise<number | undefined> {
  const owners = await Promise.all(
    ports.map(async (port) => {
      const self = await selfOf(port).catch(() => undefined)
      const serves = self?.slots.some(({ first, last }) => first <= slot && slot <= last)
      return serves === true && self?.flags.includes('master') === true ? { port, self } : undefined
    }),
  )
  const known = owners.filter((owner) => owner !== undefined)
  return known.sort((a, b) => b.self.configEpoch - a.self.configEpoch)[0]?.port
}

const slotOf = (key: string) => keySlot(Buffer.from(key), 0, key.length)

/** Writes numbered keys of one slot, each waited for, until told to stop; goes on at whoever serves the slot. */
class Writer {
  /** Written at a master whose replica had it: WAIT said 1. */
  readonly replicated: string[] = []
  /** Written, and the master said OK. */
  readonly acknowledged: { key: string; port: number }[] = []
  #stopped = false
  #done: Promise<void> = Promise.resolve()
  readonly #tag: string
  readonly #ports: readonly number[]
  readonly #wait: boolean
  readonly #name: number

  constructor(tag: string, ports: readonly number[], wait: boolean, name = 0) {
    this.#tag = tag
    this.#ports = ports
    this.#wait = wait
    this.#name = name
  }

  start(): this {
    this.#done = this.#run()
    return this
  }

  stop(): Promise<void> {
    this.#stopped = true
    return this.#done
  }

  async #run(): Promise<void> {
    let connection: Connection | undefined
    let port = 0
    for (let i = 0; !this.#stopped; i++) {
      const key = `{${this.#tag}}:${this.#name}:${i}`
      try {
        if (connection === undefined) {
          port = await eventually(
            'a master for the writer',
            () => (this.#stopped ? 0 : ownerOf(slotOf(this.#tag), this.#ports)),
            20_000,
          )
          if (port === 0) return
          connection = await connect({ port, connectTimeout_ms: 1000, replyTimeout_ms: 3000 })
        }
        const commands = [['SET', key, key], ...(this.#wait ? [['WAIT', 1, 50]] : [])]
        const [set, waited] = await connection.pipeline(commands)
        if (errorOf(set!) !== undefined) throw new ConnectionError('REPLY', errorOf(set!)!)
        this.acknowledged.push({ key, port })
        if (waited?.kind === 'integer' && Number(waited.value) >= 1) this.replicated.push(key)
      } catch (error) {
        if (!(error instanceof ConnectionError)) throw error
        connection?.close()
        connection = undefined
      }
    }
    connection?.close()
  }
}

/** The keys (each is its own value) which that node does not hold. READONLY: a replica answers too. */
async function lostAt(port: number, keys: readonly string[]): Promise<string[]> {
  const connection = await connect({ port, readonly: true })
  try {
    const replies = await connection.pipeline(keys.map((key) => ['GET', key]))
    return keys.filter((key, i) => textOf(replies[i]) !== key)
  } finally {
    connection.close()
  }
}

for (const engine of ENGINES) {
  describe.skipIf(engine !== 'shoal' && missing(engine))(`failures of ${engine}`, () => {
    let cluster: TestCluster | undefined
    const writers: Writer[] = []
    afterEach(async () => {
      await Promise.all(writers.splice(0).map((writer) => writer.stop()))
      await cluster?.end()
      cluster = undefined
    })

    test('a master dies under a stream of writes', { timeout: 60_000 }, async () => {
      cluster = await startCluster(engine, ['cluster-node-timeout 1000'])
      const { ports } = cluster
      const slot = slotOf('stream')
      const victim = (await ownerOf(slot, ports))!
      const victimId = (await selfOf(victim)).id
      const heirs: number[] = []
      for (const port of ports) if ((await selfOf(port)).replicates === victimId) heirs.push(port)
      expect(heirs.length).toBe(1)
      const heir = heirs[0]!
      for (let i = 0; i < 4; i++) writers.push(new Writer('stream', ports, true, i).start())
      const before = () => writers.reduce((sum, writer) => sum + writer.replicated.length, 0)
      await eventually('a hundred replicated writes', () => (before() > 100 ? true : undefined))

      await kill(cluster.pidOf(victim))
      await eventually('the replica takes over', async () =>
        (await ownerOf(slot, ports)) === heir ? true : undefined,
      )
      const after = () =>
        writers.reduce((sum, w) => sum + w.acknowledged.filter((one) => one.port === heir).length, 0)
      await eventually('twenty writes at the new master', () => (after() > 20 ? true : undefined))

      await cluster.up()
      const returned = await eventually('the old master is a linked replica', async () => {
        const self = await selfOf(victim)
        const info = await askText(victim, 'INFO', 'replication')
        return self.master === heir && info.includes('master_link_status:up') ? self : undefined
      })
      expect(returned.id).toBe(victimId)
      expect(returned.flags).toContain('slave')
      expect(returned.slots).toEqual([])

      await Promise.all(writers.map((writer) => writer.stop()))
      const kept = new Set(
        writers.flatMap(({ replicated, acknowledged }) => [
          ...replicated,
          ...acknowledged.filter((one) => one.port === heir).map((one) => one.key),
        ]),
      )
      expect(await lostAt(heir, [...kept])).toEqual([])
      await ask(heir, 'WAIT', 1, 5000)
      await eventually('the old master has it all', async () =>
        (await lostAt(victim, [...kept])).length === 0 ? true : undefined,
      )
    })

    test('all six die under a stream of writes', { timeout: 60_000 }, async () => {
      cluster = await startCluster(engine, ['appendfsync always'])
      const { ports, pidOf } = cluster
      const tags = ['a', 'b', 'c', 'd', 'e', 'f'] // on all three masters
      for (const tag of tags) writers.push(new Writer(tag, ports, false).start())
      await eventually('fifty writes of each', () =>
        writers.every((writer) => writer.acknowledged.length > 50) ? true : undefined,
      )
      const roles = await Promise.all(ports.map(selfOf))
      await Promise.all(ports.map((port) => kill(pidOf(port))))
      await Promise.all(writers.map((writer) => writer.stop()))

      const again = await cluster.up()
      expect(again.started.length).toBe(6)
      expect(again.formed).toBe(false)
      expect((await Promise.all(ports.map(selfOf))).map((self) => self.id)).toEqual(
        roles.map((self) => self.id),
      )
      const served = new Set<number>()
      for (const { acknowledged } of writers) {
        const key = acknowledged[0]!.key
        const owner = (await ownerOf(slotOf(key.slice(1, key.indexOf('}'))), ports))!
        served.add(owner)
        expect(
          await lostAt(
            owner,
            acknowledged.map((one) => one.key),
          ),
        ).toEqual([])
      }
      expect(served.size).toBe(3)
    })
  })
}
