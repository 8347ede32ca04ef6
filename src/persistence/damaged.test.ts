/** Damaged RDB files, whose checksum nobody looks at: a reason or the keys that are left, never an exception or a loop without end. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Keyspace } from '../keyspace/keyspace.js'
import { KeyspaceLoader } from './load.js'
import { RdbReader } from './rdb/reader.js'

const ROUNDS = Number(process.env['SHOAL_DAMAGE_ROUNDS'] ?? 150)
const FILES = ['redis-7.0.15-all-types.rdb', 'redis-7.0.15-lru.rdb']
const PIECE_BYTES = 777

test.each(FILES)('damaged: %s', (name) => {
  const file = readFileSync(join(import.meta.dirname, 'fixtures', name))
  let seed = 77
  const below = (count: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return Math.floor((seed / 2 ** 32) * count)
  }
  let failed = 0
  for (let round = 0; round < ROUNDS; round++) {
    const data = Buffer.from(file)
    for (let times = 1 + below(5); times > 0; times--)
      data[9 + below(data.length - 9)] = below(3) === 0 ? 0xff : below(256)
    const whole = below(4) === 0 ? data.subarray(0, below(data.length)) : data
    const keyspace = new Keyspace({ databases: 16, cluster: false, random32: () => below(2 ** 32) | 0 })
    const loader = new KeyspaceLoader({
      keyspace,
      dropExpiredBefore_ms: Number.NEGATIVE_INFINITY,
      size_bytes: whole.length,
      now_ms: 1_700_000_000_000,
      log: () => undefined,
    })
    const reader = new RdbReader(loader, { checksum: false })
    for (let at = 0; at < whole.length; at += PIECE_BYTES)
      reader.feed(whole, at, Math.min(whole.length, at + PIECE_BYTES))
    if (reader.end() !== undefined) failed++
    for (const db of keyspace.databases) db.flush(false)
    expect([round, keyspace.heap.usedBytes]).toEqual([round, 0])
  }
  expect(failed).toBeGreaterThan(0)
})
