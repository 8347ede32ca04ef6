/** Streams without an oracle: damaged payloads, what is otherwise in 7.2 than in 7.0, and what time and memory have to do with it. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bytesOf, Runner } from '../../../tests/support/runner.js'
import { ownedBytes } from '../../keyspace/collections/memory.js'
import { dumpRaw } from '../../persistence/rdb/dump.js'
import { RdbWriter } from '../../persistence/rdb/writer.js'
import { STREAM_CODEC } from '../../persistence/values/stream.js'

/** A stream with several listpacks, marked entries, groups, consumers and pending entries. */
function filled(): Runner {
  const runner = new Runner()
  runner.keyspace.limit = (name) => (name === 'stream-node-max-bytes' ? 4096 : 3)
  for (let i = 1; i < 9; i++)
    runner.run('XADD', 's', `${i}-${i}`, i % 3 === 0 ? 'other' : 'f', `v${i}`, 'g', i * 1000)
  runner.say('XDEL s 2-2 4-4')
  runner.say('XGROUP CREATE s g 0')
  runner.say('XGROUP CREATE s h 3 ENTRIESREAD 5')
  runner.say('XREADGROUP GROUP g x COUNT 3 STREAMS s >')
  runner.say('XREADGROUP GROUP g y COUNT 2 STREAMS s >')
  runner.say('XREADGROUP GROUP h x STREAMS s >')
  return runner
}

/** The value in every form that files have for it. */
function bodiesOf(runner: Runner): Uint8Array[] {
  const handle = runner.keyspace.databases[0]!.find(bytesOf('s'), 0, 1)
  return [10, 11].map((version) => {
    const writer = new RdbWriter({ version })
    STREAM_CODEC.write(writer, runner.keyspace, handle)
    return writer.sink.take()
  })
}

test('damaged payloads are refused, or hold something whole', () => {
  const source = filled()
  const bodies = bodiesOf(source)
  const plain = new Runner()
  plain.say('XADD s 1-1 f v')
  plain.say('XADD s 2-1 f v')
  plain.say('XGROUP CREATE s g 0')
  const first = new RdbWriter({ version: 9 })
  STREAM_CODEC.write(first, plain.keyspace, plain.keyspace.databases[0]!.find(bytesOf('s'), 0, 1))
  bodies.push(first.sink.take())
  const runner = new Runner()
  runner.say('XLEN nothing')
  const before = runner.keyspace.heap.usedBytes
  let whole = 0
  fc.assert(
    fc.property(
      fc.constantFrom(...bodies),
      fc.array(fc.tuple(fc.nat(700), fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 2, 3, 127, 128, 255))), {
        maxLength: 3,
      }),
      fc.constantFrom(15, 19, 19, 21, 21),
      (body, changes, type) => {
        const changed = body.slice()
        for (const [at, byte] of changes) changed[at % changed.length] = byte
        const reply = runner.run('RESTORE', 'damaged', 0, dumpRaw(type, changed, 0, changed.length))
        if (reply === '+OK\r\n') {
          whole++
          const lines = [
            'XRANGE damaged - +',
            'XREVRANGE damaged + -',
            'XINFO STREAM damaged FULL',
            'XADD damaged * f v',
          ]
          lines.push(
            'XTRIM damaged MAXLEN 4',
            'XDEL damaged 1-1 5-5 8-8',
            'XREADGROUP GROUP g x STREAMS damaged 0',
          )
          lines.push(
            'XREADGROUP GROUP g z STREAMS damaged >',
            'XAUTOCLAIM damaged g z 0 0',
            'XPENDING damaged g - + 9',
          )
          lines.push(
            'XGROUP DELCONSUMER damaged g x',
            'COPY damaged copied',
            'DUMP damaged',
            'DEL damaged copied',
          )
          for (const line of lines) runner.say(line)
        } else expect(reply).toBe('-ERR Bad data format\r\n')
        expect(runner.keyspace.heap.usedBytes).toBe(before)
      },
    ),
    { numRuns: 3000 },
  )
  expect(whole).toBeGreaterThan(50)
})

test('a value in each form is read as it was written, but for what the form leaves out', () => {
  const runner = filled()
  runner.now_ms += 1000
  runner.say('XGROUP CREATECONSUMER s g idle')
  const look = () => runner.run('XINFO', 'STREAM', 's', 'FULL', 'COUNT', 0)
  const before = look()
  for (const [i, body] of bodiesOf(runner).entries()) {
    const reply = runner.run('RESTORE', 's', 0, dumpRaw(i === 0 ? 19 : 21, body, 0, body.length), 'REPLACE')
    expect(reply).toBe('+OK\r\n')
    const active = /\$11\r\nactive-time\r\n:-?\d+\r\n/g
    if (i === 1) expect(look()).toBe(before)
    else expect(look().replace(active, '')).toBe(before.replace(active, ''))
    runner.run(
      'RESTORE',
      's',
      0,
      dumpRaw(21, bodiesOf(runner)[1]!, 0, bodiesOf(runner)[1]!.length),
      'REPLACE',
    )
  }
})

test('since 7.2: a consumer is made in any case, is active when it gets something, and XSETID keeps what was deleted', () => {
  const runner = new Runner({ now_ms: 1_700_000_000_000 })
  const events = runner.listen()
  runner.say('XADD s 1-1 f v')
  runner.say('XGROUP CREATE s g $')
  runner.say('XREADGROUP GROUP g idle STREAMS s >')
  expect(runner.say('XCLAIM s g claims 0 1-1')).toBe('*0')
  expect(runner.say('XAUTOCLAIM s g auto 0 0')).toBe('*3 $3 0-0 *0 *0')
  expect(events.slice(-3)).toEqual(Array(3).fill('xgroup-createconsumer 0 s'))
  runner.now_ms += 5
  runner.say('XADD s * f v')
  expect(runner.propagated).toEqual(['XADD s 1700000000005-0 f v'])
  runner.say('XREADGROUP GROUP g busy STREAMS s >')
  runner.now_ms += 7
  const told = (name: string, idle: number, inactive: number) =>
    `*8 $4 name $${name.length} ${name} $7 pending :${name === 'busy' ? 1 : 0} $4 idle :${idle} $8 inactive :${inactive}`
  expect(runner.say('XINFO CONSUMERS s g')).toBe(
    `*4 ${told('auto', 12, -1)} ${told('busy', 7, 7)} ${told('claims', 12, -1)} ${told('idle', 12, -1)}`,
  )
  runner.say('XDEL s 1700000000005-0')
  expect(runner.say('XSETID s 1700000000004-0')).toBe(
    '-ERR The ID specified in XSETID is smaller than current max_deleted_entry_id',
  )
  expect(runner.say('XREAD STREAMS s t 0')).toMatch(
    /^-ERR Unbalanced 'xread' list of streams: .* an ID or '\$' must/,
  )
})

test('XREAD counts the streams that have entries, in RESP3 by a map', () => {
  const runner = new Runner()
  runner.say('XADD s 1-1 f v')
  const entries = '$1 s *1 *2 $3 1-1 *2 $1 f $1 v'
  expect(runner.say('XREAD STREAMS s t 0 0')).toBe(`*1 *2 ${entries}`)
  runner.caller.protocol = 3
  expect(runner.say('XREAD STREAMS s t 0 0')).toBe(`%1 ${entries}`)
})

test('the time goes back, and the last ID of all', () => {
  const runner = new Runner({ now_ms: 1000 })
  expect(runner.say('XADD s * f v')).toBe('$6 1000-0')
  expect(runner.say('XADD s * f v')).toBe('$6 1000-1')
  runner.now_ms = 500
  expect(runner.say('XADD s * f v')).toBe('$6 1000-2')
  expect(runner.say('XADD s 1000-* f v')).toBe('$6 1000-3')
  const max = '18446744073709551615'
  expect(runner.say(`XADD s ${max}-* f v`)).toBe(`$22 ${max}-0`)
  expect(runner.say('XADD s * f v')).toBe(`$22 ${max}-1`)
  expect(runner.say(`XADD s ${max}-${max} f v`)).toBe(`$41 ${max}-${max}`)
  expect(runner.say('XADD s * f v')).toBe(
    '-ERR The stream has exhausted the last possible ID, unable to add more items',
  )
  expect(runner.say(`XRANGE s (${max}-${max} +`)).toBe('-ERR invalid start ID for the interval')
})

test('memory: what a stream takes is told, and comes back', () => {
  const runner = filled()
  const { keyspace } = runner
  const handle = keyspace.databases[0]!.find(bytesOf('s'), 0, 1)
  expect(ownedBytes(keyspace, handle, 0)).toBeGreaterThan(8 * 20)
  for (let i = 0; i < 1000; i++) runner.run('XADD', 't', `${i + 100}-0`, 'f', 'x'.repeat(100))
  const large = keyspace.databases[0]!.find(bytesOf('t'), 0, 1)
  expect(ownedBytes(keyspace, large, 5) / ownedBytes(keyspace, large, 0)).toBeCloseTo(1, 1)
  runner.say('FLUSHALL')
  expect(keyspace.large.bytes).toBe(0)
  expect(keyspace.streams.all.size).toBe(0)
})

test('XREAD + replies with the last entry that is there (Redis 7.4)', () => {
  const runner = new Runner()
  expect(runner.say('XREAD STREAMS s +')).toBe(runner.say('XREAD STREAMS s 0'))
  for (const id of ['1-1', '2-1', '2-2']) runner.say(`XADD s ${id} f ${id}`)
  const last = runner.say('XREAD COUNT 5 STREAMS s 2-1')
  expect(last).toContain('2-2')
  expect(runner.say('XREAD STREAMS s +')).toBe(last)
  runner.say('XDEL s 2-2')
  expect(runner.say('XREAD BLOCK 0 STREAMS s +')).toBe(runner.say('XREAD STREAMS s 1-1'))
  runner.say('XDEL s 1-1 2-1')
  expect(runner.say('XREAD STREAMS s +')).toBe(runner.say('XREAD STREAMS s 2-2'))
  runner.say('XGROUP CREATE s g 0')
  expect(runner.say('XREADGROUP GROUP g c STREAMS s +')).toContain('The + ID is meaningless')
})

test('delivery times beyond 2^53 ms are kept, and idle times told, to the last digit', () => {
  const source = new Runner()
  source.say('XADD s 1-1 f v')
  source.say('XGROUP CREATE s g 0')
  source.say('XREADGROUP GROUP g c STREAMS s >')
  const time = new DataView(new ArrayBuffer(8))
  time.setBigInt64(0, BigInt(source.keyspace.now_ms), true)
  const [body] = bodiesOf(source)
  const at = Buffer.from(body!).indexOf(new Uint8Array(time.buffer))
  expect(at).toBeGreaterThan(0)
  for (const delivered of [-4722336896897925722n, -(2n ** 53n) - 1n, 2n ** 63n - 1n]) {
    time.setBigInt64(0, delivered, true)
    body!.set(new Uint8Array(time.buffer), at)
    const runner = new Runner()
    runner.run('RESTORE', 's', 0, Buffer.from(dumpRaw(19, body!, 0, body!.length)))
    const idle = BigInt.asIntN(64, BigInt(runner.keyspace.now_ms) - delivered)
    expect(runner.say('XPENDING s g - + 1')).toContain(` :${idle < 0n ? 0n : idle} `)
    expect(runner.say('XINFO STREAM s FULL')).toContain(`:${delivered} `)
    const [again] = bodiesOf(runner)
    expect(Buffer.from(again!).includes(Buffer.from(time.buffer))).toBe(true)
  }
})
