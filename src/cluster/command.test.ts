import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import { describe, expect, test } from 'vitest'
import { freePorts, missing, startRedis } from '../../tests/oracle.js'
import { freshState } from './nodes-conf.js'
import type { Reply } from './reply.js'
import type { ClusterState } from './state.js'
import { DEFAULT_CONFIG, emptyLocal } from './state.js'
import { step } from './step.js'

const NOW_MS = 1_700_000_000_000

function seeded(): () => number {
  let n = 1
  return () => {
    n = (n * 48_271) % 0x7fff_ffff
    return n / 0x7fff_ffff
  }
}

const fresh = (port = 7000, random = seeded()) =>
  freshState({ ...DEFAULT_CONFIG, port }, emptyLocal(), NOW_MS, random)

function run(state: ClusterState, text: string): Reply {
  const args = text === '' ? [] : text.split(' ')
  return step(state, { kind: 'command', args, tls: false }, NOW_MS, seeded()).reply!
}

function plain(reply: Reply): unknown {
  switch (reply.kind) {
    case 'array':
      return reply.items.map(plain)
    case 'map':
      return reply.entries.flatMap(([key, value]) => [plain(key), plain(value)])
    case 'int':
      return reply.value
    case 'null':
      return null
    default:
      return reply.text
  }
}

/** Run one after the other, on a node that is new and alone, by us and by redis-server. */
const LINES = [
  '',
  'foo',
  'meet',
  'meet 127.0.0.1 70000',
  'meet 127.0.0.1 7000 0',
  'meet 127.0.0.1 -5',
  'meet 127.0.0.1 1 2 3',
  'meet host.example 7000',
  'nodes x',
  'addslots',
  'addslots a',
  'addslots 1 16384',
  'addslots -1',
  'addslots 01',
  'addslots 1 1',
  'addslotsrange 1 2 3',
  'addslotsrange 9 3',
  'addslotsrange 9 x',
  'setslot 1',
  'setslot 1 foo',
  'setslot 1 foo bar',
  'setslot 1 stable x',
  'setslot 99999 stable',
  'setslot 5 importing abc',
  'setslot 5 migrating abc',
  'setslot 5 node abc',
  'failover foo',
  'failover',
  'failover x y z',
  'reset foo',
  'reset hard soft',
  'forget zz',
  'replicate zz',
  'replicas zz',
  'slaves zz',
  'count-failure-reports zz',
  'set-config-epoch x',
  'set-config-epoch -1',
  'set-config-epoch 5',
  'set-config-epoch 6',
  'bumpepoch',
  'delslots 5',
  'addslots 5 6 7',
  'addslots 5',
  'delslots 5 5',
  'setslot 5 stable',
  'delslots 5',
  'keyslot a{b}c',
  'info',
  'slots',
  'links',
  'flushslots',
  'addslotsrange 0 16383',
  'saveconfig',
  'reset',
  'info',
  'myid',
]

const WORDS_7_2: Record<string, string> = { 'Invalid TCP base port': 'Invalid base port' }

describe.skipIf(missing('redis-server', 'redis-cli'))('beside redis-server 7.0.15', () => {
  test('the same replies and errors on a new node', async () => {
    const [port] = await freePorts(1, true)
    const server = await startRedis(['--cluster-enabled', 'yes'], { port: port! })
    const client = new Redis(port!, '127.0.0.1')
    try {
      const state = fresh(port!)
      for (const line of LINES) {
        let theirs: unknown
        try {
          theirs = await client.call('CLUSTER', ...line.split(' ').filter((word) => word !== ''))
        } catch (error) {
          theirs = (error as Error).message
        }
        const ours = plain(run(state, line))
        const name = (what: unknown) =>
          JSON.stringify(what)
            .replace(/[0-9a-f]{40}/g, 'ID')
            // Redis counts anew only two seconds after its start.
            .replace(/cluster_size:\d+/g, '')
            .replace(/cluster_stats\w+:\d+\\r\\n/g, '')
        for (const [old, words] of Object.entries(WORDS_7_2)) {
          if (typeof theirs === 'string') theirs = theirs.replace(old, words)
        }
        expect(name(ours), `CLUSTER ${line}`).toEqual(name(theirs))
      }
    } finally {
      client.disconnect()
      await server.stop()
    }
  })

  test('HELP has the same lines, with what 7.2 added', async () => {
    const [port] = await freePorts(1, true)
    const server = await startRedis(['--cluster-enabled', 'yes'], { port: port! })
    try {
      const args = ['-p', String(port), 'cluster', 'help']
      const theirs = (await promisify(execFile)('redis-cli', args)).stdout.trim().split('\n')
      const ours = new Set(plain(run(fresh(), 'HELP')) as string[])
      const changed = theirs.filter((line) => !ours.has(line))
      expect(changed.length, changed.join('\n')).toBeLessThan(4)
      expect(ours.has('MYSHARDID')).toBe(true)
    } finally {
      await server.stop()
    }
  })
})

test('names and shards', () => {
  const state = fresh()
  expect(plain(run(state, 'MYID'))).toBe(state.myself.name)
  expect(plain(run(state, 'MYSHARDID'))).toBe(state.myself.shardId)
  run(state, 'ADDSLOTSRANGE 0 9 20 29')
  expect(plain(run(state, 'SHARDS'))).toEqual([
    [
      'slots',
      [0, 9, 20, 29],
      'nodes',
      [
        [
          ...['id', state.myself.name, 'port', 7000, 'ip', '', 'endpoint', ''],
          ...['role', 'master', 'replication-offset', 0, 'health', 'online'],
        ],
      ],
    ],
  ])
  expect(plain(run(state, 'SLOTS'))).toEqual([
    [0, 9, ['', 7000, state.myself.name, []]],
    [20, 29, ['', 7000, state.myself.name, []]],
  ])
})

test('a node with keys keeps its slots and its name', () => {
  const state = fresh()
  Object.assign(state.local, { keyCount: () => 1, keysInSlot: (slot: number) => (slot === 5 ? 1 : 0) })
  expect(plain(run(state, 'FLUSHSLOTS'))).toBe('ERR DB must be empty to perform CLUSTER FLUSHSLOTS.')
  expect(plain(run(state, 'RESET HARD'))).toBe(
    "ERR CLUSTER RESET can't be called with master nodes containing keys",
  )
})

test('ADDSLOTS changes all or nothing', () => {
  const state = fresh()
  run(state, 'ADDSLOTS 1')
  expect(plain(run(state, 'ADDSLOTS 2 3 1'))).toBe('ERR Slot 1 is already busy')
  expect(state.myself.slotCount).toBe(1)
})

test('preferred endpoints', () => {
  const state = fresh()
  run(state, 'ADDSLOTS 1')
  state.myself.ip = '10.0.0.1'
  state.myself.hostname = 'one.example'
  const endpoint = (type: 'ip' | 'hostname' | 'unknown-endpoint') => {
    state.config = { ...state.config, preferredEndpointType: type }
    return ((plain(run(state, 'SLOTS')) as unknown[][])[0]![2] as unknown[]).filter((_part, i) => i !== 2)
  }
  expect(endpoint('ip')).toEqual(['10.0.0.1', 7000, ['hostname', 'one.example']])
  expect(endpoint('hostname')).toEqual(['one.example', 7000, ['ip', '10.0.0.1']])
  expect(endpoint('unknown-endpoint')).toEqual([null, 7000, ['ip', '10.0.0.1', 'hostname', 'one.example']])
})
