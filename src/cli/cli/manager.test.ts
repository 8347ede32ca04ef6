/**
 * `shoal-cli --cluster` beside `redis-cli --cluster`, on two sets of the same nodes: what they print is compared
 * byte for byte, node ids and ports masked, and so are the exit codes.
 */

import { spawnSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { inProcess, type Ran } from '../../../tests/io.js'
import { freePorts, missing, onPath, type RedisProcess, startRedis } from '../../../tests/oracle.js'
import { clusterInfo, waitUntilReady } from '../../trib/index.js'
import { runCli } from './run.js'

/** Two machines, so that there is one best arrangement: where there is none, redis-cli draws lots. */
const MACHINES = [1, 1, 1, 2, 2, 2].map((machine) => `127.0.2.${machine}`)

async function startMachines(): Promise<RedisProcess[]> {
  const ports = await freePorts(MACHINES.length, true)
  return Promise.all(
    MACHINES.map((host, i) => {
      const options = ['--bind', host, '127.0.0.1', '--cluster-announce-ip', host]
      return startRedis(['--cluster-enabled', 'yes', ...options], { port: ports[i]! })
    }),
  )
}

describe.skipIf(missing('redis-server', 'redis-cli'))('as redis-cli --cluster', () => {
  let theirs: RedisProcess[] = []
  let ours: RedisProcess[] = []
  let single: RedisProcess
  beforeAll(async () => {
    ;[theirs, ours] = [await startMachines(), await startMachines()]
    single = await startRedis()
  })
  afterAll(() => Promise.all([...theirs, ...ours, single].map((node) => node?.stop())))

  const addresses = (nodes: readonly RedisProcess[], count = 6) =>
    nodes.slice(0, count).map((node, i) => `${MACHINES[i]}:${node.port}`)

  function oracle(argv: readonly string[], stdin: string, env: Record<string, string>): Ran {
    const ran = spawnSync(onPath('redis-cli')!, argv, {
      input: stdin,
      env: { PATH: process.env['PATH'] ?? '', ...env },
      encoding: 'latin1',
    })
    return { code: ran.status ?? -1, stdout: ran.stdout, stderr: ran.stderr }
  }

  /** Runs both, each on its own nodes; `words` says how. */
  async function same(
    words: (nodes: readonly RedisProcess[]) => string[],
    stdin = '',
    env: Record<string, string> = {},
  ) {
    const theirOutput = oracle(words(theirs), stdin, env)
    const ourOutput = await inProcess(runCli, words(ours), { stdin, env })
    expect(masked(ourOutput, ours), words(ours).join(' ')).toEqual(masked(theirOutput, theirs))
    return ourOutput
  }

  function masked(ran: Ran, nodes: readonly RedisProcess[]): Ran {
    const mask = (text: string) => {
      const out = nodes.reduce((all, node, i) => all.replaceAll(String(node.port), `PORT${i}`), text)
      // Ids become the number of their node; the order in which a node lists the others is its own secret.
      const ids = new Map<string, string>()
      for (const [, id, port] of out.matchAll(/^[MS]: ([0-9a-f]{40}) [0-9.]+:(\S+)/gm))
        ids.set(id!, `ID-${port}`)
      const named = out
        .replace(/[0-9a-f]{40}/g, (id) => ids.get(id) ?? 'ID')
        .replace(/\([0-9a-f]{8}\.\.\.\)/g, '(ID...)')
        .replace(/(to join\n)\.*\n/g, '$1\n')
      return sortBlocks(named)
    }
    return { code: ran.code, stdout: mask(ran.stdout), stderr: mask(ran.stderr) }
  }

  /** Sorts the entries of each listing of nodes. */
  function sortBlocks(text: string): string {
    const listing = /(?:^(?:[MS]: .*\n(?: {3}.*\n)*|127\.0\.\d\.\d:PORT\d.*\n))+/gm
    const entry = /(?:[MS]: .*\n(?: {3}.*\n)*|127\.0\.\d\.\d:PORT\d.*\n)/g
    return text.replace(listing, (block) => (block.match(entry) ?? []).sort().join(''))
  }

  const create = (nodes: readonly RedisProcess[], ...more: string[]) => [
    ...['--cluster', 'create', ...addresses(nodes)],
    ...['--cluster-replicas', '1', ...more],
  ]

  test('refusals', async () => {
    await same((nodes) => ['--cluster', 'create', ...addresses(nodes, 3), '--cluster-replicas', '1'])
    await same((nodes) => ['--cluster', 'create', ...addresses(nodes, 2)])
    await same((nodes) => ['--cluster', 'create', ...addresses(nodes, 3), `127.0.0.1:${single.port}`])
    await same((nodes) => ['--cluster', 'create', ...addresses(nodes, 3), '127.0.0.1:1'])
    await same((nodes) => ['--cluster', 'create', ...addresses(nodes, 3), 'nowhere'])
    await same(() => ['--cluster', 'check', `127.0.0.1:${single.port}`])
    await same(() => ['--cluster', 'check', '127.0.0.1:1'])
    await same(() => ['--cluster', 'info', 'nowhere'])
    await same(() => ['--cluster', 'create'])
    await same(() => ['--cluster', 'del-node', 'x'])
    await same(() => ['--cluster', 'nonsense'])
    await same(() => ['--cluster', 'help'])
    // Nobody said yes.
    await same((nodes) => create(nodes), 'no\n')
  })

  test('create, with colours, and again', async () => {
    await inProcess(runCli, ['--cluster', 'info', addresses(ours)[0]!])
    await same((nodes) => create(nodes), 'yes\n', { TERM: 'xterm-256color' })
    await same((nodes) => create(nodes, '--cluster-yes'))
    for (const nodes of [theirs, ours]) {
      expect(await waitUntilReady(addresses(nodes), { linked: true })).toEqual({ ok: true, value: undefined })
    }
  })

  test('check, info, call', async () => {
    await same((nodes) => ['--cluster', 'check', addresses(nodes)[2]!])
    await same((nodes) => ['--cluster', 'check', MACHINES[4]!, String(nodes[4]!.port)])
    await same((nodes) => ['--cluster', 'check', addresses(nodes)[0]!, '--cluster-search-multiple-owners'])
    await same((nodes) => ['--cluster', 'info', addresses(nodes)[1]!])
    await same((nodes) => [
      '-d',
      ' ',
      '--cluster',
      'call',
      addresses(nodes)[0]!,
      'config',
      'get',
      'maxmemory',
    ])
    await same((nodes) => ['--cluster', 'call', addresses(nodes)[0]!, 'echo', 'hi', '--cluster-only-masters'])
    await same((nodes) => ['--cluster', 'call', addresses(nodes)[0]!, 'ping', '--cluster-only-replicas'])
    const info = await clusterInfo(addresses(ours)[0]!)
    expect(info.ok && info.value.map((one) => one.replicas)).toEqual([1, 1, 1])
  })

  test('redirects are followed, and shown to who types', async () => {
    const script = 'set name test\nget name\nset {name}x 1\nset a 1\n'
    const ran = await same((nodes) => ['-c', '-p', String(nodes[5]!.port), '--no-raw'], script)
    expect(ran.stdout).toMatch(
      /^-> Redirected to slot \[5798\] located at 127\.0\.2\.2:\d+\nOK\n"test"\nOK\n/,
    )
    await same((nodes) => ['-c', '-p', String(nodes[0]!.port), 'set', 'name', 'test'])
    await same((nodes) => ['-p', String(nodes[0]!.port), 'set', 'name', 'test'])
    // ASK: a slot on its way.
    const [from, to] = [ours, theirs].map((nodes) => nodes)
    for (const nodes of [from!, to!]) {
      const cli = (port: number, ...words: string[]) =>
        oracle(['-p', String(port), ...words], '', {}).stdout.trim()
      const id = (i: number) => cli(nodes[i]!.port, 'cluster', 'myid')
      const owner = nodes.findIndex((node) => cli(node.port, 'get', 'name') === 'test')
      const other = owner === 0 ? 1 : 0
      cli(nodes[other]!.port, 'cluster', 'setslot', '5798', 'importing', id(owner))
      cli(nodes[owner]!.port, 'cluster', 'setslot', '5798', 'migrating', id(other))
    }
    const asked = await same(
      (nodes) => ['-c', '-p', String(nodes[0]!.port), '--no-raw'],
      'get {name}y\nset {name}y 1\n',
    )
    expect(asked.stdout).toContain('-> Redirected to slot [5798]')
  })

  test('what is wrong is told: open slots, a missing slot, a node that is gone', async () => {
    await same((nodes) => ['--cluster', 'check', addresses(nodes)[0]!])
    for (const nodes of [theirs, ours]) {
      oracle(['-p', String(nodes[0]!.port), 'cluster', 'setslot', '5798', 'stable'], '', {})
      oracle(['-p', String(nodes[1]!.port), 'cluster', 'setslot', '5798', 'stable'], '', {})
      oracle(['-p', String(nodes[0]!.port), 'cluster', 'delslots', '7'], '', {})
    }
    await same((nodes) => ['--cluster', 'check', addresses(nodes)[0]!])
    for (const nodes of [theirs, ours]) await nodes[5]!.stop()
    await same((nodes) => ['--cluster', 'check', addresses(nodes)[0]!])
    await same((nodes) => ['--cluster', 'info', addresses(nodes)[0]!])
  })
})
