import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteSink } from '../sink.js'
import { AofFileReader } from './file.js'
import { AofReader } from './reader.js'
import * as record from './record.js'
import { aofLines, aofProblemLine, manifestLines } from './render.js'

const NAME = 'appendonly.aof.1.incr.aof'

/** The commands as lines, with the problem as the last; fed in pieces of `piece` bytes. */
function linesOf(source: string | Uint8Array, piece = Number.POSITIVE_INFINITY): string[] {
  const bytes = typeof source === 'string' ? Buffer.from(source, 'latin1') : source
  const lines: string[] = []
  const reader = new AofReader(
    aofLines((line) => lines.push(line)),
    NAME,
  )
  for (let at = 0; at < bytes.length; at += piece) {
    if (!reader.feed(bytes, at, Math.min(bytes.length, at + piece))) break
  }
  const problem = reader.end()
  if (problem !== undefined)
    lines.push(`${aofProblemLine(problem).slice(0, 90)}; whole up to ${reader.validUpTo}`)
  return lines
}

function command(...words: (string | Buffer)[]): Buffer {
  const sink = new ByteSink()
  record.writeCommandStart(sink, words.length)
  for (const word of words) {
    const bytes = typeof word === 'string' ? Buffer.from(word, 'latin1') : word
    record.writeArgument(sink, bytes, 0, bytes.length)
  }
  return Buffer.from(sink.take())
}

test('records as Redis writes them', () => {
  const sink = new ByteSink()
  record.writeTimestamp(sink, 1700000000)
  record.writeSelect(sink, 12)
  record.writeMulti(sink)
  record.writeSet(sink, Buffer.from('k'), 0, 1, Buffer.alloc(10, 'v'), 0, 10)
  record.writePexpireAt(sink, Buffer.from('k'), 0, 1, 1700000000123)
  record.writeExec(sink)
  expect(Buffer.from(sink.take()).toString()).toBe(
    '#TS:1700000000\r\n*2\r\n$6\r\nSELECT\r\n$2\r\n12\r\n*1\r\n$5\r\nMULTI\r\n' +
      '*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$10\r\nvvvvvvvvvv\r\n' +
      '*3\r\n$9\r\nPEXPIREAT\r\n$1\r\nk\r\n$13\r\n1700000000123\r\n*1\r\n$4\r\nEXEC\r\n',
  )
  expect(linesOf(sink.take())).toEqual([
    '# written at 1700000000 (2023-11-14T22:13:20.000Z)',
    '"SELECT" "12"',
    '"MULTI"',
    '"SET" "k" "vvvvvvvvvv"',
    '"PEXPIREAT" "k" "1700000000123"',
    '"EXEC"',
  ])
})

test('any commands, in pieces of any size', () => {
  const word = fc.oneof(
    fc.uint8Array({ maxLength: 30 }),
    fc.nat(7000).map((n) => Buffer.alloc(n, 'x')),
  )
  fc.assert(
    fc.property(
      fc.array(fc.array(word, { minLength: 1, maxLength: 20 }), { maxLength: 12 }),
      fc.integer({ min: 1, max: 6000 }),
      (commands, piece) => {
        const bytes = Buffer.concat(commands.map((words) => command(...words.map((one) => Buffer.from(one)))))
        const seen: Buffer[][] = []
        const reader = new AofReader(
          {
            onCommand: (buf, count, ranges, start, end) => {
              expect(buf[start]).toBe(0x2a)
              expect(buf[end - 1]).toBe(0x0a)
              seen.push(
                Array.from({ length: count }, (_, i) =>
                  Buffer.from(buf.subarray(ranges[i * 2], ranges[i * 2 + 1])),
                ),
              )
              return undefined
            },
          },
          NAME,
        )
        for (let at = 0; at < bytes.length; at += piece)
          reader.feed(bytes, at, Math.min(bytes.length, at + piece))
        expect(reader.end()?.kind).not.toBe('format')
        expect(reader.offset).toBe(bytes.length)
        const told = (all: Uint8Array[][]) =>
          all.map((words) => words.map((one) => Buffer.from(one).toString('latin1')))
        expect(told(seen).join('\n') === told(commands).join('\n')).toBe(true)
      },
    ),
    { numRuns: 100 },
  )
})

test('a torn tail is cut after the last whole command', () => {
  const first = command('SET', 'a', '1')
  const second = command('SET', 'b', '2')
  const bytes = Buffer.concat([first, second])
  for (let length = 0; length <= bytes.length; length++) {
    const whole = length === bytes.length ? 2 : length >= first.length ? 1 : 0
    const lines = linesOf(bytes.subarray(0, length), 7)
    const torn = length !== 0 && length !== first.length && length !== bytes.length
    expect(lines.length).toBe(whole + (torn ? 1 : 0))
    if (torn) {
      const cut = whole * first.length
      expect(lines.at(-1)).toContain(`error at offset ${cut}: Unexpected end of file reading the append`)
      expect(lines.at(-1)).toContain(`whole up to ${cut}`)
    }
  }
})

test('a transaction without its EXEC is cut back to its MULTI', () => {
  const before = command('SET', 'a', '1')
  const open = Buffer.concat([before, command('multi'), command('SET', 'b', '2')])
  expect(linesOf(open).at(-1)).toContain(`whole up to ${before.length}`)
  expect(linesOf(open.subarray(0, open.length - 3)).at(-1)).toContain(`whole up to ${before.length}`)
  expect(linesOf(Buffer.concat([open, command('EXEC')])).at(-1)).toBe('"EXEC"')
})

test('bad formats', () => {
  const bad = (source: string) => linesOf(source).at(-1)
  const text = 'Bad file format reading the append only file'
  expect(bad('SET a 1\r\n')).toContain(`error at offset 0: ${text}`)
  expect(bad('*0\r\n')).toContain(text)
  expect(bad('*-1\r\n')).toContain(text)
  expect(bad('*1\r\n$x\r\n')).toContain(text)
  expect(bad('*1\r\n:1\r\n')).toContain(text)
  expect(bad('*1\r\n$3\r\nabcd\r\n')).toContain(text)
  expect(bad(`#${'x'.repeat(2000)}\r\n`)).toContain(text)
  expect(bad(`*${'9'.repeat(30)}\r\n`)).toContain(text)
  expect(bad(`${command('SET', 'a', 'b')}*1\r\n$4x`)).toContain(`offset ${command('SET', 'a', 'b').length}`)
  expect(new AofReader({ onCommand: () => undefined }, 'f').feed(Buffer.from('?'), 0, 1)).toBe(false)
})

test('a huge count or length makes no room', () => {
  const before = process.memoryUsage().arrayBuffers
  expect(linesOf('*2147483647\r\n$1\r\na\r\n').at(-1)).toContain('Unexpected end of file')
  expect(linesOf('*1\r\n$1099511627776\r\na\r\n').at(-1)).toContain('Unexpected end of file')
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000_000)
})

test('the visitor can refuse, and a point in time can end the reading', () => {
  const bytes = Buffer.concat([
    Buffer.from('#TS:10\r\n'),
    command('SET', 'a', '1'),
    Buffer.from('#TS:20\r\n'),
    command('SET', 'b', '1'),
  ])
  const seen: number[] = []
  const reader = new AofReader(
    { onCommand: () => void seen.push(1) as undefined, onTimestamp: (at_s) => at_s < 20 },
    NAME,
  )
  expect(reader.feed(bytes, 0, bytes.length)).toBe(false)
  expect([seen.length, reader.stopped, reader.offset]).toEqual([1, true, 8 + command('SET', 'a', '1').length])
  const refusing = new AofReader(
    { onCommand: () => "Unknown command 'FOO' reading the append only file x" },
    'x',
  )
  refusing.feed(bytes, 0, bytes.length)
  expect(refusing.problem).toEqual({
    kind: 'refused',
    text: "Unknown command 'FOO' reading the append only file x",
    offset: 8,
  })
})

test('damaged files give an error or other commands, never a throw', () => {
  const bytes = Buffer.concat([
    command('SET', 'a', '1'),
    command('MULTI'),
    command('DEL', 'b'),
    command('EXEC'),
  ])
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 1, max: 20 }),
      (changes, piece) => {
        const damaged = Uint8Array.from(bytes)
        for (const [at, value] of changes) damaged[at] = value
        expect(linesOf(damaged, piece)).toEqual(linesOf(damaged))
      },
    ),
    { numRuns: 500 },
  )
})

test('an RDB file as base, and an RDB preamble with commands behind it', () => {
  const rdb = readFileSync(new URL('../fixtures/redis-7.0.15-lru.rdb', import.meta.url))
  const both = Buffer.concat([rdb, command('SET', 'after', '1')])
  for (const piece of [1, 3, 50, 1000]) {
    const keys: string[] = []
    const commands: string[] = []
    const file = new AofFileReader(
      aofLines((line) => commands.push(line)),
      {
        onEntry: (entry) =>
          void keys.push(
            Buffer.from(entry.key.subarray(entry.keyStart, entry.keyEnd)).toString(),
          ) as undefined,
      },
      NAME,
      { checksum: true },
    )
    for (let at = 0; at < both.length; at += piece) file.feed(both, at, Math.min(both.length, at + piece))
    expect(file.end()).toBeUndefined()
    expect([keys, commands]).toEqual([['lru'], ['"SET" "after" "1"']])
    expect(file.aof.validUpTo).toBe(both.length)
  }
  const torn = new AofFileReader({ onCommand: () => undefined }, { onEntry: () => undefined }, NAME)
  torn.feed(rdb, 0, rdb.length - 1)
  expect(torn.end()?.text).toContain('Short read or OOM')
  const empty = new AofFileReader({ onCommand: () => undefined }, { onEntry: () => undefined }, NAME)
  expect(empty.end()).toBeUndefined()
  const few = new AofFileReader({ onCommand: () => undefined }, { onEntry: () => undefined }, NAME)
  few.feed(Buffer.from('*1\r'), 0, 3)
  expect(few.end()?.kind).toBe('truncated')
})

test('a manifest in lines', () => {
  const base = { name: 'a.1.base.rdb', seq: 1, type: 'base' as const }
  expect(manifestLines({ base, history: [], incr: [], baseSeq: 1, incrSeq: 0 })).toEqual([
    'base    1 a.1.base.rdb',
  ])
})
