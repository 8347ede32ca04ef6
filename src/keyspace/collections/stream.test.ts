import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Keyspace } from '../keyspace.js'
import type { Stream } from './stream.js'
import { StreamId } from './stream-id.js'
import { StreamPieces } from './stream-pieces.js'
import type { StreamWalk } from './stream-walk.js'

const RUNS = Number(process.env['SHOAL_PROPERTY_RUNS'] ?? 25)

interface Entry {
  readonly id: bigint
  readonly pairs: readonly string[]
}

function keyspaceOf(entries: number, bytes: number): Keyspace {
  const keyspace = new Keyspace({ databases: 1, cluster: false, random32: () => 4 })
  keyspace.limit = (name) => (name === 'stream-node-max-entries' ? entries : bytes)
  return keyspace
}

const idOf = (id: bigint): StreamId =>
  new StreamId().words(
    Number(id >> 96n),
    Number((id >> 64n) & 0xffffffffn),
    Number((id >> 32n) & 0xffffffffn),
    Number(id & 0xffffffffn),
  )
const numberOf = (id: StreamId): bigint => (id.ms << 64n) | id.seq

function append(stream: Stream, entry: Entry): void {
  const buf = Buffer.from(entry.pairs.join(''), 'latin1')
  const ranges = new Int32Array(entry.pairs.length * 2)
  let at = 0
  for (const [i, part] of entry.pairs.entries()) {
    ranges[i * 2] = at
    at += part.length
    ranges[i * 2 + 1] = at
  }
  stream.append(idOf(entry.id), buf, ranges, 0, entry.pairs.length / 2, buf.length)
}

function shown(walk: StreamWalk): Entry {
  const pairs: string[] = []
  for (let i = 0; i < walk.fields; i++) {
    walk.nextField()
    pairs.push(walk.field.text(), walk.value.text())
  }
  return { id: numberOf(walk.id), pairs }
}

function range(stream: Stream, walk: StreamWalk, from: bigint, to: bigint, backwards: boolean): Entry[] {
  const found: Entry[] = []
  walk.start(stream, idOf(from), idOf(to), backwards)
  while (walk.next()) found.push(shown(walk))
  return found
}

const text = fc.oneof(
  fc.constantFrom('f', 'g', '', '1', '-5', '127', '128', '4096', '-9223372036854775808', 'x'.repeat(64)),
  fc.string({ unit: fc.nat(255).map((code) => String.fromCharCode(code)), maxLength: 80 }),
  fc.constant('y'.repeat(5000)),
)
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      ahead: fc.oneof(
        fc.bigInt({ min: 1n, max: 5n }),
        fc.bigInt({ min: 1n, max: 1n << 70n }),
        fc.bigInt({ min: 1n, max: 1n << 120n }),
      ),
      pairs: fc.oneof(
        text.map((value) => ['f', value]),
        fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 4 }).map((all) => all.flat()),
      ),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('delete' as const), index: fc.nat(60) }) },
  fc.record({
    kind: fc.constant('length' as const),
    index: fc.nat(40),
    approximate: fc.boolean(),
    limit: fc.nat(9),
  }),
  fc.record({
    kind: fc.constant('id' as const),
    index: fc.nat(40),
    approximate: fc.boolean(),
    limit: fc.constant(0),
  }),
  fc.record({
    kind: fc.constant('range' as const),
    index: fc.nat(40),
    many: fc.nat(40),
    backwards: fc.boolean(),
  }),
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

function carryOut(stream: Stream, walk: StreamWalk, model: Entry[], at: Step): void {
  if (at.kind === 'add') {
    const entry = { id: numberOf(stream.last) + at.ahead, pairs: at.pairs }
    if (entry.id >= 1n << 128n) return
    append(stream, entry)
    model.push(entry)
  } else if (at.kind === 'delete') {
    const entry = model[at.index]
    const id = entry?.id ?? numberOf(stream.last) + 1n
    expect(stream.delete(idOf(id))).toBe(entry !== undefined)
    if (entry !== undefined) model.splice(at.index, 1)
    stream.settleFirst()
  } else if (at.kind === 'range') {
    const from = model[at.index]?.id ?? 0n
    const to = model[at.index + at.many]?.id ?? (1n << 128n) - 1n
    const wanted = model.filter(({ id }) => id >= from && id <= to)
    expect(range(stream, walk, from, to, at.backwards)).toEqual(at.backwards ? wanted.reverse() : wanted)
  } else {
    const byLength = at.kind === 'length'
    const minId = idOf(model[at.index]?.id ?? 0n)
    const removed = stream.trim({ ...at, length: byLength ? at.index : Number.NaN, minId })
    const most = byLength
      ? Math.max(model.length - at.index, 0)
      : model[at.index] === undefined
        ? 0
        : at.index
    if (!at.approximate && at.limit === 0) expect(removed).toBe(most)
    expect(removed).toBeLessThanOrEqual(at.limit === 0 ? most : Math.min(most, at.limit))
    model.splice(0, removed)
  }
}

test('a stream is a list of entries by ID, and gives all its blocks back', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 120, size: 'max' }),
      fc.constantFrom([100, 4096], [3, 4096], [0, 200], [0, 0]),
      (steps, limits) => {
        const keyspace = keyspaceOf(limits[0]!, limits[1]!)
        const before = keyspace.heap.usedBytes
        const bare = keyspace.streams.create()
        const stream = keyspace.streams.of(bare)
        const { walk } = keyspace.streams
        const model: Entry[] = []
        for (const at of steps) {
          carryOut(stream, walk, model, at)
          expect(stream.length).toBe(model.length)
          expect(numberOf(stream.first)).toBe(model[0]?.id ?? 0n)
        }
        expect(range(stream, walk, 0n, (1n << 128n) - 1n, false)).toEqual(model)
        for (const { id } of model) expect(stream.has(idOf(id))).toBe(true)
        expect(keyspace.heap.usedBytes).toBeGreaterThanOrEqual(before + stream.heapBytes(0))
        keyspace.release(bare)
        expect(keyspace.heap.usedBytes).toBe(before)
        expect(keyspace.large.bytes).toBe(0)
        expect(keyspace.streams.all.size).toBe(0)
      },
    ),
    { numRuns: RUNS },
  )
})

test('the digits of IDs, differences and neighbours', () => {
  const word = fc.oneof(
    fc.constantFrom(0n, 1n, 2n ** 32n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n),
    fc.bigInt(0n, 2n ** 64n - 1n),
  )
  fc.assert(
    fc.property(word, word, word, word, (ms, seq, baseMs, baseSeq) => {
      const id = idOf((ms << 64n) | seq)
      const base = idOf((baseMs << 64n) | baseSeq)
      expect(id.text()).toBe(`${ms}-${seq}`)
      expect(Math.sign(id.compare(base))).toBe(
        Number(numberOf(id) > numberOf(base)) - Number(numberOf(id) < numberOf(base)),
      )
      const sum = new StreamId()
      sum.setFrom(base, id.msFrom(base), id.seqFrom(base))
      expect(sum.text()).toBe(id.text())
      const raw = new Uint8Array(16)
      id.writeBytes(raw, 0)
      expect(new StreamId().read(raw, 0).text()).toBe(id.text())
      const next = new StreamId().set(id)
      if (next.increment()) {
        expect(numberOf(next)).toBe(numberOf(id) + 1n)
        expect(next.decrement() && next.equals(id)).toBe(true)
      } else expect(id.isMax && next.isZero && !next.decrement() && next.isMax).toBe(true)
    }),
  )
})

test('a million pending entries make no objects: blocks of the heap, and all of them come back', () => {
  const keyspace = keyspaceOf(100, 4096)
  const before = keyspace.heap.usedBytes
  const bare = keyspace.streams.create()
  const stream = keyspace.streams.of(bare)
  const name = Buffer.from('name')
  const group = stream.createGroup(name, 0, 4, new StreamId(), 0)!
  const consumer = group.createConsumer(name, 0, 4, 5)!
  const other = group.createConsumer(name, 0, 3, 6)!
  const many = 100_000
  const id = new StreamId()
  for (let i = 1; i <= many; i++) {
    group.addPending(id.words(0, i, 0, 0), i)
    group.assign(id, i % 4 === 0 ? other : consumer)
  }
  // Nine words in the group's tree, four in the consumer's.
  expect(keyspace.heap.usedBytes - before).toBeLessThan(many * 52 * 1.1)
  expect(keyspace.large.bytes).toBe(stream.bytes)
  for (let i = 1; i <= many; i += 3) expect(group.acknowledge(id.words(0, i, 0, 0))).toBe(true)
  expect(group.pending.size).toBe(consumer.pending.size + other.pending.size)
  group.deleteConsumer(other)
  expect(group.pending.size).toBe(consumer.pending.size)
  group.pending.find(id.words(0, 2, 0, 0))
  expect([group.deliveredAt_ms, group.deliveries, group.owner]).toEqual([2, 1, consumer])
  // A group that is destroyed is freed bit by bit, and so is a stream.
  keyspace.graveyard.wake = () => {}
  const second = stream.createGroup(name, 0, 2, new StreamId(), 0)!
  for (let i = 1; i <= 20_000; i++) second.addPending(id.words(0, i, 0, 0), i)
  stream.destroyGroup(second)
  expect(stream.bytes).toBe(keyspace.large.bytes - second.bytes)
  let digs = 1
  for (; keyspace.graveyard.dig(50); digs++);
  expect(digs).toBeGreaterThan(6)
  expect(keyspace.large.bytes).toBe(stream.bytes)
  for (let i = 1; i <= 1000; i++) append(stream, { id: BigInt(i) << 64n, pairs: ['f', 'x'.repeat(1000)] })
  keyspace.release(bare)
  for (digs = 1; keyspace.graveyard.dig(50); digs++);
  expect(digs).toBeGreaterThan(30)
  expect(keyspace.heap.usedBytes).toBe(before)
  expect(keyspace.large.bytes).toBe(0)
})

test('a stream is gone through as it was, whatever is added, trimmed and marked meanwhile', () => {
  const change = fc.oneof(
    fc.record({ kind: fc.constant('go' as const), index: fc.nat(3) }),
    fc.record({ kind: fc.constant('add' as const), index: fc.nat(9) }),
    fc.record({ kind: fc.constant('delete' as const), index: fc.nat(70) }),
    fc.record({ kind: fc.constant('trim' as const), index: fc.nat(70) }),
  )
  fc.assert(
    fc.property(
      fc.nat(60),
      fc.array(change, { maxLength: 40, size: 'max' }),
      fc.boolean(),
      (many, changes, orphaned) => {
        const keyspace = keyspaceOf(3, 4096)
        const before = keyspace.heap.usedBytes
        const bare = keyspace.streams.create()
        const stream = keyspace.streams.of(bare)
        const { walk: entries } = keyspace.streams
        let next = 1n
        const add = () => append(stream, { id: next++ << 64n, pairs: ['f', String(next)] })
        for (let i = 0; i < many; i++) add()
        const wanted = range(stream, entries, 0n, (1n << 128n) - 1n, false)
        const found: Entry[] = []
        const walk: StreamPieces = new StreamPieces(stream, keyspace.listpacks, (block) => {
          keyspace.streams.probe.startListpack(walk.id, block)
          while (keyspace.streams.probe.next()) found.push(shown(keyspace.streams.probe))
        })
        for (const { kind, index } of changes) {
          if (kind === 'go') walk.step(index)
          else if (kind === 'add') for (let i = 0; i < index; i++) add()
          else if (kind === 'delete') stream.delete(idOf(BigInt(index) << 64n))
          else stream.trim({ length: index, minId: new StreamId(), approximate: index % 2 === 0, limit: 0 })
        }
        if (orphaned) keyspace.release(bare)
        while (walk.step(2));
        expect(found).toEqual(wanted)
        walk.end()
        if (!orphaned) keyspace.release(bare)
        expect(keyspace.heap.usedBytes).toBe(before)
      },
    ),
    { numRuns: RUNS * 4 },
  )
})
