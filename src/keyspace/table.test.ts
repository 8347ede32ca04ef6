/** The table against a Map, above all `findAgain`: what was found stays found only while it stands where it stood. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ascii, uncappedText as text } from '../bytes/ascii.js'
import { Table } from './table.js'

/** Entries with keys whose hashes collide often; handles are given out again at once, as the heap does it. */
class Entries {
  readonly keys = new Map<number, string>()
  private readonly free: number[] = []
  private last = 0

  make(key: string): number {
    const handle = this.free.pop() ?? ++this.last
    this.keys.set(handle, key)
    return handle
  }

  drop(handle: number): void {
    this.keys.delete(handle)
    this.free.push(handle)
  }

  hash(key: string): number {
    return Math.imul(Number(key) % 40, 0x9e3779b1)
  }

  hashOf(handle: number): number {
    return this.hash(this.keys.get(handle)!)
  }

  keyIs(handle: number, buf: Uint8Array, start: number, end: number): boolean {
    return this.keys.get(handle) === text(buf, start, end)
  }

  touch(handle: number): number {
    return handle
  }
}

const step = fc.tuple(
  fc.constantFrom('add', 'add', 'find', 'find', 'remove', 'replace', 'random', 'take', 'handle', 'clear'),
  fc.nat(150),
)

test('an entry is found again while it stands where it was found, and only then', () => {
  let again = 0
  fc.assert(
    fc.property(fc.array(step, { maxLength: 600, size: 'max' }), fc.integer(), (steps, seed) => {
      const entries = new Entries()
      const table = new Table(entries)
      const model = new Map<string, number>()
      let state = seed
      const random32 = () => {
        state = (Math.imul(state, 1103515245) + 12345) | 0
        return state ^ (state >>> 15)
      }
      /** As Database.peek does it. */
      const find = (key: string): number => {
        const buf = ascii(key)
        const first = table.findAgain(buf, 0, buf.length)
        if (first !== 0) again++
        const found = first !== 0 ? first : table.find(buf, 0, buf.length, entries.hash(key))
        expect(found).toBe(model.get(key) ?? 0)
        if (found !== 0) expect(table.hashFound).toBe(entries.hash(key))
        return found
      }
      const remove = (handle: number): void => {
        table.removeFound()
        model.delete(entries.keys.get(handle)!)
        entries.drop(handle)
      }
      for (const [what, number] of steps) {
        const key = String(number)
        if (what === 'clear' && number < 140) continue
        if (what === 'clear') {
          table.clear()
          for (const handle of model.values()) entries.drop(handle)
          model.clear()
        } else if (what === 'random' || what === 'take') {
          const handle = table.random(random32)
          if (handle !== 0 && what === 'take') remove(handle)
        } else {
          const handle = find(key)
          if (what === 'find') find(key)
          else if (what === 'add' && handle === 0) {
            model.set(key, entries.make(key))
            table.insert(model.get(key)!, entries.hash(key))
          } else if (what === 'remove' && handle !== 0) remove(handle)
          else if (what === 'replace' && handle !== 0) {
            const made = entries.make(key)
            table.replaceFound(made)
            entries.drop(handle)
            model.set(key, made)
          } else if (what === 'handle' && handle !== 0) table.findHandle(handle, entries.hash(key))
        }
        expect(table.size).toBe(model.size)
      }
      for (const key of model.keys()) find(key)
    }),
    { numRuns: 200 },
  )
  expect(again).toBeGreaterThan(100)
})
