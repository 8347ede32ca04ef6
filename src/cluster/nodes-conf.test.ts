import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeNodesConf, encodeNodesConf, freshState } from './nodes-conf.js'
import { assignSlot, clearSlot, slotRanges } from './slots.js'
import type { ClusterState } from './state.js'
import { DEFAULT_CONFIG, emptyLocal, hasFailed, isMaster, isReplica } from './state.js'
import { step } from './step.js'
import { createTurn } from './turn.js'

const NOW_MS = 1_700_000_000_000
const random = () => 0.5
const config = { ...DEFAULT_CONFIG, port: 18101 }
const read = (text: string | Uint8Array, announceHostname = '') =>
  decodeNodesConf(
    typeof text === 'string' ? Buffer.from(text, 'latin1') : text,
    { ...config, announceHostname },
    emptyLocal(),
    NOW_MS,
    random,
  )

function loaded(text: string | Uint8Array, announceHostname = ''): ClusterState {
  const result = read(text, announceHostname)
  if (!result.ok) throw new Error(result.reason)
  return result.state
}

const id = (digit: string) => digit.repeat(40)
const vars = 'vars currentEpoch 7 lastVoteEpoch 6\n'
const me = `${id('a')} 127.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-5460\n`

describe("redis-server 7.0.15's file", () => {
  const file = new Uint8Array(readFileSync(new URL('./fixtures/nodes-7.0.15.conf', import.meta.url)))
  const state = loaded(file, 'node-one.example')

  test('is read as it was meant', () => {
    expect(state.nodes.size).toBe(6)
    expect([state.currentEpoch, state.lastVoteEpoch]).toEqual([7n, 7n])
    expect(state.myself.hostname).toBe('node-one.example')
    expect(slotRanges(state.myself)).toEqual([[5461, 10922]])
    expect(state.nodeList.filter(isMaster)).toHaveLength(3)
    const replica = state.nodeList.find(isReplica)!
    expect(replica.master!.replicas).toContain(replica)
    expect(replica.shardId).toBe(replica.master!.shardId)
    expect(state.slotOwner.every((owner) => owner !== null)).toBe(true)
    expect(state.rejoining).toBe(true)
  })

  test('written again, it says the same', () => {
    const again = loaded(encodeNodesConf(state))
    const facts = (from: ClusterState) =>
      [...from.nodes.values()]
        .map((node) => [node.name, node.ip, node.port, node.shardId, node.master?.name, slotRanges(node)])
        .sort()
    expect(facts(again)).toEqual(facts(state))
  })
})

describe('the form of 7.2', () => {
  const line =
    `${id('a')} 127.0.0.1:7000@17000,host.example,tls-port=7100,nodename=first,shard-id=${id('e')} ` +
    'myself,master - 0 0 1 connected 0-5460 7000 [77->-' +
    `${id('b')}] [9000-<-${id('b')}]\n` +
    `${id('b')} ::1:7001@17001,,tls-port=0,shard-id=${id('f')} master,nofailover - 0 0 2 disconnected 5461-6999\n`

  test('comes out as it went in', () => {
    const state = loaded(line + vars)
    expect(Buffer.from(encodeNodesConf(state)).toString()).toBe(
      line
        .replace('127.0.0.1:7000@17000', '127.0.0.1:18101@28101')
        .replace('tls-port=7100', 'tls-port=0')
        .replace('host.example,tls-port=0,nodename=first', ',tls-port=0') + vars,
    )
  })

  test('slots under way, both ports, IPv6, flags', () => {
    const state = loaded(line + vars)
    const other = state.nodes.get(id('b'))!
    expect([...state.migratingTo]).toEqual([[77, other]])
    expect([...state.importingFrom]).toEqual([[9000, other]])
    expect([other.ip, other.port, other.busPort]).toEqual(['::1', 7001, 17001])
    expect(state.shards.get(id('e'))).toEqual([state.myself])
  })

  test('a new node writes what it reads', () => {
    let n = 0
    const state = freshState(config, emptyLocal(), NOW_MS, () => (n++ % 16) / 16)
    step(state, { kind: 'command', args: ['ADDSLOTS', '0', '2', '3'], tls: false }, NOW_MS, random)
    const text = Buffer.from(encodeNodesConf(state)).toString()
    expect(text).toBe(
      `${state.myself.name} :18101@28101,,tls-port=0,shard-id=${state.myself.shardId} myself,master - 0 0 0 connected 0 2-3\n` +
        'vars currentEpoch 0 lastVoteEpoch 0\n',
    )
    expect(Buffer.from(encodeNodesConf(loaded(text))).toString()).toBe(text)
  })
})

test('the form of 3.0.6: no bus port, no last vote in old files', () => {
  const state = loaded(
    `${id('a')} :0 myself,master - 0 0 1 connected 0-5460\n` +
      `${id('b')} 10.0.0.2:7001 slave ${id('a')} 0 1426238317239 4 connected\n` +
      `${id('c')} 10.0.0.3:7002 master,fail? - 1426238316232 1426238316232 3 disconnected 5461\n` +
      `${id('d')} :0 master,fail,noaddr - 1426238316232 0 2 disconnected 5462\n\n\n` +
      'vars currentEpoch 4\n',
  )
  expect(state.nodes.get(id('b'))!.busPort).toBe(17001)
  expect(state.nodes.get(id('b'))!.master).toBe(state.myself)
  expect(hasFailed(state.nodes.get(id('d'))!)).toBe(true)
  // Which votes were given is not known, so there is none left in this epoch.
  expect(state.lastVoteEpoch).toBe(4n)
})

test('an epoch greater than the current one is not lost', () => {
  expect(loaded(me.replace(' 1 connected', ' 9 connected') + vars).currentEpoch).toBe(9n)
})

test.each([
  ['no line of ours', `${id('b')} 127.0.0.1:7001@17001 master - 0 0 2 connected\n`],
  ['two lines of ours', me + me.replace(id('a'), id('b'))],
  ['a short line', `${id('a')} 127.0.0.1:7000@17000 myself,master - 0 0 1\n`],
  ['a bad name', me.replace(id('a'), 'xyz')],
  ['an unknown flag', me.replace('myself', 'myself,king')],
  ['master and slave at once', me.replace('myself', 'myself,slave')],
  ['a slot too high', me.replace('0-5460', '0-16384')],
  ['a slot that is no number', me.replace('0-5460', 'many')],
  ['a broken open slot', me.replace('0-5460', '[77->-short]')],
  ['an unknown auxiliary field', me.replace('@17000', '@17000,,colour=blue')],
  ['a port too high', me.replace('7000@', '70000@')],
  ['an epoch that is no number', me.replace(' 1 connected', ' x connected')],
  ['odd variables', `${me}vars currentEpoch\n`],
  ['its own master', me.replace('myself,master -', `myself,slave ${id('a')}`)],
])('refused: %s', (_what, text) => {
  expect(read(text).ok).toBe(false)
})

describe('lines that contradict each other are repaired, and each repair is noted', () => {
  const master = (name: string, rest: string, shard = name) =>
    `${id(name)} 127.0.0.1:7001@17001,,tls-port=0,shard-id=${id(shard)} master - 0 1 2 connected${rest}\n`
  const replica = (name: string, of: string, shard: string, rest = '') =>
    `${id(name)} 127.0.0.1:7002@17002,,tls-port=0,shard-id=${id(shard)} slave ${id(of)} 0 1 2 connected${rest}\n`
  const repaired = (text: string, note: RegExp) => {
    const result = read(text)
    if (!result.ok) throw new Error(result.reason)
    expect(result.notes.join('\n')).toMatch(note)
    // What is written next has nothing left to repair.
    const again = read(Buffer.from(encodeNodesConf(result.state)).toString())
    expect(again.ok && again.notes.filter((text) => !text.includes('has no line'))).toEqual([])
    return result.state
  }
  const shards = (state: ClusterState) => {
    const { reply } = step(state, { kind: 'command', args: ['SHARDS'], tls: false }, NOW_MS, random)
    return JSON.stringify(reply)
  }

  test.each(['before', 'after'])("a replica's shard id is its master's, whose line comes %s", (order) => {
    const lines = [master('b', ' 5461-9000'), replica('c', 'b', 'f')]
    if (order === 'after') lines.reverse()
    const state = repaired(me + lines.join('') + vars, /has shard id f{40}, its master b{40} b{40}/)
    expect(state.nodes.get(id('c'))!.shardId).toBe(id('b'))
    expect(shards(state).split('5461').length - 1).toBe(1)
  })

  test('a replica of a replica has the shard id of the master at the end', () => {
    const text = me + replica('d', 'c', 'e') + replica('c', 'b', 'f') + master('b', ' 5461') + vars
    const state = repaired(text, /d{40} has shard id e{40}/)
    expect([...'bcd'].map((name) => state.nodes.get(id(name))!.shardId)).toEqual([id('b'), id('b'), id('b')])
  })

  test('replicas of each other', () => {
    const result = read(me + replica('b', 'c', 'b') + replica('c', 'b', 'c') + vars)
    expect(result.ok).toBe(true)
  })

  test('a slot that two lines claim belongs to the first', () => {
    const state = repaired(
      me + master('b', ' 5460-5462') + vars,
      /Slot 5460 of node b{40} stays with node a{40}/,
    )
    expect([state.myself.slotCount, state.nodes.get(id('b'))!.slotCount]).toEqual([5461, 2])
  })

  test("slots in a replica's line", () => {
    const state = repaired(
      me + replica('c', 'a', 'a', ' 7000') + vars,
      /c{40} is a replica, so slots 7000-7000/,
    )
    expect(state.slotOwner[7000]).toBe(null)
  })

  test("a master's line that names a master", () => {
    const line = master('b', '').replace('master -', `master ${id('a')}`)
    expect(repaired(me + line + vars, /b{40} is a master/).nodes.get(id('b'))!.master).toBe(null)
  })

  test('a replica of a node without a line', () => {
    const state = repaired(me + replica('c', 'b', 'c') + vars, /b{40} is named .* has no line/)
    expect(state.nodes.get(id('c'))!.master).toBe(state.nodes.get(id('b')))
  })

  test('two lines of one node', () => {
    const lines = master('b', ' 5461') + replica('b', 'a', 'a')
    expect(isReplica(repaired(me + lines + vars, /b{40} has more than one line/).nodes.get(id('b'))!)).toBe(
      true,
    )
  })

  test('no vars line: the vote of the current epoch counts as given', () => {
    expect(repaired(me.replace(' 1 connected', ' 9 connected'), /No lastVoteEpoch/).lastVoteEpoch).toBe(9n)
  })

  test('epochs are u64; one that leaves none above it is not taken', () => {
    const far = (1n << 53n) + 1n
    const state = loaded(
      `${me.replace(' 1 connected', ` ${far} connected`)}vars currentEpoch ${far} lastVoteEpoch ${far}\n`,
    )
    expect([state.currentEpoch, state.lastVoteEpoch, state.myself.configEpoch]).toEqual([far, far, far])
    const text = `${me}vars currentEpoch ${(1n << 64n) - 1n} lastVoteEpoch 3\n`
    expect(repaired(text, /Ignoring epoch 18446744073709551615/).currentEpoch).toBe(1n)
    expect(read(`${me}vars currentEpoch ${1n << 64n} lastVoteEpoch 3\n`).ok).toBe(false)
  })
})

test('any damage gives a state or a reason', () => {
  const whole = Buffer.from(
    `${me}${id('b')} 127.0.0.1:7001@17001,h,tls-port=0,shard-id=${id('f')} slave ${id('a')} 0 1 2 connected\n${vars}`,
  )
  const edits = fc.array(
    fc.tuple(
      fc.nat(whole.length - 1),
      fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from(' ,-[]<>@:\n0'))),
    ),
    { minLength: 1, maxLength: 8 },
  )
  fc.assert(
    fc.property(edits, fc.nat(whole.length), (changes, cut) => {
      const bytes = Uint8Array.from(whole.subarray(0, cut > whole.length / 2 ? cut : whole.length))
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
      const result = read(bytes)
      if (result.ok) encodeNodesConf(result.state)
    }),
    { numRuns: 1500 },
  )
})

test('any bytes at all give a state or a reason', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
      expect(read(bytes).ok).toBe(false)
    }),
  )
})

test('slots that come and go are in the next file', () => {
  const state = loaded(`${id('a')} 127.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-99 200\n${vars}`)
  const slots = () =>
    Buffer.from(encodeNodesConf(state)).toString('latin1').split('\n')[0]!.split(' connected')[1]
  expect(slots()).toBe(' 0-99 200')
  assignSlot(state, state.myself, 100)
  expect(slots()).toBe(' 0-100 200')
  clearSlot(createTurn(state, NOW_MS, random), 50)
  expect(slots()).toBe(' 0-49 51-100 200')
  const peer = { ...state.myself, name: id('b') }
  state.importingFrom.set(7, peer)
  expect(slots()).toBe(` 0-49 51-100 200 [7-<-${id('b')}]`)
  for (const slot of Array.from({ length: 300 }, (_, i) => i))
    clearSlot(createTurn(state, NOW_MS, random), slot)
  expect(slots()).toBe(` [7-<-${id('b')}]`)
})
