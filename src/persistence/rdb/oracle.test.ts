/** RDB data exchanged with the machine's own redis-server, in both directions. */

import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { missing, onPath, type RedisProcess, startRedis } from '../../../tests/oracle.js'
import { DumpWriter, readDump } from './dump.js'
import { TYPE_STRING } from './format.js'
import { RdbReader } from './reader.js'
import { RdbWriter } from './writer.js'

/** Values of many kinds and sizes, the same each time. */
function values(): Map<string, Buffer> {
  const all = new Map<string, Buffer>()
  const numbers = [
    '0',
    '-1',
    '127',
    '128',
    '-128',
    '-129',
    '32767',
    '32768',
    '2147483647',
    '2147483648',
    '-2147483648',
  ]
  for (const text of [...numbers, '007', '+5', '-0', '', 'x', '9007199254740993'])
    all.set(`n:${text}`, Buffer.from(text))
  let seed = 1
  for (const size of [20, 21, 63, 64, 1000, 16383, 16384, 70_000, 300_000]) {
    all.set(`same:${size}`, Buffer.alloc(size, 'ab'))
    const noise = Buffer.alloc(size)
    for (let i = 0; i < size; i++) {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
      noise[i] = seed >>> 24
    }
    all.set(`noise:${size}`, noise)
    all.set(
      `half:${size}`,
      Buffer.concat([noise.subarray(0, size / 2), Buffer.alloc(size / 2, 'words and words ')]),
    )
  }
  return all
}

describe.skipIf(missing('redis-server', 'redis-check-rdb'))('with redis-server', () => {
  let redis: RedisProcess
  let client: Redis

  beforeAll(async () => {
    redis = await startRedis(['--enable-debug-command', 'yes', '--proto-max-bulk-len', '512mb'])
    client = new Redis(redis.port, redis.host)
  })
  afterAll(async () => {
    client?.disconnect()
    await redis?.stop()
  })

  test.each([true, false])('what we write, it loads (compression %s)', async (compress) => {
    const blocks: Uint8Array[] = []
    const writer = new RdbWriter({ compress, checksum: compress, onBlock: (block) => blocks.push(block) })
    writer.header({ redisVersion: '7.2.4', created_s: 1700000000, usedMemory_bytes: 5e9, aofBase: false })
    writer.selectDb(0)
    writer.resizeDb(values().size, 1)
    for (const [key, value] of values()) {
      const name = Buffer.from(key)
      if (key === 'n:x') writer.attributes(4102444800123, -1, -1)
      writer.stringEntry(name, 0, name.length, value, 0, value.length)
    }
    writer.selectDb(5)
    writer.attributes(-1, 77, -1)
    writer.stringEntry(Buffer.from('lru'), 0, 3, Buffer.from('v'), 0, 1)
    writer.finish()
    const file = join(redis.directory, 'dump.rdb')
    writeFileSync(file, Buffer.concat(blocks))
    const checked = execFileSync(onPath('redis-check-rdb') ?? '', [file]).toString()
    expect(checked).toContain('RDB looks OK!')
    expect(checked).toContain(
      compress ? 'Checksum OK' : 'RDB file was saved with checksum disabled: no check performed',
    )
    await client.call('DEBUG', 'RELOAD', 'NOSAVE')
    expect(await client.dbsize()).toBe(values().size)
    for (const [key, value] of values()) expect((await client.getBuffer(key))?.equals(value)).toBe(true)
    expect(await client.pexpiretime('n:x')).toBe(4102444800123)
    expect(await client.object('ENCODING', 'n:2147483648')).toBe('int')
    await client.select(5)
    expect(await client.get('lru')).toBe('v')
    await client.select(0)
  })

  test('what it writes, we read', async () => {
    await client.flushall()
    for (const [key, value] of values()) await client.set(key, value)
    await client.pexpireat('n:x', 4102444800123)
    await client.save()
    const bytes = readFileSync(join(redis.directory, 'dump.rdb'))
    const seen = new Map<string, Buffer>()
    const reader = new RdbReader(
      {
        onEntry: (entry) => {
          const key = Buffer.from(entry.key.subarray(entry.keyStart, entry.keyEnd)).toString()
          seen.set(key, Buffer.from(entry.value.subarray(entry.valueStart, entry.valueEnd)))
          expect(entry.expireAt_ms).toBe(key === 'n:x' ? 4102444800123 : -1)
          return undefined
        },
      },
      { checksum: true },
    )
    for (let at = 0; at < bytes.length; at += 10_007)
      reader.feed(bytes, at, Math.min(bytes.length, at + 10_007))
    expect(reader.end()).toBeUndefined()
    expect(reader.state).toBe('done')
    expect(seen.size).toBe(values().size)
    for (const [key, value] of values()) expect(seen.get(key)?.equals(value)).toBe(true)
  })

  test('DUMP and RESTORE payloads both ways', async () => {
    await client.flushall()
    const writer = new DumpWriter()
    for (const [key, value] of values()) {
      writer.begin(TYPE_STRING, true).string(value, 0, value.length)
      writer.end()
      expect(await client.restore(`r:${key}`, 0, Buffer.from(writer.take()))).toBe('OK')
      expect((await client.getBuffer(`r:${key}`))?.equals(value)).toBe(true)
      const theirs = (await client.dumpBuffer(`r:${key}`)) as Buffer
      const read = readDump(theirs, 0, theirs.length)
      if (!read.ok) throw new Error(read.error)
      expect(Buffer.from(read.value.subarray(read.start, read.end)).equals(value)).toBe(true)
    }
  })
})
