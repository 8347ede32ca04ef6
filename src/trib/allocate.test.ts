import fc from 'fast-check'
import { expect, test } from 'vitest'
import { affinityScore, allocate, mastersOf, splitSlots } from './allocate.js'
import { countSlots, parseNodes, rangesOf, signatureOf, slotsOf } from './nodes.js'

const six = ['198', '198', '198', '199', '199', '199']

test('two machines with three nodes each, in redis-trib’s order and in redis-cli’s', () => {
  const trib = allocate(six, 1, 'trib')
  expect(trib.masters).toEqual([3, 0, 4])
  expect(trib.slots).toEqual([
    { first: 0, last: 5460 },
    { first: 5461, last: 10922 },
    { first: 10923, last: 16383 },
  ])
  expect(trib.assignments).toEqual([
    { replica: 1, master: 3 },
    { replica: 5, master: 0 },
    { replica: 2, master: 4 },
  ])
  expect(allocate(six, 1, 'cli').firstPass).toEqual([
    { replica: 5, master: 0 },
    { replica: 2, master: 3 },
    { replica: 4, master: 1 },
  ])
})

test('one machine: all are used, and no other arrangement is better', () => {
  const plan = allocate(
    Array.from({ length: 8 }, () => 'a'),
    1,
    'cli',
  )
  expect(plan.masters).toEqual([0, 1, 2, 3])
  expect(plan.score).toBe(40_000)
  const extra = allocate(
    Array.from({ length: 8 }, () => 'a'),
    1,
    'trib',
  )
  expect(extra.assignments.length).toBe(4)
  expect(allocate(['a', 'b', 'c', 'd', 'e', 'f', 'g'], 1, 'cli').requested).toBe(3)
  expect(allocate(['a', 'b', 'c', 'd', 'e', 'f', 'g'], 1, 'cli').assignments.length).toBe(4)
})

test('a first pass that ends beside a master is put right', () => {
  // The greedy pass leaves d1 to d: only a swap parts them.
  const machines = ['a', 'b', 'd', 'a', 'b', 'd']
  const plan = allocate(machines, 1, 'trib')
  expect(plan.scoreBefore).toBeGreaterThanOrEqual(10_000)
  expect(plan.score).toBe(0)
})

test('every node has one part, and no replica is beside its master where that can be avoided', () => {
  const cluster = fc
    .tuple(
      fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 3, maxLength: 9 }),
      fc.integer({ min: 0, max: 3 }),
    )
    .filter(([machines, replicas]) => mastersOf(machines.length, replicas) >= 3)
  fc.assert(
    fc.property(cluster, fc.constantFrom('trib' as const, 'cli' as const), ([machines, replicas], style) => {
      const plan = allocate(machines, replicas, style)
      const all = [...plan.masters, ...plan.assignments.map((a) => a.replica)].sort((a, b) => a - b)
      expect(all).toEqual(machines.map((_, i) => i))
      expect(plan.slots.reduce((sum, s) => sum + s.last - s.first + 1, 0)).toBe(16384)
      const perMaster = plan.masters.map((m) => plan.assignments.filter((a) => a.master === m).length)
      for (const count of perMaster) expect(count).toBeGreaterThanOrEqual(replicas)
      // By brute force: the fewest replicas beside their masters that any order of the same replicas gives.
      const places = plan.assignments.map((a) => a.master)
      const replicasLeft = plan.assignments.map((a) => a.replica)
      const fewest = (place: number, left: number[]): number => {
        if (place === places.length) return 0
        let best = Number.POSITIVE_INFINITY
        left.forEach((replica, i) => {
          const beside = machines[replica] === machines[places[place]!] ? 1 : 0
          best = Math.min(best, beside + fewest(place + 1, left.toSpliced(i, 1)))
        })
        return best
      }
      expect(Math.floor(plan.score / 10_000)).toBe(fewest(0, replicasLeft))
      expect(affinityScore(machines, plan.assignments)).toBe(plan.score)
    }),
  )
})

test('slots are shared out without a gap, for any number of masters', () => {
  for (const masters of [1, 2, 3, 4, 5, 6, 7, 11, 100, 999, 1000, 16384]) {
    for (const style of ['trib', 'cli'] as const) {
      const ranges = splitSlots(masters, style)
      expect(ranges[0]!.first).toBe(0)
      expect(ranges.at(-1)!.last).toBe(16383)
      for (let i = 1; i < ranges.length; i++) expect(ranges[i]!.first).toBe(ranges[i - 1]!.last + 1)
    }
  }
})

test('CLUSTER NODES is read whole', () => {
  const text =
    '07c37dfeb235213a872192d90877d0cd55635b91 127.0.0.1:30004@31004,host slave e7d1 0 1426238317239 4 connected\n' +
    'e7d1 ::1:30001@31001 myself,master - 0 0 1 connected 0-5460 7000 [77->-67ed] [93-<-292f]\n' +
    'dead :0@0 master,noaddr - 0 0 3 disconnected\n'
  const nodes = parseNodes(text)!
  expect(nodes[0]).toMatchObject({
    host: '127.0.0.1',
    port: 30004,
    busPort: 31004,
    replicates: 'e7d1',
    linked: true,
  })
  expect(nodes[1]).toMatchObject({
    host: '::1',
    flags: ['myself', 'master'],
    slots: [
      { first: 0, last: 5460 },
      { first: 7000, last: 7000 },
    ],
    migrating: [{ slot: 77, node: '67ed' }],
    importing: [{ slot: 93, node: '292f' }],
    replicates: undefined,
  })
  expect(nodes[2]).toMatchObject({ host: '', port: 0, linked: false })
  expect(countSlots(nodes[1]!.slots)).toBe(5462)
  expect(signatureOf(nodes)).toBe('e7d1:0-5460,7000-7000')
  expect(rangesOf([9, 1, 2, 3, 8])).toEqual([
    { first: 1, last: 3 },
    { first: 8, last: 9 },
  ])
  expect(slotsOf([{ first: 3, last: 5 }])).toEqual([3, 4, 5])
})

test('any text is nodes or undefined', () => {
  const word = fc.constantFrom(
    'a',
    '1.2.3.4:7',
    '0-99999',
    '[1->-x]',
    'myself,master',
    '-',
    '0',
    'connected',
    '\n',
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(word).map((w) => w.join(' ')),
      ),
      (text) => void parseNodes(text),
    ),
  )
})
