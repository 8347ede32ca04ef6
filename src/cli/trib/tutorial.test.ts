/** The tutorial, with redis-server's nodes: two machines of three, formed, looked at, and refused a second time. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { inProcess } from '../../../tests/io.js'
import { freePorts, missing, type RedisProcess, startRedis } from '../../../tests/oracle.js'
import { ClusterClient, numberOf, textOf } from '../../client/index.js'
import { checkCluster, waitUntilReady } from '../../trib/index.js'
import { runTrib } from './run.js'

const MACHINES = ['127.0.1.198', '127.0.1.198', '127.0.1.198', '127.0.1.199', '127.0.1.199', '127.0.1.199']

describe.skipIf(missing('redis-server'))('shoal-trib', () => {
  let nodes: RedisProcess[] = []
  let addresses: string[] = []
  const trib = (argv: string[], stdin = '') => inProcess(runTrib, argv, { stdin })

  beforeAll(async () => {
    const ports = await freePorts(6, true)
    nodes = await Promise.all(
      MACHINES.map((host, i) => {
        const options = ['--bind', host, '127.0.0.1', '--cluster-announce-ip', host, '--appendonly', 'no']
        return startRedis(['--cluster-enabled', 'yes', '--cluster-node-timeout', '5000', ...options], {
          port: ports[i]!,
        })
      }),
    )
    addresses = nodes.map((node, i) => `${MACHINES[i]}:${node.port}`)
  })
  afterAll(() => Promise.all(nodes.map((node) => node.stop())))

  test('refuses what cannot become a cluster, before anything is changed', async () => {
    const few = await trib(['create', '--replicas', '1', ...addresses.slice(0, 5)])
    expect(few.stdout).toBe(
      '>>> Creating cluster\n' +
        '*** ERROR: Invalid configuration for cluster creation.\n' +
        '*** Redis Cluster requires at least 3 master nodes.\n' +
        '*** This is not possible with 5 nodes and 1 replicas per node.\n' +
        '*** At least 6 nodes are required.\n',
    )
    expect(few.code).toBe(1)
    const none = await trib(['create', ...addresses.slice(0, 3), '127.0.1.198:1'])
    expect(none.stdout).toContain("[ERR] Sorry, can't connect to node 127.0.1.198:1\n")
    const no = await trib(['create', '--replicas', '1', ...addresses], 'no\n')
    expect(no.stdout).toMatch(/\(type 'yes' to accept\): \*\*\* Aborting\.\.\.\n$/)
    expect(no.code).toBe(1)
    expect((await trib(['call', addresses[0]!, 'cluster', 'info'])).stdout).toContain(
      'cluster_known_nodes:1\r\n',
    )
  })

  test('forms the cluster in redis-trib’s words', async () => {
    const { stdout, code } = await trib(['create', '--replicas', '1', ...addresses], 'yes\n')
    expect(code).toBe(0)
    const [a, b, c, d, e, f] = addresses
    const [plan, rest] = stdout.split("Can I set the above configuration? (type 'yes' to accept): ")
    const ids = new Map([...plan!.matchAll(/^[MS]: ([0-9a-f]{40}) (\S+)$/gm)].map((m) => [m[2]!, m[1]!]))
    expect(plan).toBe(
      '>>> Creating cluster\n>>> Performing hash slots allocation on 6 nodes...\nUsing 3 masters:\n' +
        `${d}\n${a}\n${e}\nAdding replica ${b} to ${d}\nAdding replica ${f} to ${a}\nAdding replica ${c} to ${e}\n` +
        `M: ${ids.get(a!)} ${a}\n   slots:5461-10922 (5462 slots) master\n` +
        `S: ${ids.get(b!)} ${b}\n   replicates ${ids.get(d!)}\n` +
        `S: ${ids.get(c!)} ${c}\n   replicates ${ids.get(e!)}\n` +
        `M: ${ids.get(d!)} ${d}\n   slots:0-5460 (5461 slots) master\n` +
        `M: ${ids.get(e!)} ${e}\n   slots:10923-16383 (5461 slots) master\n` +
        `S: ${ids.get(f!)} ${f}\n   replicates ${ids.get(a!)}\n`,
    )
    expect(rest).toMatch(
      new RegExp(
        '^>>> Nodes configuration updated\n>>> Assign a different config epoch to each node\n' +
          '>>> Sending CLUSTER MEET messages to join the cluster\nWaiting for the cluster to join\\.*\n' +
          `>>> Performing Cluster Check \\(using node ${a}\\)\n`,
      ),
    )
    expect(rest).toContain(
      `S: ${ids.get(c!)} ${c}\n   slots: (0 slots) slave\n   replicates ${ids.get(e!)}\n`,
    )
    expect(rest).toContain(
      '[OK] All nodes agree about slots configuration.\n>>> Check for open slots...\n' +
        '>>> Check slots coverage...\n[OK] All 16384 slots covered.\n',
    )
    expect(await waitUntilReady(addresses, { linked: true })).toEqual({ ok: true, value: undefined })
  })

  test('looks at it: check, info, call', async () => {
    const { stdout, code } = await trib(['check', addresses[4]!])
    expect(code).toBe(0)
    expect(stdout.match(/^M: /gm)?.length).toBe(3)
    expect(stdout.match(/^S: /gm)?.length).toBe(3)
    expect(stdout.match(/^ {3}1 additional replica\(s\)$/gm)?.length).toBe(3)
    const info = (await trib(['info', addresses[0]!])).stdout
    expect(info).toMatch(
      /^127\.0\.1\.198:\d+ \([0-9a-f]{8}\.\.\.\) -> 0 keys \| 546[12] slots \| 1 slaves\.$/m,
    )
    expect(info).toMatch(/\[OK\] 0 keys in 3 masters\.\n0\.00 keys per slot on average\.\n$/)
    const called = (await trib(['call', addresses[0]!, 'config', 'get', 'appendonly'])).stdout
    expect(called.split('\n')[0]).toBe('>>> Calling CONFIG get appendonly')
    expect(called.match(/: \["appendonly", "no"\]$/gm)?.length).toBe(6)
  })

  test('a cluster client finds every key, whichever node it begins with', async () => {
    const client = new ClusterClient([{ host: '127.0.0.1', port: nodes[5]!.port }])
    try {
      const keys = Array.from({ length: 200 }, (_, i) => `key:${i}`)
      const set = await Promise.all(keys.map((key, i) => client.call(['SET', key, i])))
      expect(new Set(set.map(textOf))).toEqual(new Set(['OK']))
      const got = await Promise.all(keys.map((key) => client.call(['GET', key])))
      expect(got.map(numberOf)).toEqual(keys.map((_, i) => i))
      expect(textOf(await client.call(['EVAL', 'return KEYS[1]', 1, 'key:7']))).toBe('key:7')
      // Its map is wrong on purpose: MOVED sets it right.
      const map = await client.slots()
      map.owner.fill(map.owner[5798] === 0 ? 1 : 0)
      expect(textOf(await client.call(['SET', 'name', 'test']))).toBe('OK')
      expect(textOf(await client.call(['PING']))).toBe('PONG')
      expect((await trib(['info', addresses[1]!])).stdout).toContain('[OK] 201 keys in 3 masters.')
    } finally {
      client.close()
    }
  })

  test('will not do it twice', async () => {
    const { stdout, code } = await trib(['create', ...addresses], 'yes\n')
    expect(stdout).toBe(
      `>>> Creating cluster\n[ERR] Node ${addresses[0]} is not empty. Either the node already knows other nodes ` +
        '(check with CLUSTER NODES) or contains some key in database 0.\n',
    )
    expect(code).toBe(1)
  })

  test('a missing slot is an error, with exit code 1', async () => {
    const master = nodes[0]!
    await trib(['call', addresses[0]!, 'cluster', 'delslots', '7'])
    const lines: string[] = []
    const outcome = await checkCluster(`127.0.0.1:${master.port}`, { onLine: (line) => lines.push(line) })
    expect(outcome.ok && outcome.value.report.ok).toBe(false)
    expect(lines).toContain('[ERR] Not all 16384 slots are covered by nodes.')
    expect((await trib(['check', addresses[0]!])).code).toBe(1)
  })

  test('arguments', async () => {
    expect((await trib([])).code).toBe(1)
    expect((await trib(['help'])).stdout).toContain('  create          host1:port1 ... hostN:portN\n')
    expect((await trib(['nonsense'])).stdout).toBe("Unknown redis-trib subcommand 'nonsense'\n")
    expect((await trib(['check'])).stdout).toBe('[ERR] Wrong number of arguments for specified sub command\n')
    expect((await trib(['check', '--replicas', '1', 'a:1'])).stdout).toBe(
      "Unknown option 'replicas' for command 'check'\n",
    )
    expect((await trib(['check', 'nowhere'])).stdout).toBe(
      'Invalid IP or Port (given as nowhere) - use IP:Port format\n',
    )
  })
})
