/** CLUSTER SLOT-STATS on a node that has all slots. */

import { afterAll, beforeAll, expect, test } from 'vitest'
import { open, type Plain, type RunningNode } from '../../../tests/support/node.js'

/** Of the key `foo`, of `bar`, and of the hash tag `{a}`. */
const FOO = 12182
const BAR = 5061
const A = 15495

let node: RunningNode

beforeAll(async () => {
  node = await open('--cluster-enabled', 'yes', '--cluster-slot-stats-enabled', 'yes')
  await node.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
})
afterAll(() => node.stop())

/** The metrics of a slot by name. */
async function statsOf(slot: number): Promise<Record<string, number>> {
  const reply = (await node.call('CLUSTER', 'SLOT-STATS', 'SLOTSRANGE', `${slot}`, `${slot}`)) as Plain[]
  expect(reply.length).toBe(1)
  const [shown, flat] = reply[0] as [number, Plain[]]
  expect(shown).toBe(slot)
  const pairs = []
  for (let i = 0; i < flat.length; i += 2) pairs.push([flat[i], Number(flat[i + 1])])
  return Object.fromEntries(pairs)
}

test('keys, time and bytes count for the slot of a command', async () => {
  await expect.poll(() => node.call('CLUSTER', 'INFO')).toContain('cluster_state:ok')
  await node.call('SET', 'foo', 'x'.repeat(1000))
  await node.call('GET', 'foo')
  const foo = await statsOf(FOO)
  expect(foo['key-count']).toBe(1)
  expect(foo['network-bytes-in']).toBe('*3\r\n$3\r\nSET\r\n$3\r\nfoo\r\n$1000\r\n\r\n'.length + 1000 + 22)
  expect(foo['network-bytes-out']).toBe('+OK\r\n$1000\r\n\r\n'.length + 1000)
  expect(foo['cpu-usec']).toBeGreaterThanOrEqual(0)
  expect(await statsOf(BAR)).toEqual({
    'key-count': 0,
    'cpu-usec': 0,
    'network-bytes-in': 0,
    'network-bytes-out': 0,
  })
})

test('a transaction counts once', async () => {
  await node.call('MULTI')
  await node.call('SET', '{a}1', 'v')
  await node.call('EXEC')
  const a = await statsOf(A)
  expect(a['key-count']).toBe(1)
  expect(a['network-bytes-out']).toBe('*1\r\n+OK\r\n'.length)
  expect(a['network-bytes-in']).toBe(
    '*3\r\n$3\r\nSET\r\n$4\r\n{a}1\r\n$1\r\nv\r\n*1\r\n$4\r\nEXEC\r\n'.length,
  )
})

test('slots are ordered by a metric, and wrong arguments are refused', async () => {
  const order = async (...words: string[]) => {
    const reply = (await node.call('CLUSTER', 'SLOT-STATS', 'ORDERBY', ...words)) as Plain[][]
    return reply.map(([slot]) => slot)
  }
  expect(await order('NETWORK-BYTES-IN', 'LIMIT', '2')).toEqual([FOO, A])
  expect(await order('key-count', 'limit', '3')).toEqual([FOO, A, 0])
  expect(await order('key-count', 'ASC', 'LIMIT', '1')).toEqual([0])
  for (const [words, error] of [
    ['ORDERBY nothing', 'ERR Unrecognized sort metric for ORDERBY.'],
    ['ORDERBY key-count LIMIT 0', 'ERR Limit has to lie in between 1 and 16384 (maximum number of slots).'],
    ['ORDERBY key-count ASC DESC', 'ERR Multiple filters of the same type are disallowed.'],
    ['ORDERBY key-count x', 'ERR syntax error'],
    ['SLOTSRANGE 5 4', 'ERR Start slot number 5 is greater than end slot number 4'],
    ['SLOTSRANGE 5 16384', 'ERR Invalid or out of range slot'],
  ]) {
    await expect(node.call('CLUSTER', 'SLOT-STATS', ...words!.split(' '))).rejects.toThrow(error!)
  }
})

test('RESETSTAT and slots that go begin anew; without the directive there are keys alone', async () => {
  await node.call('CONFIG', 'RESETSTAT')
  expect((await statsOf(FOO))['network-bytes-in']).toBe(0)
  await node.call('GET', 'foo')
  expect((await statsOf(FOO))['network-bytes-in']).toBe(22)
  await node.call('CLUSTER', 'DELSLOTS', `${FOO}`)
  expect(await node.call('CLUSTER', 'SLOT-STATS', 'SLOTSRANGE', `${FOO}`, `${FOO}`)).toEqual([])
  await node.call('CLUSTER', 'ADDSLOTS', `${FOO}`)
  expect((await statsOf(FOO))['network-bytes-in']).toBe(0)
  await node.call('CONFIG', 'SET', 'cluster-slot-stats-enabled', 'no')
  expect(await statsOf(FOO)).toEqual({ 'key-count': 1 })
  await expect(node.call('CLUSTER', 'SLOT-STATS', 'ORDERBY', 'cpu-usec')).rejects.toThrow('Unrecognized')
})
