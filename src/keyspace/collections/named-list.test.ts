import fc from 'fast-check'
import { expect, test } from 'vitest'
import { latin1 } from '../../../tests/support/runner.js'
import { ascii } from '../../bytes/ascii.js'
import { NamedList } from './named-list.js'

class Counted {
  readonly bytes: Uint8Array
  /** How often the name was asked for. */
  static looks = 0

  constructor(name: string) {
    this.bytes = ascii(name)
  }

  get name(): Uint8Array {
    Counted.looks++
    return this.bytes
  }
}

const named = (name: string) => new Counted(name)
const names = (list: NamedList<Counted>) => [...list].map(({ bytes }) => latin1(bytes))
const find = (list: NamedList<Counted>, name: string) => list.find(ascii(name), 0, name.length)

test('behaves as a sorted array', () => {
  const operation = fc.tuple(fc.constantFrom('add', 'add', 'delete', 'pop'), fc.nat(2000))
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 2000, size: 'max' }), (operations) => {
      const list = new NamedList<Counted>()
      const model = new Set<string>()
      for (const [what, number] of operations) {
        const name = String(number)
        const known = find(list, name)
        expect(known !== undefined).toBe(model.has(name))
        if (what === 'pop') {
          if (list.last !== undefined) model.delete(latin1(list.last.bytes))
          list.pop()
        } else if (what === 'add' && known === undefined) {
          list.add(named(name))
          model.add(name)
        } else if (what === 'delete' && known !== undefined) {
          list.delete(known)
          model.delete(name)
        }
        expect(list.length).toBe(model.size)
      }
      expect(names(list)).toEqual([...model].sort())
    }),
    { numRuns: 30 },
  )
})

test('names are compared as bytes', () => {
  const list = new NamedList<Counted>()
  for (const name of ['b', '', 'a\0', 'a', 'B']) list.add(named(name))
  expect(names(list)).toEqual(['', 'B', 'a', 'a\0', 'b'])
})

test('eight times as many items cost a few comparisons more', () => {
  const looksFor = (count: number) => {
    const list = new NamedList<Counted>()
    Counted.looks = 0
    for (let i = 0; i < count; i++) list.add(named(`consumer:${(i * 7919) % count}`))
    return Counted.looks / count
  }
  expect(looksFor(16_000) - looksFor(2000)).toBeLessThan(6)
})
