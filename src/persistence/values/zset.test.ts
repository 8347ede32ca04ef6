/** Sorted sets written and read in every form; what is damaged is refused. */

import { expect, test } from 'vitest'
import { ascii } from '../../bytes/ascii.js'
import { formatDouble } from '../../bytes/double.js'
import { Keyspace } from '../../keyspace/keyspace.js'
import * as format from '../rdb/format.js'
import { RdbWriter } from '../rdb/writer.js'
import { BAD_VALUE, EMPTY_VALUE } from './codec.js'
import { ZSET_CODEC } from './zset.js'

const newKeyspace = () => new Keyspace({ databases: 1, cluster: false, random32: () => 12345 })

function shown(k: Keyspace, handle: number): string {
  const all: string[] = []
  k.zsets.forEach(handle, () => all.push(`${k.zsets.member.text()}=${formatDouble(k.zsets.score)}`))
  return all.join(' ')
}

function read(k: Keyspace, type: number, bytes: number[] | Uint8Array): number {
  const buf = Uint8Array.from(bytes)
  return ZSET_CODEC.read(k, type, buf, 0, buf.length, true)
}

test('what is written is read', () => {
  for (const version of [9, 11]) {
    for (const many of [3, 300]) {
      const k = newKeyspace()
      const handle = k.zsets.create(1)
      const scores = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0.1, -3, 2 ** 60]
      for (let i = 0; i < many; i++) {
        const name = ascii(`m${i}`)
        k.zsets.set(handle, name, 0, name.length, scores[i % 5]!)
      }
      const writer = new RdbWriter({ version })
      const type = ZSET_CODEC.rdbType(k, handle, version)
      expect(type).toBe(version === 9 || many === 300 ? format.TYPE_ZSET_2 : format.TYPE_ZSET_LISTPACK)
      ZSET_CODEC.write(writer, k, handle)
      const bytes = writer.sink.take()
      const before = k.heap.usedBytes
      const made = read(k, type, bytes)
      expect(made).toBeGreaterThan(0)
      expect(shown(k, made)).toBe(shown(k, handle))
      expect(k.entries.encoding(made)).toBe(k.entries.encoding(handle))
      k.release(made)
      for (let end = 0; end < Math.min(bytes.length, 60); end++) {
        expect(read(k, type, bytes.subarray(0, end))).toBeLessThanOrEqual(EMPTY_VALUE)
      }
      expect(k.heap.usedBytes).toBe(before)
    }
  }
})

test('scores in digits, as before Redis 4', () => {
  const k = newKeyspace()
  const bytes = [3, 1, 0x61, 3, 0x2e, 0x35, 0x30, 1, 0x62, 254, 1, 0x63, 255]
  expect(shown(k, read(k, format.TYPE_ZSET, bytes))).toBe('c=-inf a=0.5 b=inf')
  expect(read(k, format.TYPE_ZSET, [1, 1, 0x61, 253])).toBe(BAD_VALUE)
  expect(read(k, format.TYPE_ZSET, [2, 1, 0x61, 254, 1, 0x61, 254])).toBe(BAD_VALUE)
  expect(read(k, format.TYPE_ZSET, [0])).toBe(EMPTY_VALUE)
})

test('ziplists', () => {
  const k = newKeyspace()
  // "a" 1, "b" "2.5"
  const elements = [0, 1, 0x61, 3, 0xf2, 2, 1, 0x62, 3, 3, 0x32, 0x2e, 0x35]
  const size = 10 + elements.length + 1
  const ziplist = [size, 0, 0, 0, 18, 0, 0, 0, 4, 0, ...elements, 255]
  expect(shown(k, read(k, format.TYPE_ZSET_ZIPLIST, [ziplist.length, ...ziplist]))).toBe('a=1 b=2.5')
  const bad = [...ziplist]
  bad[22] = 0x78
  expect(read(k, format.TYPE_ZSET_ZIPLIST, [bad.length, ...bad])).toBe(BAD_VALUE)
})
