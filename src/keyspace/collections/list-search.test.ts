import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ascii } from '../../bytes/ascii.js'
import { Keyspace } from '../keyspace.js'
import { ListSearch } from './list-search.js'
import { lpValidate } from './listpack.js'

const element = fc.oneof(
  fc.integer({ min: -3, max: 3 }).map(String),
  fc.constantFrom('127', '128', '-5000', '70000', '-8388609', '4294967296', '-9223372036854775808'),
  fc.constantFrom('', 'a', 'b', '-', '-0', '007', '9223372036854775808', 'element:1', 'element:2'),
  fc.constantFrom(62, 63, 64, 65, 4095, 4096).map((length) => 'x'.repeat(length)),
)

test('all that equal an element are found, in both forms, among as many as are to be looked at', () => {
  fc.assert(
    fc.property(
      fc.array(element, { maxLength: 60 }),
      element,
      fc.nat(70),
      fc.nat(5),
      fc.constantFrom(1, 4, 128),
      fc.boolean(),
      (all, wanted, most, visits, fill, plain) => {
        const k = new Keyspace({ databases: 1, cluster: false, random32: () => 7 })
        k.limit = () => fill
        if (plain) k.plainBytesMin = 64
        const list = fill === 128 ? k.lists.create() : k.lists.createLarge()
        for (const one of all) {
          const bytes = ascii(one)
          k.lists.makeRoom(list, bytes.length, 1)
          k.lists.push(list, false, bytes, 0, bytes.length)
        }
        const expected = [...all.keys()].filter((i) => i < most && all[i] === wanted)
        const needle = ascii(`>${wanted}<`)
        const found: number[] = []
        k.lists.forEachEqual(list, most, needle, 1, needle.length - 1, (index) => {
          found.push(index)
          return visits === 0 || found.length < visits
        })
        expect(found).toEqual(visits === 0 ? expected : expected.slice(0, visits))
      },
    ),
    { numRuns: 1000 },
  )
})

test('so are those that a restored payload keeps in a longer form than they need', () => {
  // 5 as 16 bits, `12` as a string, `abc` with a length of twelve bits and of four bytes.
  const elements = [
    [0xf1, 5, 0, 3],
    [0x82, 0x31, 0x32, 3],
    [0xe0, 3, 0x61, 0x62, 0x63, 5],
    [0xf0, 3, 0, 0, 0, 0x61, 0x62, 0x63, 8],
  ]
  const content = elements.flat()
  const bytes = Uint8Array.from([content.length + 7, 0, 0, 0, elements.length, 0, ...content, 0xff])
  expect(lpValidate(bytes, 0, bytes.length)).toBe(4)
  const search = new ListSearch()
  const indexes = (wanted: string): number[] => {
    const found: number[] = []
    search.begin(ascii(wanted), 0, wanted.length)
    search.showIn(bytes, 6, 0, 4, (index) => {
      found.push(index)
      return true
    })
    return found
  }
  expect(indexes('5')).toEqual([0])
  expect(indexes('12')).toEqual([1])
  expect(indexes('abc')).toEqual([2, 3])
  expect(indexes('abd')).toEqual([])
})
