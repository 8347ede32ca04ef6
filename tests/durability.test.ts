/**
 * A node as a process, killed with SIGKILL while it writes, rewrites and saves, and started again: with
 * `appendfsync always` every write that was acknowledged is there, and never half a transaction.
 */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePorts } from './oracle.js'

const ROUNDS = 4
const WRITERS = 4

let dir: string
let program: string
let child: ChildProcess | undefined

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'shoal-durability-'))
  const out = join(dir, 'program')
  const script = fileURLToPath(new URL('../scripts/build.mjs', import.meta.url))
  execFileSync(process.execPath, [script, 'shoal-server'], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { ...process.env, OUT: out },
  })
  program = join(out, 'shoal-server.main.cjs')
})

afterAll(() => {
  child?.kill('SIGKILL')
  rmSync(dir, { recursive: true, force: true })
})

/** Starts the node and waits until it has loaded. */
async function start(port: number): Promise<Redis> {
  const options = [
    '--port',
    String(port),
    '--dir',
    dir,
    '--appendonly',
    'yes',
    '--appendfsync',
    'always',
    '--save',
    '',
  ]
  let said = ''
  const started = spawn(process.execPath, [program, ...options], { stdio: ['ignore', 'pipe', 'pipe'] })
  child = started
  await new Promise<void>((resolve, reject) => {
    started.stdout?.on('data', (bytes: Buffer) => {
      said += bytes.toString()
      if (said.includes('Ready to accept connections')) resolve()
    })
    started.once('exit', (code) => reject(new Error(`ended with code ${code}:\n${said}`)))
  })
  return connect(port)
}

function connect(port: number): Redis {
  const client = new Redis(port, '127.0.0.1', {
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    enableReadyCheck: false,
  })
  client.on('error', () => undefined)
  return client
}

async function kill(): Promise<void> {
  const gone = new Promise((resolve) => child?.once('exit', resolve))
  child?.kill('SIGKILL')
  await gone
}

/** Writes n = 1, 2, 3 … and pairs that must stay equal, until the node is gone; the last n that was acknowledged. */
async function write(port: number, writer: number, from: number): Promise<number> {
  const client = connect(port)
  let acknowledged = from
  try {
    for (let n = from + 1; ; n++) {
      await client.multi().set(`a:${writer}`, n).set(`b:${writer}`, n).exec()
      await client.set(`n:${writer}`, n)
      acknowledged = n
    }
  } catch {
    client.disconnect()
    return acknowledged
  }
}

test('what was acknowledged survives SIGKILL, in the middle of a rewrite too', async () => {
  const [port] = await freePorts(1)
  const acknowledged = new Array<number>(WRITERS).fill(0)
  for (let round = 0; round < ROUNDS; round++) {
    const client = await start(port!)
    for (let writer = 0; writer < WRITERS; writer++) {
      const [n, a, b] = (await client.mget(`n:${writer}`, `a:${writer}`, `b:${writer}`)).map(Number)
      expect(n).toBeGreaterThanOrEqual(acknowledged[writer]!)
      expect(a).toBe(b)
      // The write after the last acknowledged one may have arrived: it counts from here on.
      acknowledged[writer] = n!
    }
    if (round === 0) {
      const fill = client.pipeline()
      for (let i = 0; i < 30_000; i++) fill.set(`fill:${i}`, 'x'.repeat(40))
      await fill.exec()
    }
    expect(await client.dbsize()).toBe(30_000 + (round === 0 ? 0 : 3 * WRITERS))
    const writing = Promise.all(acknowledged.map((from, writer) => write(port!, writer, from)))
    while (Number(await client.get('n:0')) < (acknowledged[0] ?? 0) + 20)
      await new Promise((resolve) => setTimeout(resolve, 2))
    await client.call('BGREWRITEAOF')
    // Each round a little later in the rewrite.
    await new Promise((resolve) => setTimeout(resolve, round * 15))
    await kill()
    client.disconnect()
    for (const [writer, n] of (await writing).entries()) acknowledged[writer] = n
    expect(acknowledged.every((n) => n > 0)).toBe(true)
  }
  const client = await start(port!)
  await client.call('BGREWRITEAOF')
  while (!/aof_rewrite_in_progress:0/.test(await client.info('persistence')))
    await new Promise((resolve) => setTimeout(resolve, 5))
  for (let waited = 0; readdirSync(join(dir, 'appendonlydir')).length > 3 && waited < 200; waited++) {
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  // One base, one increment, the manifest: nothing is left behind by what was killed.
  expect(readdirSync(join(dir, 'appendonlydir')).length).toBe(3)
  client.disconnect()
  await kill()
})
