/** Lists written in every version and read in every form; what is damaged is refused and leaves nothing behind. */

import { expect, test } from 'vitest'
import { ascii } from '../../bytes/ascii.js'
import { LISTPACK, QUICKLIST } from '../../keyspace/entries.js'
import { Keyspace } from '../../keyspace/keyspace.js'
import * as format from '../rdb/format.js'
import { RdbWriter } from '../rdb/writer.js'
import { BAD_VALUE, EMPTY_VALUE } from './codec.js'
import { LIST_CODEC } from './list.js'

const newKeyspace = () => new Keyspace({ databases: 1, cluster: false, random32: () => 12345 })

function shown(k: Keyspace, handle: number): string[] {
  const all: string[] = []
  k.lists.forEach(handle, () => all.push(k.lists.element.text()))
  return all
}

function read(k: Keyspace, type: number, bytes: readonly number[] | Uint8Array): number {
  const buf = Uint8Array.from(bytes)
  return LIST_CODEC.read(k, type, buf, 0, buf.length, true)
}

test('what is written is read', () => {
  for (const version of [9, 11]) {
    for (const many of [3, 3000]) {
      const k = newKeyspace()
      const handle = k.lists.create()
      for (let i = 0; i < many; i++) {
        const element = ascii(i % 2 === 0 ? `element ${i}` : String(i))
        k.lists.makeRoom(handle, element.length, 1)
        k.lists.push(handle, false, element, 0, element.length)
      }
      expect(k.entries.encoding(handle)).toBe(many === 3 ? LISTPACK : QUICKLIST)
      const type = LIST_CODEC.rdbType(k, handle, version)
      expect(type).toBe(version === 9 ? format.TYPE_LIST : format.TYPE_LIST_QUICKLIST_2)
      const writer = new RdbWriter({ version })
      LIST_CODEC.write(writer, k, handle)
      const bytes = writer.sink.take()
      const before = k.heap.usedBytes
      const made = read(k, type, bytes)
      expect(made).toBeGreaterThan(0)
      expect(shown(k, made)).toEqual(shown(k, handle))
      expect(k.entries.encoding(made)).toBe(k.entries.encoding(handle))
      k.release(made)
      for (let end = 0; end < Math.min(bytes.length, 60); end++) {
        expect(read(k, type, bytes.subarray(0, end))).toBe(BAD_VALUE)
      }
      expect(k.heap.usedBytes).toBe(before)
    }
  }
})

test('lists of before Redis 7', () => {
  const k = newKeyspace()
  // "a", 1
  const ziplist = [16, 0, 0, 0, 13, 0, 0, 0, 2, 0, 0, 1, 0x61, 3, 0xf2, 255]
  expect(shown(k, read(k, format.TYPE_LIST_ZIPLIST, [16, ...ziplist]))).toEqual(['a', '1'])
  const two = [2, 16, ...ziplist, 16, ...ziplist]
  expect(shown(k, read(k, format.TYPE_LIST_QUICKLIST, two))).toEqual(['a', '1', 'a', '1'])
  const before = k.heap.usedBytes
  expect(read(k, format.TYPE_LIST_QUICKLIST, [2, 16, ...ziplist, 16, ...ziplist.with(14, 0xff)])).toBe(
    BAD_VALUE,
  )
  expect(read(k, format.TYPE_LIST, [0])).toBe(EMPTY_VALUE)
  expect(k.heap.usedBytes).toBe(before)
})

test('plain nodes, and nodes of no kind', () => {
  const k = newKeyspace()
  const made = read(k, format.TYPE_LIST_QUICKLIST_2, [2, 1, 1, 0x61, 1, 2, 0x62, 0x63])
  expect(shown(k, made)).toEqual(['a', 'bc'])
  expect(k.entries.encoding(made)).toBe(QUICKLIST)
  expect(read(k, format.TYPE_LIST_QUICKLIST_2, [1, 3, 1, 0x61])).toBe(BAD_VALUE)
})

test('the append-only file gets commands of 64 elements at most', () => {
  const k = newKeyspace()
  const handle = k.lists.create()
  const one = ascii('e')
  for (let i = 0; i < 130; i++) k.lists.push(handle, false, one, 0, 1)
  const { sink } = new RdbWriter({})
  LIST_CODEC.rewrite(sink, k, handle)
  const written = String.fromCharCode(...sink.take())
  const command = (count: number) =>
    `*${count + 2}\r\n$5\r\nRPUSH\r\n$0\r\n\r\n${'$1\r\ne\r\n'.repeat(count)}`
  expect(written).toBe(command(64) + command(64) + command(2))
})
