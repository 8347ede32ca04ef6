/**
 * Damaged payloads for RESTORE, of every type and every form that files ever had: refused with an error, or taken and then
 * as good as any other value, whatever is done to it. Never an exception, a loop without end or a leak.
 *
 * The payloads come from redis-server 7.0.15 (fixtures/dumps-7.0.15.json: DUMP of small keys); forms that only older or
 * younger versions write are put together here.
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { newCrc64, updateCrc64, writeCrc64 } from '../src/bytes/crc64.js'
import { RdbWriter } from '../src/persistence/rdb/writer.js'
import { STREAM_CODEC } from '../src/persistence/values/stream.js'
import { latin1, Runner } from './support/runner.js'

const FOOTER_BYTES = 10
const ROUNDS = Number(process.env['SHOAL_DAMAGE_ROUNDS'] ?? 150)
/** The first round, from which all chance comes: other ones give other payloads. */
const FIRST = Number(process.env['SHOAL_DAMAGE_SEED'] ?? 0)
const KEY = 'k'

/** A random generator that a seed repeats. */
function generator(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

const bytes = (...parts: (number | string | readonly number[])[]) =>
  parts.flatMap((part) => (typeof part === 'string' ? [...Buffer.from(part, 'latin1')] : part))
const short = (text: string) => bytes(text.length, text)
const little = (value: number, count: number) =>
  Array.from({ length: count }, (_, i) => (value >>> (8 * i)) & 0xff)

/** A ziplist of short strings, and of integers of 16 bits. */
function ziplist(...items: (string | number)[]): number[] {
  const entries: number[][] = []
  for (const item of items) {
    const before = entries.at(-1)?.length ?? 0
    entries.push(bytes(before, typeof item === 'string' ? short(item) : [0xc0, ...little(item, 2)]))
  }
  const length = entries.reduce((sum, entry) => sum + entry.length, 0)
  const tail = 10 + length - (entries.at(-1)?.length ?? 0)
  return bytes(little(11 + length, 4), little(tail, 4), little(items.length, 2), entries.flat(), 0xff)
}

/** Eight bytes, the lowest first. */
const little64 = (value: number) => [...little(value % 2 ** 32, 4), ...little(Math.floor(value / 2 ** 32), 4)]

/** A listpack of short strings, and of integers of 64 bits. */
function listpack(...items: (string | number)[]): number[] {
  const entries = items.flatMap((item) =>
    typeof item === 'string'
      ? bytes(0x80 | item.length, item, item.length + 1)
      : bytes(0xf4, little64(item), 9),
  )
  return bytes(little(7 + entries.length, 4), little(items.length, 2), entries, 0xff)
}

const string = (content: readonly number[]) => {
  if (content.length > 63) throw new Error('too long for a length of one byte')
  return bytes(content.length, content)
}

/** When fields expire: in the year 2100. */
const SOON_MS = 4102444800000
/** A length in nine bytes. */
const long = (value: number) => bytes(0x81, little64(value).reverse())
const triples = listpack('bb', '2', SOON_MS, 'a', '1', SOON_MS + 1, 'c', '', 0)

/** Type byte and value as in a file, of forms that 7.0.15 reads and does not write, or that came after it. */
const BUILT: Readonly<Record<string, number[]>> = {
  'list, element by element': bytes(1, 3, short('a'), short('bb'), short('12')),
  'zset with scores in digits': bytes(3, 3, short('a'), short('1.5'), short('b'), 254, short('c'), 255),
  'hash zipmap': bytes(9, string(bytes(2, short('a'), 1, 0, '1', short('bb'), 3, 1, 'two_', 0xff))),
  'list ziplist': bytes(10, string(ziplist('a', 300, 'ccc'))),
  'zset ziplist': bytes(12, string(ziplist('a', '1', 'b', 20))),
  'hash ziplist': bytes(13, string(ziplist('a', 1, 'b', 'two'))),
  'list of ziplists': bytes(14, 2, string(ziplist('a', 'b')), string(ziplist(7, 'd'))),
  'set listpack': bytes(20, string(listpack('a', 'bb', 'ccc'))),
  // Fields that expire, as the release candidates of Redis 7.4 wrote them, and as it does.
  'hash with times, early': bytes(
    22,
    3,
    [long(SOON_MS), short('a'), short('1')].flat(),
    [0, ...short('b'), ...short('')],
    [long(SOON_MS + 5), short('c'), short('3')].flat(),
  ),
  'hash listpack with times, early': bytes(23, string(triples)),
  'hash with times': bytes(
    24,
    little64(SOON_MS),
    3,
    [1, ...short('a'), ...short('1')],
    [0, ...short('b'), ...short('')],
    [6, ...short('c'), ...short('3')],
  ),
  'hash listpack with times': bytes(25, little64(SOON_MS), string(triples)),
}

/** Streams in each of the three forms that files have for them, as we write them. */
function streams(): Map<string, Uint8Array> {
  return new Map(
    [9, 10, 11].map((version) => {
      const runner = new Runner()
      for (const line of [
        'XADD k 1001-1 temperature 20 place a',
        'XADD k 1002-2 temperature 21 place b',
        'XADD k 1004-1 other field',
        'XGROUP CREATE k g 0',
        'XREADGROUP GROUP g alice COUNT 2 STREAMS k >',
        'XREADGROUP GROUP g bob COUNT 1 STREAMS k >',
        'XGROUP CREATECONSUMER k g idle',
        // What the first form cannot hold.
        ...(version === 9 ? [] : ['XGROUP CREATE k h $', 'XDEL k 1002-2']),
      ])
        runner.say(line)
      const handle = runner.keyspace.databases[0]!.find(Uint8Array.of(0x6b), 0, 1)
      const type = STREAM_CODEC.rdbType(runner.keyspace, handle, version)
      const writer = new RdbWriter({ version })
      STREAM_CODEC.write(writer, runner.keyspace, handle)
      const payload = bytes(type, [...writer.sink.take()], 11, 0, little(0, 8))
      return [`stream, type ${type}`, sealed(Uint8Array.from(payload))]
    }),
  )
}

function sealed(payload: Uint8Array): Uint8Array {
  const made = payload.slice()
  const crc = newCrc64()
  updateCrc64(crc, made, 0, made.length - 8)
  writeCrc64(crc, made, made.length - 8)
  return made
}

function payloads(): Map<string, Uint8Array> {
  const file = join(import.meta.dirname, 'fixtures', 'dumps-7.0.15.json')
  const captured = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>
  const all = new Map(
    Object.entries(captured).map(([name, hex]): [string, Uint8Array] => [
      name,
      Uint8Array.from(Buffer.from(hex, 'hex')),
    ]),
  )
  for (const [name, value] of Object.entries(BUILT)) {
    all.set(name, sealed(Uint8Array.from(bytes(value, 11, 0, little(0, 8)))))
  }
  for (const [name, payload] of streams()) all.set(name, payload)
  return all
}

const TELLING = [0, 1, 2, 0x3f, 0x40, 0x7f, 0x80, 0x81, 0xbf, 0xc0, 0xc3, 0xe0, 0xf0, 0xf4, 0xfe, 0xff]

/** One to four things go wrong between the type and the footer. */
function damaged(payload: Uint8Array, random: (below: number) => number): Uint8Array {
  let body = [...payload.subarray(0, payload.length - FOOTER_BYTES)]
  const footer = [...payload.subarray(payload.length - FOOTER_BYTES)]
  for (let times = 1 + random(4); times > 0; times--) {
    const at = random(body.length + 1)
    const kind = random(8)
    if (kind <= 1) body[at % body.length]! ^= 1 << random(8)
    else if (kind <= 3) body[at % body.length] = TELLING[random(TELLING.length)]!
    else if (kind === 4) body[at % body.length] = random(256)
    else if (kind === 5) body = [...body.slice(0, at), ...body.slice(at + 1 + random(4))]
    else if (kind === 6) body.splice(at, 0, TELLING[random(TELLING.length)]!)
    else body.splice(at, 0, ...body.slice(random(body.length), random(body.length) + random(8)))
    if (body.length === 0) body = [random(26)]
  }
  return sealed(Uint8Array.from([...body, ...footer]))
}

/** What is done to a value that was taken: reading all of it, from both ends, and changing it everywhere. */
const USES: Readonly<Record<string, readonly string[]>> = {
  string: [
    'GET k',
    'STRLEN k',
    'GETRANGE k 0 -1',
    'APPEND k x',
    'SETRANGE k 3 yy',
    'INCR k',
    'BITCOUNT k',
    'PFCOUNT k',
  ],
  list: [
    'LRANGE k 0 -1',
    'LLEN k',
    'LINDEX k 0',
    'LINDEX k -1',
    'LPOS k a RANK -1 COUNT 0',
    'LINSERT k BEFORE a new',
    'LSET k 0 zero',
    'LSET k -1 last',
    'LREM k 0 bb',
    'RPUSH k more and more',
    'LPUSH k less',
    'LTRIM k 1 -2',
    'LMOVE k k LEFT RIGHT',
    'LPOP k',
    'RPOP k 2',
    'SORT k ALPHA',
  ],
  set: [
    'SMEMBERS k',
    'SCARD k',
    'SISMEMBER k a',
    'SSCAN k 0 COUNT 1000',
    'SRANDMEMBER k -5',
    'SADD k a 1 -7000000000 new',
    'SINTER k k',
    'SUNIONSTORE copy k',
    'SREM k a 3',
    'SPOP k 2',
  ],
  hash: [
    'HGETALL k',
    'HLEN k',
    'HGET k a',
    'HSCAN k 0 COUNT 1000',
    'HRANDFIELD k -5 WITHVALUES',
    'HSET k a changed new field',
    'HINCRBY k counter 5',
    'HSTRLEN k b',
    'HTTL k FIELDS 2 a bb',
    'HPEXPIRETIME k FIELDS 3 a b c',
    'HPEXPIRE k 100000 FIELDS 2 a new',
    'HPERSIST k FIELDS 1 a',
    'HGETEX k EX 100 FIELDS 2 a b',
    'HSETEX k PX 5000 FIELDS 1 c d',
    'HGETDEL k FIELDS 1 c',
    'HDEL k a b',
  ],
  zset: [
    'ZRANGE k 0 -1 WITHSCORES',
    'ZREVRANGE k 0 -1 WITHSCORES',
    'ZRANGEBYSCORE k -inf +inf',
    'ZRANGEBYLEX k - +',
    'ZCARD k',
    'ZCOUNT k 0 10',
    'ZSCORE k a',
    'ZRANK k b',
    'ZSCAN k 0 COUNT 1000',
    'ZADD k 5 a 6 new',
    'ZINCRBY k 1.5 b',
    'ZRANDMEMBER k -5 WITHSCORES',
    'ZUNIONSTORE copy 2 k k',
    'ZREM k a',
    'ZPOPMIN k',
    'ZPOPMAX k 2',
    'ZREMRANGEBYRANK k 0 1',
  ],
  stream: [
    'XRANGE k - +',
    'XREVRANGE k + -',
    'XLEN k',
    'XINFO STREAM k',
    'XINFO STREAM k FULL',
    'XINFO GROUPS k',
    'XINFO CONSUMERS k g',
    'XPENDING k g',
    'XPENDING k g - + 100',
    'XREAD COUNT 100 STREAMS k 0',
    'XREADGROUP GROUP g alice COUNT 3 STREAMS k >',
    'XREADGROUP GROUP g alice COUNT 3 STREAMS k 0',
    'XCLAIM k g bob 0 1001-1 1002-2',
    'XAUTOCLAIM k g bob 0 0 COUNT 100',
    'XACK k g 1002-2 1004-1',
    'XDEL k 1001-1 1006-0',
    'XADD k * a b',
    'XGROUP DELCONSUMER k g bob',
    'XGROUP DESTROY k h',
    'XTRIM k MAXLEN 3',
    'XSETID k 9999999999999999-1',
  ],
}
/** Of any type. */
const ALWAYS = [
  'TYPE k',
  'OBJECT ENCODING k',
  'DUMP k',
  'COPY k copied REPLACE',
  'RENAME k k2',
  'RENAME k2 k',
  'DUMP k',
]

function typeOf(runner: Runner): string {
  return runner.say(`TYPE ${KEY}`).slice(1)
}

/** Does all that can be done to the value that RESTORE has just taken. */
function use(runner: Runner): void {
  const uses = USES[typeOf(runner)] ?? []
  for (const line of [...ALWAYS, ...uses, ...ALWAYS, ...uses]) {
    runner.say(line)
    if (typeOf(runner) === 'none') break
  }
  // What it has become is a sound value: it can be dumped, restored and compared.
  const dump = runner.bytes('DUMP', KEY)
  if (dump[1] === 0x2d) return
  const payload = dump.subarray(dump.indexOf(10) + 1, dump.length - 2)
  expect(runner.run('RESTORE', 'again', 0, payload, 'REPLACE')).toBe('+OK\r\n')
  expect(latin1(runner.bytes('DUMP', 'again').slice(0, 16))).toBe(latin1(dump.slice(0, 16)))
}

function freshRunner(): { runner: Runner; empty: number } {
  const runner = new Runner()
  return { runner, empty: runner.keyspace.heap.usedBytes }
}

function empty(runner: Runner): void {
  for (const key of [KEY, 'k2', 'copy', 'copied', 'again']) runner.run('DEL', key)
}

test('every form is taken as it is', () => {
  expect([...streams().keys()]).toEqual(['stream, type 15', 'stream, type 19', 'stream, type 21'])
  for (const [name, payload] of payloads()) {
    const { runner, empty: before } = freshRunner()
    expect([name, runner.run('RESTORE', KEY, 0, payload)]).toEqual([name, '+OK\r\n'])
    use(runner)
    empty(runner)
    expect([name, runner.keyspace.heap.usedBytes]).toEqual([name, before])
  }
})

test('a payload whose checksum is wrong is refused, whatever else is wrong with it', () => {
  const random = generator(1)
  const { runner } = freshRunner()
  for (const payload of payloads().values()) {
    for (let round = 0; round < 20; round++) {
      const made = payload.slice()
      made[random(made.length)]! ^= 1 << random(8)
      const reply = runner.run('RESTORE', KEY, 0, made)
      expect(reply).toBe('-ERR DUMP payload version or checksum are wrong\r\n')
    }
  }
})

for (const [name, payload] of payloads()) {
  test(`damaged: ${name}`, () => {
    const { runner, empty: before } = freshRunner()
    for (let round = FIRST; round < FIRST + ROUNDS; round++) {
      const random = generator(round * 7919 + name.length)
      const made = damaged(payload, random)
      try {
        const reply = runner.run('RESTORE', KEY, 0, made)
        if (reply === '+OK\r\n') use(runner)
        else expect(reply).toMatch(/^-ERR (Bad data format|Values of type .* cannot be restored)\r\n$/)
        empty(runner)
        // A table that has grown keeps what it has; blocks of the heap go back, all of them.
        expect(runner.keyspace.heap.usedBytes).toBe(before)
      } catch (error) {
        const hex = Buffer.from(made).toString('hex')
        throw new Error(`round ${round}, payload ${hex}`, { cause: error })
      }
    }
  })
}
