import { expect, test } from 'vitest'
import { NO_EXPIRY } from '../keyspace/entries.js'
import { createConfig } from './config/config.js'
import { Defrag } from './defrag.js'
import { ServerNode } from './node.js'

const MB = 1024 * 1024
const turn = () => new Promise((resolve) => setImmediate(resolve))

/** A node in which nine keys of ten were deleted, and whose clock moves by 50 µs with every look. */
function sparseNode() {
  let now_us = 1_700_000_000_000_000
  const clock = { now_ms: () => Math.floor(now_us / 1000), monotonic_us: () => (now_us += 50) }
  const config = createConfig('/')
  let state = 1
  const random32 = () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) | 0
    return state ^ (state >>> 13)
  }
  const node = new ServerNode({ config, clock, random32, log: () => {} })
  const db = node.keyspace.databases[0]!
  const value = new Uint8Array(200).fill(0x76)
  const key = (i: number) => Buffer.from(`key:${i}`)
  for (let i = 0; i < 50_000; i++) db.setString(key(i), 0, key(i).length, value, 0, value.length, NO_EXPIRY)
  for (let i = 0; i < 50_000; i++) if (i % 10 !== 0) db.delete(key(i), 0, key(i).length)
  const { heap } = node.keyspace
  const intact = () =>
    Array.from({ length: 5000 }, (_, i) => db.find(key(i * 10), 0, key(i * 10).length)).every(
      (handle) => handle !== 0 && db.entries.valueLength(handle) === 200,
    )
  return { defrag: new Defrag(node), config, heap, intact }
}

test('MEMORY PURGE empties sparse chunks, in slices', async () => {
  const { defrag, heap, intact } = sparseNode()
  const before = heap.reservedBytes
  expect(before).toBeGreaterThan(heap.usedBytes * 5)
  defrag.purge()
  let slices = 0
  for (let now_ms = 100; defrag.percent > 0; now_ms += 100) {
    for (let i = 0; i < 50 && defrag.percent > 0; i++, slices++) await turn()
    defrag.cron(now_ms)
  }
  expect(slices).toBeGreaterThan(5)
  expect(heap.reservedBytes).toBeLessThan(heap.usedBytes * 1.5 + 2 * MB)
  expect(defrag.compaction.hits).toBeGreaterThan(4000)
  expect(intact()).toBe(true)
  // Once, and not again.
  defrag.cron(1_000_000)
  expect(defrag.percent).toBe(0)
})

test('activedefrag begins where there is enough to gain, with the share that its cycle allows, and ends when it is switched off', () => {
  const { defrag, config, heap, intact } = sparseNode()
  const { values } = config
  defrag.cron(100)
  expect(defrag.percent).toBe(0)
  values.activedefrag = true
  defrag.cron(200)
  expect(defrag.percent).toBe(0)
  values['active-defrag-ignore-bytes'] = MB
  values['active-defrag-threshold-upper'] = 1000
  values['active-defrag-cycle-min'] = 2
  values['active-defrag-cycle-max'] = 50
  defrag.cron(300)
  const fragmentation = ((heap.reservedBytes - heap.usedBytes) * 100) / heap.usedBytes
  expect(defrag.percent).toBe(Math.round(2 + (48 * (fragmentation - 10)) / 990))
  values.activedefrag = false
  defrag.cron(400)
  expect([defrag.percent, defrag.compaction.running]).toEqual([0, false])
  defrag.stop()
  expect(intact()).toBe(true)
})
