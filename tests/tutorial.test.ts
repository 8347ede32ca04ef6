/**
 * The tutorial that Shoal grew from, typed: six folders, six configuration files, six servers, formed into a cluster
 * and used; on two "machines", which are two addresses of loopback. By Shoal's tools and by Redis's, on Shoal's
 * servers and on Redis's: each tool works on each.
 */

import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { infoFields } from '../src/launch/inspect.js'
import { waitUntilReady } from '../src/trib/index.js'
import { missing, onPath } from './oracle.js'
import { askText, ENGINES, eventually, freeRange, kill, program, serverCommand } from './processes.js'

interface Typed {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Types a command in a folder. */
function type(folder: string, [file, ...args]: readonly [string, ...string[]], stdin = ''): Promise<Typed> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd: folder, env: { ...process.env, TERM: 'dumb' } })
    const out: Buffer[] = []
    const err: Buffer[] = []
    child.stdout.on('data', (bytes: Buffer) => out.push(bytes))
    child.stderr.on('data', (bytes: Buffer) => err.push(bytes))
    child.once('error', reject)
    child.once('close', (code) =>
      resolve({ code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }),
    )
    child.stdin.on('error', () => {}) // it ended without reading
    child.stdin.end(stdin)
  })
}

/** The same on a terminal of its own, so that prompts show; what is typed is sent once the prompt is there. */
function typeOnTerminal(
  folder: string,
  command: readonly string[],
  lines: readonly string[],
): Promise<string> {
  const quoted = command.map((word) => `'${word}'`).join(' ')
  return new Promise((resolve, reject) => {
    const child = spawn('script', ['-qec', `stty cols 120 rows 40; exec ${quoted}`, '/dev/null'], {
      cwd: folder,
      env: { ...process.env, TERM: 'dumb' },
    })
    let said = ''
    let typed = 0
    let seen = 0
    child.stdout.on('data', (bytes: Buffer) => {
      said += bytes.toString()
      const text = plain(said)
      // A prompt is the end of what was said, and not the one that was answered already.
      if (!/> $/.test(text) || text.length === seen || typed >= lines.length) return
      seen = text.length
      child.stdin.write(`${lines[typed++]}\n`)
    })
    child.once('error', reject)
    child.once('close', () => resolve(plain(said)))
  })
}

/** What is left on a terminal when the cursor's movements are taken out. */
function plain(said: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is the terminal's
  return said.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, '').replaceAll('\r', '')
}

/** What `ps` shows of a process. */
async function titleOf(pid: number): Promise<string> {
  if (onPath('ps') !== undefined)
    return (await type('/', ['ps', '-o', 'args=', '-p', String(pid)])).stdout.trim()
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
}

const MACHINES = ['127.0.1.198', '127.0.1.199'] as const
const TUTORIAL = ['daemonize yes', 'cluster-enabled yes', 'cluster-config-file nodes.conf']
const TUTORIAL_END = ['cluster-node-timeout 5000', 'appendonly yes']

/** The pids of servers that were started by hand: they tell. */
async function pidOfServer(port: number): Promise<number> {
  return Number(infoFields(await askText(port, 'INFO', 'server')).get('process_id'))
}

type Tools = 'shoal' | 'redis'

const COMBINATIONS: readonly (readonly [server: string, tools: Tools])[] = [
  ...ENGINES.flatMap((server): (readonly [string, Tools])[] => [
    [server, 'shoal'],
    [server, 'redis'],
  ]),
  ...(ENGINES.includes('redis-server') ? [] : ([['redis-server', 'shoal']] as const)),
]

for (const [server, tools] of COMBINATIONS) {
  const needed = [...(server === 'shoal' ? [] : [server]), ...(tools === 'redis' ? ['redis-cli'] : [])]
  describe.skipIf(missing(...needed))(`the tutorial with ${server} and ${tools}’s tools`, () => {
    const root = mkdtempSync(join(tmpdir(), 'shoal-tutorial-'))
    const name = server === 'shoal' ? 'shoal-server' : server
    const [manager, client]: [[string, ...string[]], [string, ...string[]]] =
      tools === 'shoal'
        ? [
            [process.execPath, program('shoal-trib')],
            [process.execPath, program('shoal-cli')],
          ]
        : [['redis-cli', '--cluster'], ['redis-cli']]
    const pids: number[] = []
    let first = 0
    const hostOf = (i: number) => MACHINES[i < 3 ? 0 : 1]
    const nodes = () => Array.from({ length: 6 }, (_, i) => `${hostOf(i)}:${first + i}`)
    beforeAll(async () => {
      first = await freeRange(6)
    })
    afterAll(async () => {
      for (const pid of pids) await kill(pid)
      rmSync(root, { recursive: true, force: true, maxRetries: 3 })
    })

    test('six folders, six configuration files, six servers', async () => {
      for (let i = 0; i < 6; i++) {
        const folder = join(root, String(first + i))
        mkdirSync(folder)
        const machine = [`bind ${hostOf(i)} 127.0.0.1`, `cluster-announce-ip ${hostOf(i)}`]
        const lines = [`port ${first + i}`, ...TUTORIAL, ...TUTORIAL_END, 'pidfile redis.pid', ...machine]
        writeFileSync(join(folder, 'redis.conf'), `${lines.join('\n')}\n`)
      }
      const typed = await Promise.all(
        nodes().map((_, i) => type(join(root, String(first + i)), [...serverCommand(server), 'redis.conf'])),
      )
      for (let i = 0; i < 6; i++) {
        const pid = await eventually(`the pid of ${first + i}`, () => pidOfServer(first + i))
        pids.push(pid)
        expect(typed[i]!.stderr).toBe('')
        expect(typed[i]!.code).toBe(0)
        expect(await titleOf(pid)).toMatch(new RegExp(`${name} ${hostOf(i)}:${first + i} \\[cluster\\]$`))
        expect(readdirSync(join(root, String(first + i)))).toEqual(
          expect.arrayContaining(['appendonlydir', 'nodes.conf', 'redis.conf']),
        )
      }
    })

    test('create: the plan, the question, the report', async () => {
      const replicas = tools === 'shoal' ? ['--replicas', '1'] : ['--cluster-replicas', '1']
      const words: [string, ...string[]] =
        tools === 'shoal'
          ? [...manager, 'create', ...replicas, ...nodes()]
          : [...manager, 'create', ...nodes(), ...replicas]
      const { stdout, stderr, code } = await type(root, words, 'yes\n')
      expect(stderr).toBe('')
      expect(stdout).toContain('>>> Performing hash slots allocation on 6 nodes...\n')
      if (tools === 'shoal') {
        expect(stdout).toMatch(/^>>> Creating cluster\n/)
        expect(stdout).toContain('Using 3 masters:\n')
      }
      expect(stdout).toContain("Can I set the above configuration? (type 'yes' to accept): ")
      expect(stdout).toContain('>>> Nodes configuration updated\n')
      expect(stdout).toContain('>>> Assign a different config epoch to each node\n')
      expect(stdout).toContain('>>> Sending CLUSTER MEET messages to join the cluster\n')
      expect(stdout).toContain('Waiting for the cluster to join')
      expect(stdout).toContain('[OK] All nodes agree about slots configuration.\n')
      expect(stdout).toContain('[OK] All 16384 slots covered.\n')
      expect(code).toBe(0)
      const adding = [...stdout.matchAll(/^Adding replica (\S+):\d+ to (\S+):\d+$/gm)]
      expect(adding.length).toBe(3)
      expect(await waitUntilReady(nodes())).toEqual({ ok: true, value: undefined })
    })

    test('no replica sits on its master’s machine', async () => {
      const lines = await eventually('three replicas', async () => {
        const told = (await askText(first, 'CLUSTER', 'NODES')).trim().split('\n')
        return told.filter((line) => line.includes('slave')).length === 3 ? told : undefined
      })
      expect(lines.length).toBe(6)
      const machineOf = new Map(lines.map((line) => [line.split(' ')[0]!, /(\S+):\d+@/.exec(line)![1]!]))
      const replicas = lines.map((line) => line.split(' ')).filter((words) => words[2]!.includes('slave'))
      expect(replicas.length).toBe(3)
      for (const [id, , , master] of replicas) expect(machineOf.get(id!)).not.toBe(machineOf.get(master!))
      expect(new Set(machineOf.values())).toEqual(new Set(MACHINES))
    })

    test('check, info, call', async () => {
      const check = await type(root, [...manager, 'check', nodes()[5]!])
      expect(check.stdout).toContain('[OK] All 16384 slots covered.\n')
      expect(check.stdout.match(/^M: [0-9a-f]{40} 127\.0\.1\.19[89]:\d+$/gm)?.length).toBe(3)
      expect(check.stdout.match(/^S: [0-9a-f]{40} 127\.0\.1\.19[89]:\d+$/gm)?.length).toBe(3)
      expect(check.code).toBe(0)
      const info = await type(root, [...manager, 'info', nodes()[0]!])
      expect(info.stdout).toMatch(/\[OK\] 0 keys in 3 masters\.\n0\.00 keys per slot on average\.\n/)
      const call = await type(root, [...manager, 'call', nodes()[0]!, 'config', 'get', 'appendonly'])
      expect(call.stdout).toMatch(/^>>> Calling /)
      expect(call.stdout.match(/appendonly/g)?.length).toBeGreaterThanOrEqual(6)
      expect(call.stdout.match(/yes/g)?.length).toBe(6)
    })

    test('the client follows the cluster', async () => {
      const owner = await eventually('the owner of slot 5798', async () => {
        const lines = (await askText(first, 'CLUSTER', 'NODES')).split('\n').map((line) => line.split(' '))
        const serving = lines.find((words) =>
          words.slice(8).some((word) => {
            const [from, to] = word.split('-').map(Number)
            return from! <= 5798 && 5798 <= to!
          }),
        )
        return /(\S+):(\d+)@/
          .exec(serving?.[1] ?? '')
          ?.slice(1, 3)
          .join(':')
      })
      const elsewhere = nodes().findIndex((node) => node !== owner)
      const at = [...client, '-c', '-h', hostOf(elsewhere), '-p', String(first + elsewhere)] as const
      if (!missing('script')) {
        const said = await typeOnTerminal(root, at, ['set name test', 'get name', 'quit'])
        const prompt = `${hostOf(elsewhere)}:${first + elsewhere}> `
        expect(said).toContain(prompt)
        expect(said).toContain(`-> Redirected to slot [5798] located at ${owner}\nOK\n${owner}> `)
        expect(said).toContain('"test"\n')
      } else expect((await type(root, at, 'set name test\n')).stdout).toContain('OK\n')
      expect((await type(root, [...at, 'get', 'name'])).stdout).toContain('test\n')
      const [host, port] = owner.split(':')
      expect((await type(root, [...client, '-h', host!, '-p', port!, 'get', 'name'])).stdout).toBe('test\n')
      // Without -c it is told, not taken, there.
      const [program, ...args] = at
      const told = await type(root, [program, ...args.filter((word) => word !== '-c'), 'get', 'name'])
      expect(told.stdout).toBe(`MOVED 5798 ${owner}\n\n`)
    })
  })
}

for (const server of ENGINES) {
  describe.skipIf(server !== 'shoal' && missing(server))(`one node of ${server}`, () => {
    test('as the tutorial writes it: every address, ps shows a star', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'shoal-one-'))
      const port = await freeRange(1)
      let pid: number | undefined
      try {
        const lines = [`port ${port}`, ...TUTORIAL, ...TUTORIAL_END, 'pidfile redis.pid']
        writeFileSync(join(folder, 'redis.conf'), `${lines.join('\n')}\n`)
        expect((await type(folder, [...serverCommand(server), 'redis.conf'])).code).toBe(0)
        pid = await eventually('its pid', () => pidOfServer(port))
        const name = server === 'shoal' ? 'shoal-server' : server
        expect(await titleOf(pid)).toMatch(new RegExp(`${name} \\*:${port} \\[cluster\\]$`))
        expect(existsSync(join(folder, 'nodes.conf'))).toBe(true)
      } finally {
        await kill(pid)
        rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
      }
    })
  })
}
