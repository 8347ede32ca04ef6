/** A queue of times against a sorted list of them. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteHeap } from '../../bytes/heap.js'
import { TimeQueue } from './time-queue.js'

const BLOCK_BYTES = 20

test('what is first is first, whatever comes, goes, moves and changes its time', () => {
  const step = fc.record({
    what: fc.constantFrom('add', 'add', 'remove', 'update', 'move', 'pop'),
    which: fc.nat(),
    time: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 2 ** 47 })),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
      const heap = new ByteHeap()
      const before = heap.usedBytes
      const queue = new TimeQueue(heap)
      const model: { handle: number; time: number }[] = []
      const add = (time: number) => {
        const handle = heap.alloc(BLOCK_BYTES)
        queue.setTime(handle, time)
        queue.add(handle)
        model.push({ handle, time })
      }
      const drop = (index: number) => {
        const [gone] = model.splice(index, 1)
        queue.remove(gone!.handle)
        expect(queue.placeOf(gone!.handle)).toBe(0)
        heap.free(gone!.handle)
      }
      for (const { what, which, time } of steps) {
        const index = model.length === 0 ? -1 : which % model.length
        if (what === 'add' || index < 0) add(time)
        else if (what === 'remove') drop(index)
        else if (what === 'update') {
          model[index]!.time = time
          queue.setTime(model[index]!.handle, time)
          queue.update(model[index]!.handle)
        } else if (what === 'move') {
          const from = model[index]!.handle
          const to = heap.alloc(BLOCK_BYTES)
          heap.u8[to >>> 16]!.copyWithin(
            (to & 0xffff) << 4,
            (from & 0xffff) << 4,
            ((from & 0xffff) << 4) + 24,
          )
          queue.moved(to)
          heap.free(from)
          model[index]!.handle = to
        } else drop(model.findIndex(({ handle }) => handle === queue.first()))
        const times = model.map((one) => one.time)
        expect(queue.size).toBe(model.length)
        if (model.length === 0) expect(queue.first()).toBe(0)
        else expect(queue.timeOf(queue.first())).toBe(Math.min(...times))
        expect(queue.countBefore(time)).toBe(times.filter((one) => one < time).length)
      }
      while (model.length > 0) drop(0)
      expect(heap.usedBytes).toBe(before)
    }),
    { numRuns: 150 },
  )
})
