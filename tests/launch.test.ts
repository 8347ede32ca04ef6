/**
 * `shoal up`, `down` and `status` with real processes: made, found again, repaired after SIGKILL, stopped, removed;
 * and what stands in the way is an error that leaves nothing behind.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { runShoal } from '../src/cli/shoal/run.js'
import { up } from '../src/launch/index.js'
import { isAlive } from '../src/launch/processes.js'
import { inProcess, type Ran } from './io.js'
import { missing, startRedis } from './oracle.js'
import { ask, askText, ENGINES, engineWorld, freeRange, kill, pidIn } from './processes.js'

const shoal = (argv: string[], stdin = ''): Promise<Ran> =>
  inProcess(runShoal, argv, { stdin, env: { PATH: process.env['PATH'] ?? '' } })

/** A folder for data, and the end of all processes whose pid files lie there. */
function dataFolder(): { dir: string; clean: () => Promise<void> } {
  const dir = mkdtempSync(join(tmpdir(), 'shoal-up-'))
  const clean = async () => {
    for (const name of existsSync(dir) ? readdirSync(dir) : []) {
      const pid = pidIn(join(dir, name, 'redis.pid'))
      if (pid !== undefined && pid !== process.pid) await kill(pid)
    }
    rmSync(dir, { recursive: true, force: true, maxRetries: 3 })
  }
  return { dir, clean }
}

for (const engine of ENGINES) {
  describe.skipIf(engine !== 'shoal' && missing(engine))(`a cluster of ${engine}`, () => {
    const { dir, clean } = dataFolder()
    let port = 0
    const at = (i: number) => `127.0.0.1:${port + i}`
    const pidOf = (i: number) => pidIn(join(dir, String(port + i), 'redis.pid'))
    beforeAll(async () => {
      port = await freeRange(6)
    })
    afterAll(clean)

    test('is made: files, nodes, the manager’s report, the slot map', async () => {
      const ran = await shoal([
        ...['up', '--dir', dir, '--port', String(port), '--engine', engine],
        ...['--config', 'appendfsync always'],
      ])
      expect(ran.stderr).toBe('')
      expect(ran.code).toBe(0)
      expect(ran.stdout).toContain('[OK] All 16384 slots covered.\n')
      expect(ran.stdout).toMatch(
        new RegExp(
          '\nslots +master +replicas\n' +
            `0-5460 +${at(0)} +${at(4)}\n5461-10922 +${at(1)} +${at(5)}\n10923-16383 +${at(2)} +${at(3)}\n\n` +
            'A cluster of 6 nodes is up\\.\n',
        ),
      )
      const conf = readFileSync(join(dir, String(port), 'redis.conf'), 'utf8')
      expect(conf).toContain(`\nport ${port}\n`)
      expect(conf).toContain('\nappendfsync always\n')
      for (let i = 0; i < 6; i++) {
        expect(await askText(port + i, 'CLUSTER', 'INFO')).toContain('cluster_state:ok')
        expect(isAlive(pidOf(i) ?? 0)).toBe(true)
      }
    })

    test('is found', async () => {
      const pids = Array.from({ length: 6 }, (_, i) => pidOf(i))
      for (const options of [[], ['--nodes', '6', '--engine', engine]]) {
        const ran = await shoal(['up', '--dir', dir, ...options])
        expect(ran.stdout).toContain(`${at(5)} runs already (pid ${pids[5]})\n`)
        expect(ran.stdout).toContain('The cluster is up already: all 6 nodes run.\n')
        expect(ran.code).toBe(0)
      }
      expect(Array.from({ length: 6 }, (_, i) => pidOf(i))).toEqual(pids)
    })

    test('is not mistaken for another', async () => {
      const ran = await shoal(['up', '--dir', dir, '--nodes', '9', '--replicas', '2'])
      expect(ran.code).toBe(1)
      expect(ran.stderr).toContain(`The cluster in ${dir} was made otherwise than --nodes 9 --replicas 2`)
      expect(ran.stderr).toContain(`shoal down --delete --dir ${dir}`)
    })

    test('shows its nodes', async () => {
      const json = JSON.parse((await shoal(['status', '--dir', dir, '--json'])).stdout)
      expect(json.slotsServed).toBe(16384)
      expect(json.nodes.map((node: { role: string }) => node.role).sort()).toEqual([
        ...['master', 'master', 'master', 'replica', 'replica', 'replica'],
      ])
      expect(json.nodes[0]).toMatchObject({ address: at(0), state: 'running', pid: pidOf(0), keys: 0 })
      expect(json.nodes[0].memory_bytes).toBeGreaterThan(0)
      const { stdout } = await shoal(['status', '--dir', dir])
      expect(stdout).toContain('16384 of 16384 slots served by 3 masters')
      expect(stdout).toMatch(new RegExp(`^${at(3)} +replica of ${at(2)}`, 'm'))
    })

    test('is repaired after SIGKILL, when a pid file names another program too', async () => {
      await ask(port, 'SET', '{06S}kept', 'yes') // slot 0
      const others = [0, 2, 3].map(pidOf)
      await kill(pidOf(1))
      await kill(pidOf(4))
      // The number of the dead node's process now belongs to somebody in that very folder.
      const foreign = spawn('sleep', ['1000'], { cwd: join(dir, String(port + 4)), stdio: 'ignore' })
      try {
        writeFileSync(join(dir, String(port + 4), 'redis.pid'), `${foreign.pid}\n`)
        const status = await shoal(['status', '--dir', dir])
        expect(status.stdout).toMatch(new RegExp(`^${at(1)} +down`, 'm'))
        expect(status.code).toBe(1)
        const ran = await shoal(['up', '--dir', dir])
        expect(ran.stderr).toBe('')
        expect(ran.stdout).toContain(
          `The cluster is whole again: what was missing (${at(1)}, ${at(4)}) is started.\n`,
        )
        expect([0, 2, 3].map(pidOf)).toEqual(others)
        expect(isAlive(foreign.pid!)).toBe(true)
        expect(pidOf(4)).not.toBe(foreign.pid)
      } finally {
        await kill(foreign.pid)
      }
    })

    test('is stopped, and started with its data', async () => {
      const pids = Array.from({ length: 6 }, (_, i) => pidOf(i)!)
      const stopped = await shoal(['down', '--dir', dir])
      expect(stopped.stdout).toContain(`${at(0)} stopped\n`)
      expect(stopped.stdout).toContain(`6 nodes stopped. The data stays in ${dir}.\n`)
      expect(pids.some(isAlive)).toBe(false)
      expect((await shoal(['down', '--dir', dir])).stdout).toContain('No node was running.')
      expect((await shoal(['status', '--dir', dir])).stdout).toContain('down (0 of 6 nodes running)')
      expect((await shoal(['up', '--dir', dir])).stdout).toContain('The cluster is up again')
      expect(await askText(port, 'GET', '{06S}kept')).toBe('yes')
    })

    test('is deleted only by somebody who means it', async () => {
      const no = await shoal(['down', '--dir', dir, '--delete'], 'no\n')
      expect(no.code).toBe(1)
      expect(no.stdout).toContain(`Delete the data of 6 nodes in ${dir}? (type 'yes' to delete): `)
      expect(isAlive(pidOf(0)!)).toBe(true)
      const pids = Array.from({ length: 6 }, (_, i) => pidOf(i)!)
      const yes = await shoal(['down', '--dir', dir, '--delete', '--yes'])
      expect(yes.stdout).toContain(`The data in ${dir} is deleted.\n`)
      expect(pids.some(isAlive)).toBe(false)
      expect(existsSync(dir)).toBe(false)
      const gone = await shoal(['status', '--dir', dir])
      expect(gone.stderr).toContain(`There is no cluster in ${dir}`)
      expect(gone.code).toBe(1)
    })
  })

  describe.skipIf(engine !== 'shoal' && missing(engine))(`what stands in the way of ${engine}`, () => {
    const ends: (() => Promise<unknown> | unknown)[] = []
    afterEach(async () => {
      for (const end of ends.splice(0).reverse()) await end()
    })
    /** `up` that must fail, in a folder that must not be there afterwards. */
    const refused = async (port: number, ...options: string[]): Promise<string> => {
      const { dir, clean } = dataFolder()
      ends.push(clean)
      const inner = join(dir, 'cluster')
      const ran = await shoal(['up', '--dir', inner, '--port', String(port), '--engine', engine, ...options])
      expect(ran.code).toBe(1)
      expect(existsSync(inner)).toBe(false)
      return ran.stderr
    }
    const listen = async (port: number): Promise<Server> => {
      const server = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
      await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
      ends.push(() => server.close())
      return server
    }

    test('a port taken by another program, or its bus port', async () => {
      const port = await freeRange(6)
      await listen(port + 2)
      expect(await refused(port)).toBe(
        `Port ${port + 2} is taken by another program, which is not a Redis.\n`,
      )
      await listen(port + 10_003)
      expect(await refused(port)).toContain(
        `Port ${port + 10_003}, the cluster bus of ${port + 3}, is taken by another program (on 127.0.0.1).\n`,
      )
    })

    test.skipIf(missing('redis-server'))('a port taken by a Redis, alone or of another cluster', async () => {
      const port = await freeRange(6)
      const alone = await startRedis([], { port })
      ends.push(() => alone.stop())
      const other = await startRedis(['--cluster-enabled', 'yes'], { port: port + 1 })
      ends.push(() => other.stop())
      const said = await refused(port)
      expect(said).toMatch(
        new RegExp(`^Port ${port} is taken by a redis [\\d.]+ that is no cluster node \\(pid`, 'm'),
      )
      expect(said).toMatch(
        new RegExp(`^Port ${port + 1} is taken by a node of another cluster \\(redis`, 'm'),
      )
      expect(said).toContain(other.directory)
    })

    test('too few nodes, an unknown engine, an unknown option', async () => {
      expect(await refused(7000, '--nodes', '5')).toContain('Try --nodes 6 or --replicas 0.')
      expect(await refused(7000, '--engine', 'no-such-server')).toContain('no-such-server is not on the PATH')
      expect(await refused(7000, '--engine', './no-such-server')).toContain('is not there')
      expect(await refused(7000, '--nodes', 'many')).toContain('whole number')
      expect(await refused(7000, '--nonsense')).toContain("unknown option '--nonsense'")
      expect((await shoal(['sideways'])).stderr).toContain("no subcommand 'sideways'")
    })

    test('an address of another machine', async () => {
      const port = await freeRange(6)
      expect(await refused(port, '--host', '192.0.2.1', '--config', 'protected-mode no')).toBe(
        '192.0.2.1 is not an address of this machine.\n',
      )
    })

    test('a folder that is somebody else’s', async () => {
      const { dir, clean } = dataFolder()
      ends.push(clean)
      const port = await freeRange(6)
      mkdirSync(join(dir, String(port + 1)))
      writeFileSync(join(dir, String(port + 1), 'redis.conf'), '')
      const ran = await shoal(['up', '--dir', dir, '--port', String(port), '--engine', engine])
      expect(ran.stderr).toContain(
        `${join(dir, String(port + 1))} exists already and was not made by shoal up.`,
      )
      expect(readdirSync(dir)).toEqual([String(port + 1)])
    })

    test('a node that does not start: its reason, and the others are stopped', async () => {
      const port = await freeRange(6)
      const said = await refused(port, '--config', 'maxmemory plenty')
      expect(said).toContain(`The node 127.0.0.1:${port} did not start: it ended at once.`)
      expect(said).toMatch(/maxmemory/)
    })

    test('somebody who interrupts: what was started is stopped again', async () => {
      const { dir, clean } = dataFolder()
      ends.push(clean)
      const port = await freeRange(6)
      const inner = join(dir, 'cluster')
      const interruption = new AbortController()
      const pids: number[] = []
      const outcome = await up(
        { port, engines: [engine] },
        {
          dir: inner,
          world: engineWorld(dir),
          signal: interruption.signal,
          onEvent: (event) => {
            if (event.kind !== 'node' || event.state !== 'serving') return
            pids.push(event.pid!)
            interruption.abort()
          },
        },
      )
      expect(outcome).toMatchObject({ ok: false, reason: expect.stringMatching(/interrupted/i) })
      expect(pids.length).toBeGreaterThan(0)
      expect(pids.some(isAlive)).toBe(false)
      expect(existsSync(inner)).toBe(false)
    })

    test('two at the same time', async () => {
      const { dir, clean } = dataFolder()
      ends.push(clean)
      const holder: ChildProcess = spawn('sleep', ['1000'], { stdio: 'ignore' })
      ends.push(() => kill(holder.pid))
      writeFileSync(join(dir, '.shoal-up.pid'), `${holder.pid}\n`)
      const port = await freeRange(6)
      const ran = await shoal(['up', '--dir', dir, '--port', String(port), '--engine', engine])
      expect(ran.stderr).toContain(`Another shoal (pid ${holder.pid}) is at work in ${dir}.`)
      expect(ran.code).toBe(1)
    })
  })
}

describe.skipIf(missing('redis-server'))('several engines', () => {
  test('one cluster of Shoal’s nodes and Redis’s, stopped and started', { timeout: 60_000 }, async () => {
    const { dir, clean } = dataFolder()
    try {
      const port = await freeRange(6)
      const made = await shoal(['up', '--dir', dir, '--port', String(port), '--engine', 'shoal,redis-server'])
      expect(made.stderr).toBe('')
      expect(made.stdout).toContain('[OK] All 16384 slots covered.\n')
      const engines = await Promise.all(
        [0, 1, 2, 3, 4, 5].map(async (i) =>
          (await askText(port + i, 'INFO', 'server')).includes('server_name:shoal'),
        ),
      )
      expect(engines).toEqual([true, false, true, false, true, false])
      // Redis's replicas take some seconds to link: the state may be «degraded» so far.
      const { stdout } = await shoal(['status', '--dir', dir])
      expect(stdout).toContain('(6 of 6 nodes running, 16384 of 16384 slots served by 3 masters)\n')
      await ask(port, 'SET', '{06S}kept', 'yes')
      expect((await shoal(['down', '--dir', dir])).stdout).toContain('6 nodes stopped.')
      expect((await shoal(['up', '--dir', dir])).stderr).toBe('')
      expect(await askText(port, 'GET', '{06S}kept')).toBe('yes')
    } finally {
      await clean()
    }
  })
})

describe('shoal', () => {
  test('says what it can', async () => {
    const help = await shoal(['help'])
    expect(help.code).toBe(0)
    for (const word of ['up', 'down', 'status', 'server', 'cli', 'trib'])
      expect(help.stdout).toContain(`\n  ${word} `)
    expect((await shoal([])).code).toBe(1)
    expect((await shoal(['--version'])).stdout).toMatch(/^shoal \d+\.\d+\.\d+\n$/)
    expect((await shoal(['help', 'up'])).stdout).toContain('--replicas <n>')
    expect((await shoal(['help', 'server'])).stdout).toContain('shoal-server')
  })
})
