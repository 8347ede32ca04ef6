import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Runner } from '../../../tests/support/runner.js'

test('counts right', () => {
  expect(new Runner().say('PFSELFTEST')).toBe('+OK')
})

test('the count of one that is as full as can be is what Redis makes of an infinite number', () => {
  const runner = new Runner()
  const full = new Uint8Array(16 + 12288).fill(0xff)
  full.set([0x48, 0x59, 0x4c, 0x4c, 0], 0)
  // All registers at 51: the highest value that a hash can give.
  for (let i = 16; i < full.length; i += 3) full.set([0xf3, 0x3c, 0xcf], i)
  runner.run('SET', 'k', full)
  expect(runner.say('PFCOUNT k')).toBe(':-9223372036854775808')
})

test('it takes no more room than it needs', () => {
  const runner = new Runner()
  const { keyspace } = runner
  const before = keyspace.heap.usedBytes
  for (let i = 0; i < 400; i++) runner.run('PFADD', 'k', `e${i}`)
  const length = Number(runner.run('STRLEN', 'k').slice(1))
  expect(runner.say('PFDEBUG ENCODING k')).toBe('+sparse')
  expect(keyspace.heap.usedBytes - before).toBeLessThan(length * 1.25 + 400)
  for (let i = 0; i < 4000; i++) runner.run('PFADD', 'k', `e${i}`)
  expect(runner.say('PFDEBUG ENCODING k')).toBe('+dense')
  expect(runner.say('STRLEN k')).toBe(':12304')
  // The heap gives blocks of this size a page of their own.
  expect(keyspace.heap.usedBytes - before).toBeLessThanOrEqual(65_536)
  runner.say('DEL k')
  expect(keyspace.heap.usedBytes).toBe(before)
})

test('it keeps its expiry in every form', () => {
  const runner = new Runner()
  runner.say('PFADD k a')
  runner.say('EXPIRE k 100')
  for (let i = 0; i < 3000; i++) runner.run('PFADD', 'k', `e${i}`)
  expect(runner.say('TTL k')).toBe(':100')
})

test('damaged ones are refused, or counted, and nothing beyond them is touched', () => {
  const runner = new Runner()
  const header = [0x48, 0x59, 0x4c, 0x4c]
  fc.assert(
    fc.property(
      fc.constantFrom(0, 1, 1, 1, 2),
      fc.uint8Array({ maxLength: 60 }),
      fc.nat(16_384),
      (encoding, runs, zeros) => {
        const rest = zeros > 0 ? [0x40 | ((zeros - 1) >> 8), (zeros - 1) & 255] : []
        const bytes = [...header, encoding, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x80, ...runs, ...rest]
        runner.run('SET', 'k', Uint8Array.from(bytes))
        // What lies behind it in the heap must stay as it is.
        runner.run('SET', 'n', 'x'.repeat(100))
        const replies = [
          ...['PFCOUNT k', 'PFCOUNT k none', 'PFDEBUG DECODE k', 'PFDEBUG ENCODING k', 'PFADD k a b c d e f'],
          ...['PFMERGE other k', 'PFADD k g h i j k l', 'PFDEBUG TODENSE k', 'PFCOUNT k', 'PFMERGE k other'],
        ].map((line) => runner.say(line))
        for (const reply of replies) {
          if (reply[0] === '-')
            expect(reply).toMatch(/^-(INVALIDOBJ |WRONGTYPE Key is not |ERR HLL encoding is not)/)
        }
        expect(runner.run('GET', 'n')).toBe(`$100\r\n${'x'.repeat(100)}\r\n`)
      },
    ),
    { numRuns: 1000 },
  )
  const { keyspace } = runner
  runner.say('DEL k n other')
  expect(keyspace.heap.usedBytes).toBe(new Runner().keyspace.heap.usedBytes)
})
