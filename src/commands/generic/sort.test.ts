import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Runner } from '../../../tests/support/runner.js'

const LISTPACK_EMPTY_BYTES = 7
/** What a node of a quicklist sets aside for an element beside its text. */
const ELEMENT_ESTIMATE_BYTES = 8
/** Bytes of a listpack under list-max-listpack-size -2, and where that counts elements. */
const LIST_BYTES_MAX = 8192

/** Bytes that a text takes in a listpack; short enough that its length backwards takes one byte, or two. */
function packedBytes(word: string): number {
  const inDigits = /^(0|-?[1-9]\d*)$/.test(word) && BigInt.asIntN(64, BigInt(word)) === BigInt(word)
  if (!inDigits)
    return word.length < 64 ? word.length + 2 : word.length < 126 ? word.length + 3 : word.length + 4
  const value = Number(word)
  if (value >= 0 && value <= 127) return 2
  if (value >= -4096 && value <= 4095) return 3
  const bits = [16, 24, 32].find((bits) => value >= -(2 ** (bits - 1)) && value < 2 ** (bits - 1)) ?? 64
  return bits / 8 + 2
}

/**
 * What OBJECT ENCODING replies of a list that SORT … STORE has made. Redis fills a quicklist and makes it a listpack where it has one
 * node, whose limit counts the last element by its text. RPUSH counts all that it adds by their texts, without what a listpack adds, or
 * saves, so near the limit it may reply otherwise for the same elements.
 */
function storedEncoding(words: readonly string[], most: number): string {
  let bytes = LISTPACK_EMPTY_BYTES
  for (const word of words) {
    if (bytes > LISTPACK_EMPTY_BYTES && bytes + word.length + ELEMENT_ESTIMATE_BYTES > LIST_BYTES_MAX)
      return '9 quicklist'
    bytes += packedBytes(word)
  }
  return most > 0 && words.length > most ? '9 quicklist' : '8 listpack'
}

describe('SORT', () => {
  test('a cluster has no patterns, and a user who may not read every key has none either', () => {
    const cluster = new Runner({ cluster: true })
    cluster.say('RPUSH k 2 1')
    expect(cluster.say('SORT k BY w_*')).toBe('-ERR BY option of SORT denied in Cluster mode.')
    expect(cluster.say('SORT k GET #')).toBe('-ERR GET option of SORT denied in Cluster mode.')
    expect(cluster.say('SORT_RO k GET w_*')).toBe('-ERR GET option of SORT denied in Cluster mode.')
    expect(cluster.say('SORT k BY nosort')).toBe('*2 $1 2 $1 1')
    const limited = new Runner()
    Object.assign(limited.host, { readsAnyKey: () => false })
    limited.say('RPUSH k 2 1')
    expect(limited.say('SORT k BY w_*')).toBe(
      '-ERR BY option of SORT denied due to insufficient ACL permissions.',
    )
    expect(limited.say('SORT k GET #')).toBe(
      '-ERR GET option of SORT denied due to insufficient ACL permissions.',
    )
    expect(limited.say('SORT k BY nosort')).toBe('*2 $1 2 $1 1')
    expect(limited.say('SORT k')).toBe('*2 $1 1 $1 2')
  })

  test('what is stored wakes those who wait, and replaces whatever stood there', () => {
    const runner = new Runner()
    runner.say('RPUSH k 3 1 2')
    runner.say('SET to x EX 100')
    runner.host.ready.length = 0
    expect(runner.say('SORT k DESC STORE to')).toBe(':3')
    expect(runner.host.ready).toEqual(['0 to'])
    expect(runner.say('LRANGE to 0 -1')).toBe('*3 $1 3 $1 2 $1 1')
    expect(runner.say('OBJECT ENCODING to')).toBe('$8 listpack')
    expect(runner.say('TTL to')).toBe(':-1')
    expect(runner.say('SORT none STORE to')).toBe(':0')
    expect(runner.say('EXISTS to')).toBe(':0')
    runner.run('RPUSH', 'large', ...Array.from({ length: 3000 }, (_, i) => `element ${i}`))
    expect(runner.say('SORT large ALPHA STORE to')).toBe(':3000')
    expect(runner.say('OBJECT ENCODING to')).toBe('$9 quicklist')
    expect(runner.say('SORT large ALPHA STORE large')).toBe(':3000')
    expect(runner.say('LINDEX large 1')).toBe('$9 element 1')
  })

  test('nothing of it stays in the heap', () => {
    const runner = new Runner()
    const before = runner.keyspace.heap.usedBytes
    runner.run('SADD', 's', ...Array.from({ length: 500 }, (_, i) => i * 7))
    for (let i = 0; i < 9; i++) runner.say('SORT s STORE to')
    runner.say('SORT s LIMIT 5 0 STORE to')
    runner.say('SORT s BY nosort GET # GET none_*->x STORE to')
    runner.say('DEL s to')
    expect(runner.keyspace.heap.usedBytes).toBe(before)
  })

  test('numbers of seventeen digits', () => {
    const runner = new Runner()
    const numbers = [
      '0.84442185152504812',
      '0.84442185152504801',
      '0.8444218515250479',
      '-0.30331272607892745',
    ]
    runner.run('RPUSH', 'k', ...numbers)
    expect(
      runner
        .run('SORT', 'k')
        .split('\r\n')
        .filter((line) => /^-?0/.test(line)),
    ).toEqual([...numbers].sort((a, b) => Number(a) - Number(b)))
    runner.say('RPUSH k 1e400')
    expect(runner.say('SORT k')).toBe("-ERR One or more scores can't be converted into double")
  })

  test('elements and patterns of any length name their keys', () => {
    for (const [front, back] of [
      [0, 0],
      [5, 0],
      [3, 2],
      [0, 7],
      [250, 1],
      [3000, 30],
    ]) {
      const runner = new Runner()
      const pattern = `${'f'.repeat(front!)}*${'b'.repeat(back!)}`
      const elements = [1, 2, 3, 4, 5, 31, 32, 33, 40].map((length) => 'e'.repeat(length))
      for (const [i, element] of elements.entries()) {
        runner.run('RPUSH', 'a list', element)
        runner.run('SET', pattern.replace('*', element), `${(i * 5) % 9}`)
      }
      const few = elements.slice(0, 7)
      for (const shown of [elements, few]) {
        runner.run('LTRIM', 'a list', '0', `${shown.length - 1}`)
        const scores = shown.map((_, i) => (i * 5) % 9)
        const sorted = [...scores].sort((a, b) => a - b)
        const expected = sorted.map((score) => shown[scores.indexOf(score)]!)
        const replies = runner.run('SORT', 'a list', 'BY', pattern, 'GET', '#').split('\r\n')
        expect(replies.filter((line) => line.startsWith('e'))).toEqual(expected)
        const values = runner.run('SORT', 'a list', 'BY', pattern, 'GET', pattern).split('\r\n')
        expect(values.filter((line) => /^\d$/.test(line))).toEqual(sorted.map(String))
      }
    }
  })

  test('texts of all sizes are shown and stored in the order of their bytes', () => {
    const name = fc.oneof(
      fc.string({ maxLength: 9 }).map((word) => word.replace(/[^ -~]/g, '~')),
      fc.nat(300).map((i) => `member:${String(i).padStart(9, '0')}`),
      fc.nat(9).map((i) => `${'long '.repeat(20)}${i}`),
      fc.integer().map(String),
    )
    const sizes = fc.constantFrom(3, 47, 49, 127, 128, 129, 300)
    const property = fc.property(
      sizes.chain((size) => fc.array(name, { minLength: 1, maxLength: size, size: 'max' })),
      fc.boolean(),
      fc.constantFrom('-2', '5'),
      (elements, descending, most) => {
        const runner = new Runner()
        runner.keyspace.limit = (limit) => (limit === 'list-max-listpack-size' ? Number(most) : 128)
        runner.run('RPUSH', 'l', ...elements)
        const expected = elements.map((word) => Buffer.from(word)).sort(Buffer.compare)
        if (descending) expected.reverse()
        const reply = (some: Buffer[]) =>
          `*${some.length}\r\n${some.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`
        const order = descending ? 'DESC' : 'ASC'
        expect(runner.run('SORT', 'l', 'ALPHA', order)).toBe(reply(expected))
        expect(runner.run('SORT', 'l', 'LIMIT', 1, 50, 'ALPHA', order)).toBe(reply(expected.slice(1, 51)))
        expect(runner.run('SORT', 'l', 'ALPHA', order, 'STORE', 'to')).toBe(`:${expected.length}\r\n`)
        expect(runner.run('LRANGE', 'to', 0, -1)).toBe(reply(expected))
        expect(runner.say('OBJECT ENCODING to')).toBe(
          `$${storedEncoding(expected.map(String), Number(most))}`,
        )
      },
    )
    // A stored list just below the limit was expected to be what RPUSH makes of it.
    fc.assert(property, { seed: 247977537, path: '26', numRuns: 1 })
    fc.assert(property, { numRuns: 150 })
  })

  test('integers are stored as they are shown', () => {
    const runner = new Runner()
    const numbers = [5, -1, 127, 128, 4096, -4097, 70000, -9000000, 2 ** 40, 0]
    runner.run('SADD', 's', ...numbers)
    runner.run('RPUSH', 'l', ...numbers)
    for (const key of ['s', 'l']) {
      for (const order of ['ASC', 'DESC']) {
        expect(runner.run('SORT', key, order, 'LIMIT', 2, 6, 'STORE', 'to')).toBe(':6\r\n')
        expect(runner.run('LRANGE', 'to', 0, -1)).toBe(runner.run('SORT', key, order, 'LIMIT', 2, 6))
      }
    }
    expect(runner.say('SORT s LIMIT 20 5 STORE to')).toBe(':0')
    expect(runner.say('EXISTS to')).toBe(':0')
  })

  test('texts end at a zero byte where they are shown, not where they are stored', () => {
    const runner = new Runner()
    runner.run('RPUSH', 'l', 'a\0z', 'a\0b', 'a')
    expect(runner.run('SORT', 'l', 'ALPHA')).toBe('*3\r\n$3\r\na\0z\r\n$3\r\na\0b\r\n$1\r\na\r\n')
    runner.run('SORT', 'l', 'ALPHA', 'STORE', 'to')
    expect(runner.run('LRANGE', 'to', 0, -1)).toBe('*3\r\n$1\r\na\r\n$3\r\na\0b\r\n$3\r\na\0z\r\n')
  })

  test('a set has an order where a script asks, too', () => {
    const runner = new Runner()
    runner.say('SADD s 10 9 1 3')
    Object.assign(runner.caller, { inScript: true })
    expect(runner.say('SORT s BY nosort')).toBe('*4 $1 1 $2 10 $1 3 $1 9')
  })
})
