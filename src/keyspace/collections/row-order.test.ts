/** The order of rows is that of their scores, and of equal ones that of their bytes, however they come. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { byteOf, chunkOf } from '../../bytes/heap.js'
import { Keyspace } from '../keyspace.js'
import { RowOrder } from './row-order.js'
import { Rows } from './rows.js'

const row = fc.tuple(fc.nat(9), fc.uint8Array({ maxLength: 3 }))
const piece = fc.array(row, { maxLength: 60 }).chain((rows) =>
  fc.constantFrom<typeof rows>(
    rows,
    [...rows].sort((a, b) => a[0] - b[0] || Buffer.compare(a[1], b[1])),
    [...rows].sort((a, b) => b[0] - a[0] || Buffer.compare(b[1], a[1])),
  ),
)

test('rows come in order, whatever runs of them are in order already', () => {
  const { heap, entries } = new Keyspace({ databases: 1, cluster: false, random32: () => 7 })
  const rows = new Rows(entries)
  const order = new RowOrder(rows)
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const all = pieces.flat()
      const blocks = all.map(([, member]) => {
        const block = heap.alloc(member.length)
        heap.u8[chunkOf(block)]!.set(member, byteOf(block))
        return block
      })
      rows.begin()
      for (const [i, [score, member]] of all.entries()) {
        const start = byteOf(blocks[i]!)
        rows.add(chunkOf(blocks[i]!), start, start + member.length)
        rows.scores[i] = score
      }
      order.sort()
      const found = Array.from(order.order.subarray(0, all.length))
      expect([...found].sort((a, b) => a - b)).toEqual(all.map((_, i) => i))
      const expected = all.map((_, i) => i)
      expected.sort((a, b) => all[a]![0] - all[b]![0] || Buffer.compare(all[a]![1], all[b]![1]))
      expect(found.map((i) => all[i])).toEqual(expected.map((i) => all[i]))
      for (const block of blocks) heap.free(block)
    }),
  )
})
