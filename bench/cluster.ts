/**
 * Six nodes: from exec to a cluster whose nodes all say `cluster_state:ok`, then until every replica is linked; a master
 * killed, until its replica serves its slots; and the killed node started again, until it is a linked replica.
 */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  ask,
  type Engine,
  find,
  freePort,
  median,
  output,
  SHOAL,
  SHOAL_SERVER,
  type Table,
  until,
} from './tools.js'

const NODE_TIMEOUT_MS = 1000

interface Times {
  readonly ok: number
  readonly linked: number
  readonly failover: number
  readonly back: number
}

/** Six free ports in a row, with their bus ports. */
async function sixPorts(): Promise<number[]> {
  for (;;) {
    const ports: number[] = []
    for (let i = 0; i < 6; i++) ports.push(await freePort())
    if (ports[5]! - ports[0]! === 5) return ports
  }
}

function writeConfigs(folder: string, ports: readonly number[]): void {
  for (const port of ports) {
    mkdirSync(join(folder, String(port)))
    writeFileSync(
      join(folder, String(port), 'redis.conf'),
      `port ${port}\ndir ${join(folder, String(port))}\ndaemonize yes\npidfile ${join(folder, String(port), 'redis.pid')}\n` +
        `logfile redis.log\ncluster-enabled yes\ncluster-config-file nodes.conf\ncluster-node-timeout ${NODE_TIMEOUT_MS}\nappendonly yes\n`,
    )
  }
}

const pidOf = (folder: string, port: number) =>
  Number(readFileSync(join(folder, String(port), 'redis.pid'), 'utf8'))

async function launch(engine: Engine, folder: string, port: number): Promise<void> {
  const conf = join(folder, String(port), 'redis.conf')
  if (engine === 'redis') await output(find('redis-server')!, [conf])
  else await output(process.execPath, [SHOAL_SERVER, conf])
}

async function form(engine: Engine, folder: string, ports: readonly number[]): Promise<void> {
  if (engine === 'shoal') {
    const args = [
      'up',
      '--port',
      String(ports[0]),
      '--dir',
      folder,
      '--config',
      `cluster-node-timeout ${NODE_TIMEOUT_MS}`,
    ]
    const said = await output(process.execPath, [SHOAL, ...args])
    if (!/All 16384 slots covered/.test(said)) throw new Error(`shoal up said:\n${said}`)
    return
  }
  writeConfigs(folder, ports)
  await Promise.all(ports.map((port) => launch(engine, folder, port)))
  await until('six nodes to answer', async () =>
    (await Promise.all(ports.map((port) => ask(port, 'PING')))).every((reply) => reply.startsWith('+PONG')),
  )
  const hosts = ports.map((port) => `127.0.0.1:${port}`)
  await output(find('redis-cli')!, [
    '--cluster',
    'create',
    ...hosts,
    '--cluster-replicas',
    '1',
    '--cluster-yes',
  ])
}

async function allOk(ports: readonly number[]): Promise<boolean> {
  const replies = await Promise.all(ports.map((port) => ask(port, 'CLUSTER INFO')))
  return replies.every(
    (reply) => reply.includes('cluster_state:ok') && reply.includes('cluster_known_nodes:6'),
  )
}

async function rolesOf(ports: readonly number[]): Promise<string[]> {
  return Promise.all(ports.map((port) => ask(port, 'INFO replication')))
}

async function once(engine: Engine): Promise<Times> {
  const folder = mkdtempSync(join(tmpdir(), 'shoal-bench-cluster-'))
  const ports = await sixPorts()
  try {
    const began = performance.now()
    const watch = until('cluster_state:ok', () => allOk(ports), 10).then(() => performance.now() - began)
    watch.catch(() => {})
    await form(engine, folder, ports)
    const ok = await watch
    await until(
      'every replica to be linked',
      async () => {
        const roles = await rolesOf(ports)
        return roles.filter((role) => role.includes('master_link_status:up')).length === 3
      },
      10,
    )
    const linked = performance.now() - began
    // Everybody has heard of everybody else before the master is killed.
    await until('all to agree', () => allOk(ports))
    const victim = ports.find((_, i) => i < 3)!
    process.kill(pidOf(folder, victim), 'SIGKILL')
    const killed = performance.now()
    const others = ports.filter((port) => port !== victim)
    await until(
      'a replica to take over',
      async () => {
        const roles = await rolesOf(others)
        if (roles.filter((role) => role.includes('role:master')).length !== 3) return false
        return (await Promise.all(others.map((port) => ask(port, 'CLUSTER INFO')))).every((r) =>
          r.includes('cluster_state:ok'),
        )
      },
      10,
    )
    const failover = performance.now() - killed
    const again = performance.now()
    await launch(engine, folder, victim)
    await until(
      'the killed node to be a linked replica',
      async () => {
        const [role] = await rolesOf([victim])
        return role!.includes('role:slave') && role!.includes('master_link_status:up')
      },
      10,
    )
    return { ok, linked, failover, back: performance.now() - again }
  } finally {
    for (const port of ports) {
      try {
        process.kill(pidOf(folder, port), 'SIGKILL')
      } catch {
        // It never started, or is gone.
      }
    }
    await until('the ports to be free', async () =>
      (await Promise.all(ports.map((port) => ask(port, 'PING')))).every((r) => r === ''),
    )
    // A child of redis-server that rewrites its AOF outlives it for a moment.
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  }
}

export async function clusters(rounds: number): Promise<Table> {
  const times: Record<Engine, Times[]> = { redis: [], shoal: [] }
  for (let round = 0; round < rounds; round++) {
    for (const engine of ['redis', 'shoal'] as const) {
      times[engine].push(await once(engine))
      process.stderr.write(`${engine} ${JSON.stringify(times[engine].at(-1))}\n`)
    }
  }
  const row = (name: string, of: (t: Times) => number) => [
    name,
    `${(median(times.redis.map(of)) / 1000).toFixed(2)} s`,
    `${(median(times.shoal.map(of)) / 1000).toFixed(2)} s`,
    (median(times.redis.map(of)) / median(times.shoal.map(of))).toFixed(2),
  ]
  return {
    title: 'A cluster of six',
    note:
      `Medians of ${rounds} rounds; cluster-node-timeout ${NODE_TIMEOUT_MS}. redis-server is formed by redis-cli --cluster create, ` +
      'Shoal by `shoal up`; both from nothing.',
    head: ['', 'redis-server', 'shoal', 'ratio'],
    rows: [
      row('exec to cluster_state:ok on all', (t) => t.ok),
      row('exec to every replica linked', (t) => t.linked),
      row('a master killed to its replica serving', (t) => t.failover),
      row('a killed node started to being a linked replica', (t) => t.back),
    ],
  }
}
