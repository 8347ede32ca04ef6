/** Every type beside redis-server: the whole default list of redis-benchmark, and more of hashes, sorted sets, streams and SORT. */

import { type Case, COLUMNS, compare } from './compare.js'
import { ELEMENTS_A_COMMAND, many, pad, scattered } from './data.js'
import type { Table } from './tools.js'

const DEPTHS = [16, 64]
const MILLION = 1_000_000

function* sortable(): Generator<readonly string[]> {
  for (let i = 0; i < 1000; i++)
    yield [
      'RPUSH',
      `numbers:${pad(i)}`,
      ...Array.from({ length: 20 }, (_, j) => `${scattered(i * 20 + j, 1000)}`),
    ]
  for (let i = 0; i < 1000; i++) {
    yield ['SET', `weight:${i}`, `${scattered(i, 1000)}`]
    yield ['SET', `data:${i}`, `value:${i}`]
  }
}

const list = (n: number) => many('RPUSH', 'mylist', n, () => ['xxx'])
const members = (n: number) => many('SADD', 'myset', n, (i) => [`element:${pad(i)}`])
const ranked = (n: number) => many('ZADD', 'myzset', n, (i) => [`${scattered(i, n)}`, `element:${pad(i)}`])
const range = (n: number): Case => ({
  name: `LRANGE_${n} (first ${n} elements)`,
  args: ['LRANGE', 'mylist', '0', String(n - 1)],
  weight: 3 + n / 30,
  fill: () => list(100_000),
})

const CASES: readonly Case[] = [
  { name: 'PING_INLINE', args: ['-t', 'ping_inline'], weight: 0.7 },
  { name: 'PING_MBULK', args: ['-t', 'ping_mbulk'], weight: 0.7 },
  { name: 'SET', args: ['SET', 'key:__rand_int__', 'xxx'], keys: MILLION, weight: 1 },
  { name: 'GET', args: ['GET', 'key:__rand_int__'], keys: MILLION, weight: 1, fill: keys },
  { name: 'INCR', args: ['INCR', 'counter:__rand_int__'], keys: MILLION, weight: 1 },
  { name: 'LPUSH', args: ['LPUSH', 'mylist', 'xxx'], weight: 1 },
  { name: 'RPUSH', args: ['RPUSH', 'mylist', 'xxx'], weight: 1 },
  { name: 'LPOP', args: ['LPOP', 'mylist'], weight: 1, fill: list, again: true },
  { name: 'RPOP', args: ['RPOP', 'mylist'], weight: 1, fill: list, again: true },
  { name: 'SADD', args: ['SADD', 'myset', 'element:__rand_int__'], keys: MILLION, weight: 1 },
  { name: 'HSET', args: ['HSET', 'myhash', 'element:__rand_int__', 'xxx'], keys: MILLION, weight: 1 },
  { name: 'SPOP', args: ['SPOP', 'myset'], weight: 1, fill: members, again: true },
  {
    name: 'ZADD',
    args: ['ZADD', 'myzset', '__rand_int__', 'element:__rand_int__'],
    keys: MILLION,
    weight: 3,
  },
  { name: 'ZPOPMIN', args: ['ZPOPMIN', 'myzset'], weight: 2, fill: ranked, again: true },
  ...[100, 300, 500, 600].map(range),
  {
    name: 'MSET (10 keys)',
    args: ['MSET', ...Array.from({ length: 10 }, () => ['key:__rand_int__', 'xxx']).flat()],
    keys: MILLION,
    weight: 6,
  },
  {
    name: 'HSET, 5 fields of small hashes',
    args: ['HSET', 'hash:__rand_int__', ...[1, 2, 3, 4, 5].flatMap((i) => [`field${i}`, `value${i}`])],
    keys: 100_000,
    weight: 2,
  },
  {
    name: 'ZADD, small sets',
    args: ['ZADD', 'zset:__rand_int__', '1', 'a', '2', 'b', '3', 'c'],
    keys: 100_000,
    weight: 2,
  },
  {
    name: 'ZRANGE, 100 by rank',
    args: ['ZRANGE', 'myzset', '5000', '5099'],
    weight: 4,
    fill: () => ranked(10_000),
  },
  {
    name: 'ZRANGE, 10 by score of 100,000',
    args: ['ZRANGE', 'myzset', '(__rand_int__', '+inf', 'BYSCORE', 'LIMIT', '0', '10', 'WITHSCORES'],
    keys: 100_000,
    weight: 4,
    fill: () => ranked(100_000),
  },
  { name: 'XADD', args: ['XADD', 'mystream', '*', 'field', 'value'], weight: 2 },
  { name: 'SORT, 20 numbers', args: ['SORT', 'numbers:__rand_int__'], keys: 1000, weight: 8, fill: sortable },
  {
    name: 'SORT, 20 BY and GET',
    args: ['SORT', 'numbers:__rand_int__', 'BY', 'weight:*', 'GET', 'data:*'],
    keys: 1000,
    weight: 20,
    fill: sortable,
  },
]

function* keys(): Generator<readonly string[]> {
  for (let i = 0; i < MILLION; i += ELEMENTS_A_COMMAND) {
    const parts = ['MSET']
    for (let j = i; j < i + ELEMENTS_A_COMMAND; j++) parts.push(`key:${pad(j)}`, 'xxx')
    yield parts
  }
}

/** `names`: only commands whose name begins with one of these. */
export async function types(rounds: number, share: number, names?: readonly string[]): Promise<Table> {
  return {
    title: 'Every type',
    note:
      `redis-benchmark, 50 clients, values of 3 bytes, numbers below a million where they are random, the median of ${rounds} ` +
      `rounds in turns, after one that does not count; the ratios, which mean what they mean above, are medians of the rounds' ratios. Where a server was not busy, it waited for redis-benchmark.`,
    head: COLUMNS,
    rows: await compare({ cases: CASES, depths: DEPTHS, rounds, share, names }),
  }
}
