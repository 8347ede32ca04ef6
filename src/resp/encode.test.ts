import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ascii } from '../bytes/ascii.js'
import { CommandWriter, encodeCommand } from './encode.js'

const part = fc.oneof(
  { weight: 9, arbitrary: fc.uint8Array({ maxLength: 60 }) },
  // A writer that has grown as large as this begins anew.
  { weight: 1, arbitrary: fc.nat(100_000).map((length) => new Uint8Array(length).fill(length)) },
)
const argument = fc.oneof(
  part,
  fc.maxSafeInteger(),
  fc.constantFrom(0, -1, Number.MAX_SAFE_INTEGER, -(2 ** 63), 2 ** 62),
)

test('a writer writes one command after the other, each as if it were the first', () => {
  const writer = new CommandWriter()
  fc.assert(
    fc.property(fc.array(argument, { maxLength: 12 }), fc.nat(9), (given, before) => {
      writer.begin(given.length)
      for (const one of given) {
        if (typeof one === 'number') writer.integer(one)
        else {
          const around = new Uint8Array(before + one.length + 3)
          around.set(one, before)
          writer.part(around, before, before + one.length)
        }
      }
      const expected = encodeCommand(
        given.map((one) => (typeof one === 'number' ? ascii(`${BigInt(one)}`) : one)),
      )
      expect(Buffer.compare(writer.buf.subarray(0, writer.length), expected)).toBe(0)
    }),
  )
})
