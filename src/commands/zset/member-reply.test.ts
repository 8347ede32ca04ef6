/** What is written by words is what is written byte by byte. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Keyspace } from '../../keyspace/keyspace.js'
import { Reply } from '../../resp/reply.js'
import { replyMembers, replyScore, replyScored } from './member-reply.js'

function written(reply: Reply): string {
  return Buffer.from(reply.buf.subarray(0, reply.pos)).toString('latin1')
}

function newKeyspace(): Keyspace {
  const k = new Keyspace({ databases: 1, cluster: false, random32: () => 7 })
  k.limit = () => 0
  return k
}

test('members of all lengths are written as bulk strings, whatever room there is', () => {
  const k = newKeyspace()
  const handle = k.zsets.create(1)
  const ranking = k.zsets.ranking(handle)
  const members: Uint8Array[] = []
  for (let length = 0; length < 140; length++) {
    const member = Uint8Array.from({ length }, (_, i) => (length * 31 + i * 7) & 0xff)
    members.push(member)
    ranking.set(member, 0, length, length - 20.5)
  }
  const into = new Uint32Array(64)
  const lengths = new Int32Array(64)
  for (const protocol of [2, 3]) {
    for (const room of [16, 100, 1000, 1 << 16]) {
      const plain = new Reply(room)
      const scored = new Reply(room)
      const expected = new Reply()
      const expectedScored = new Reply()
      for (const reply of [plain, scored, expected, expectedScored]) reply.protocol = protocol
      ranking.seek(0)
      for (let many = ranking.takeMany(into, 64, false); many > 0; many = ranking.takeMany(into, 64, false)) {
        replyMembers(ranking, into, lengths, many, plain)
        replyScored(ranking, into, lengths, many, protocol === 3, scored)
      }
      for (const [length, member] of members.entries()) {
        expected.bulk(member)
        if (protocol === 3) expectedScored.array(2)
        expectedScored.bulk(member)
        expectedScored.double(length - 20.5)
      }
      expect(written(plain)).toBe(written(expected))
      expect(written(scored)).toBe(written(expectedScored))
    }
  }
})

test('scores are written as doubles are', () => {
  const score = fc.oneof(
    fc.integer(),
    fc.integer({ min: -12, max: 12 }),
    fc.constantFrom(
      0,
      -0,
      999_999_999,
      1e9,
      -99_999_999,
      -1e8,
      -999_999_999,
      2 ** 31,
      0.5,
      Infinity,
      -Infinity,
    ),
    fc.double({ noNaN: true }),
  )
  fc.assert(
    fc.property(fc.array(score), fc.constantFrom(2, 3), (scores, protocol) => {
      const reply = new Reply(64)
      const expected = new Reply()
      reply.protocol = protocol
      expected.protocol = protocol
      for (const one of scores) {
        replyScore(one, reply)
        expected.double(one)
      }
      expect(written(reply)).toBe(written(expected))
    }),
  )
})
