/**
 * What redis-benchmark does not measure, beside redis-server: commands that read and change small values, work on several keys, walk,
 * count bits, look for places. All on the same data, most of it in the first thousand keys of each kind, so that what is
 * compared is the work and not the memory.
 */

import { type Case, COLUMNS, compare } from './compare.js'
import { many, pad, scattered } from './data.js'
import type { Table } from './tools.js'

const DEPTH = 16
const KEYS = 1000
const TEN_THOUSAND = 10_000
const MEGABYTE = 1_000_000
const NUMBER = '__rand_int__'

/** Keys of one kind, `<kind>:<number>`. */
function* each(kind: string, command: string, values: (i: number) => readonly string[]) {
  for (let i = 0; i < KEYS; i++) yield [command, `${kind}:${pad(i)}`, ...values(i)]
}

const member = (i: number) => `member:${pad(i)}`

function* data(): Generator<readonly string[]> {
  yield* each('string', 'SET', (i) => [`value:${i}`])
  yield* each('counter', 'SET', (i) => [`${i}`])
  yield* each('hash', 'HSET', () => ['f1', 'v1', 'f2', '22', 'f3', 'v3', 'f4', 'v4', 'f5', 'v5'])
  yield* each('list', 'RPUSH', () => [...'abcdefgh'])
  yield* each('set', 'SADD', (i) => [...'abcdefg', `m${i}`])
  yield* each('integers', 'SADD', (i) => ['1', '2', '3', '4', '5', `${i}`])
  yield* each('zset', 'ZADD', (i) => [...'1a2b3c4d6f', '5.5', 'e', `${i}`, 'g'])
  yield* many('HSET', 'large hash', TEN_THOUSAND, (i) => [`field:${pad(i)}`, `${i}`])
  yield* many('SADD', 'large set', TEN_THOUSAND, (i) => [member(i)])
  yield* many('SADD', 'other set', TEN_THOUSAND, (i) => [member(i * 2)])
  yield* many('SADD', 'hundred', 100, (i) => [member(i * 2)])
  yield* many('ZADD', 'large zset', TEN_THOUSAND, (i) => [`${i}`, member(i)])
  yield* many('ZADD', 'other zset', KEYS, (i) => [`${i}`, member(i * 2)])
  yield* many('RPUSH', 'large list', TEN_THOUSAND, (i) => [`element:${i}`])
  for (let i = 1; i <= KEYS; i++) yield ['XADD', 'stream', `${i}-0`, 'field', 'value', 'other', 'thing']
  yield ['XGROUP', 'CREATE', 'stream', 'group', '0']
  yield* many('GEOADD', 'places', KEYS, (i) => [
    `${scattered(i, 358_000) / 1000 - 179}`,
    `${scattered(i + KEYS, 160_000) / 1000 - 80}`,
    `place:${pad(i)}`,
  ])
  yield* many('PFADD', 'visitors', 5000, (i) => [`a${i}`])
  yield* many('PFADD', 'more visitors', 5000, (i) => [`b${i}`])
  yield ['SET', 'kilobyte', 'x'.repeat(1000)]
  yield ['SET', 'other kilobyte', 'y'.repeat(1000)]
  yield ['SET', 'megabyte', 'x'.repeat(MEGABYTE)]
  yield ['SETBIT', 'last bit', `${MEGABYTE * 8 - 1}`, '1']
  yield ['SET', 'text', 'ohmytext'.repeat(10)]
  yield ['SET', 'new text', 'mynewtext'.repeat(10)]
  yield ['SET', 'float', '1.5']
}

/** `text` has arguments between blanks, of which `_` stands for blanks within one, and `#` for a random number. */
function one(weight: number, text: string, name?: string): Case {
  const args = text.split(' ').map((word) => word.replaceAll('_', ' ').replaceAll('#', NUMBER))
  return { name: name ?? text.replaceAll(':#', '').replaceAll('_', ' '), args, keys: KEYS, weight }
}

const STRINGS = [
  one(1, 'GETRANGE string:# 0 3'),
  one(1, 'SETRANGE string:# 2 ab'),
  one(1, 'APPEND appended:# x'),
  one(1, 'SETNX string:# x'),
  one(1, 'SETEX session:# 1000 x'),
  one(1, 'SET string:# value GET'),
  one(1, 'GETEX session:# EX 1000'),
  one(4, `MGET${' string:#'.repeat(10)}`, 'MGET (10 keys)'),
  one(1, 'INCRBY counter:# 5'),
  one(2, 'INCRBYFLOAT float 0.1'),
  one(10, 'LCS text new_text'),
]
const KEYSPACE = [
  one(1, 'EXISTS string:#'),
  one(1, 'TYPE string:#'),
  one(1, 'TTL session:#'),
  one(1, 'EXPIRE session:# 10000'),
  one(1, 'COPY string:# copy REPLACE'),
  one(2, 'SCAN 0 COUNT 10'),
  one(2, 'DUMP hash:#'),
]
const HASHES = [
  one(1, 'HGET hash:# f3'),
  one(1, 'HGET large_hash field:#'),
  one(1, 'HMGET hash:# f1 f3 f5'),
  one(2, 'HGETALL hash:#'),
  one(1, 'HINCRBY hash:# f2 1'),
  one(2, 'HINCRBYFLOAT hash:# f2 1.5'),
  one(2, 'HSCAN hash:# 0'),
  one(2, 'HRANDFIELD large_hash 5'),
]
const LISTS = [
  one(1, 'LINDEX list:# 3'),
  one(1, 'LSET list:# 2 c'),
  one(1, 'LMOVE list:# list:# LEFT RIGHT'),
  one(1, 'LPOS list:# h'),
  one(1, 'LINDEX large_list 5000'),
  one(150, 'LPOS large_list element:5000'),
]
const SETS = [
  one(1, 'SISMEMBER set:# c'),
  one(1, 'SISMEMBER integers:# 4'),
  one(1, 'SISMEMBER large_set member:#'),
  one(2, 'SMEMBERS set:#'),
  one(2, 'SRANDMEMBER large_set 5'),
  one(3, 'SINTER set:# set:#'),
  one(8, 'SINTER large_set hundred'),
  one(3, 'SUNION set:# set:#'),
  one(3, 'SDIFF set:# set:#'),
  one(2, 'SINTERCARD 2 set:# set:#'),
  one(4, 'SINTERSTORE result set:# set:#'),
  one(2000, 'SUNIONSTORE result large_set other_set'),
  one(2, 'SSCAN set:# 0'),
]
const SORTED_SETS = [
  one(1, 'ZSCORE zset:# d'),
  one(1, 'ZSCORE large_zset member:#'),
  one(1, 'ZRANK large_zset member:#'),
  one(1, 'ZCOUNT large_zset 100 (#'),
  one(1, 'ZINCRBY zset:# 1 d'),
  one(2, 'ZINCRBY large_zset 1 member:#'),
  one(2, 'ZRANGE zset:# 0 -1 WITHSCORES'),
  one(5, 'ZUNION 2 zset:# zset:# WITHSCORES'),
  one(4, 'ZINTER 2 zset:# zset:#'),
  one(4, 'ZDIFF 2 zset:# zset:#'),
  one(6, 'ZINTERSTORE result 2 zset:# zset:#'),
  one(3000, 'ZUNIONSTORE result 2 large_zset other_zset'),
  one(2, 'ZSCAN zset:# 0'),
]
const STREAMS = [
  one(3, 'XRANGE stream 500-0 + COUNT 5'),
  one(3, 'XREAD COUNT 5 STREAMS stream 500-0'),
  one(2, 'XADD trimmed MAXLEN ~ 1000 * field value'),
  one(2, 'XREADGROUP GROUP group me COUNT 1 STREAMS stream >'),
  one(1, 'XACK stream group 1-0'),
]
const BITS = [
  one(1, 'SETBIT bitmap:# 77 1'),
  one(1, 'GETBIT kilobyte 500'),
  one(1, 'BITCOUNT kilobyte'),
  one(200, 'BITCOUNT megabyte'),
  one(60, 'BITPOS last_bit 1'),
  one(2, 'BITOP AND result kilobyte other_kilobyte'),
  one(200, 'BITOP XOR result megabyte last_bit'),
  one(2, 'BITFIELD field INCRBY u8 100 1 GET u4 0'),
  one(2, 'PFADD visits:# a#'),
  one(1, 'PFCOUNT visitors'),
  one(80, 'PFCOUNT visitors more_visitors'),
]
const PLACES = [
  one(2, 'GEOPOS places place:#'),
  one(2, 'GEODIST places place:000000000001 place:#'),
  one(2, 'GEOHASH places place:#'),
  one(5, 'GEOSEARCH places FROMLONLAT 15 37 BYRADIUS 500 km ASC COUNT 10'),
]
const SORTS = [one(4, 'SORT list:# ALPHA'), one(5, 'SORT integers:# STORE result')]

const CASES = [STRINGS, KEYSPACE, HASHES, LISTS, SETS, SORTED_SETS, STREAMS, BITS, PLACES, SORTS].flat()

/** `names`: only commands whose name begins with one of these. */
export async function commands(rounds: number, share: number, names?: readonly string[]): Promise<Table> {
  return {
    title: 'Other commands',
    note:
      `What redis-benchmark does not measure by itself: small values, a thousand of each kind, and large ones of ${TEN_THOUSAND.toLocaleString('en')} elements or a ` +
      `megabyte. 50 clients, the median of ${rounds} rounds in turns, after one that does not count; columns as above.`,
    head: COLUMNS,
    rows: await compare({ cases: CASES, depths: [DEPTH], rounds, share, names, data }),
  }
}
