import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { freePorts, missing, startRedis } from '../../../tests/oracle.js'
import { type Disk, type DiskError, systemDisk } from '../../runtime/disk.js'
import { createConfig, setWords } from '../config/config.js'
import type { DirectiveName } from '../config/table.js'
import { LoadError, type RunningNode, startNode } from '../start.js'

let dir: string
let started: Started[]

interface Started {
  running: RunningNode
  client: Redis
  log: string[]
  port: number
  /** Drops everything without saving, as kill -9 would. */
  crash(): void
  stop(): Promise<void>
}

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'shoal-persistence-'))
  started = []
})

afterEach(async () => {
  if (process.env['SHOW_LOG']) for (const one of started) console.log(one.log.join('\n'))
  for (const one of started) await one.stop()
  rmSync(dir, { recursive: true, force: true })
})

async function start(words: Record<string, string> = {}, disk: Disk = systemDisk): Promise<Started> {
  const [port] = await freePorts(1)
  const config = createConfig(dir)
  const at = { readingFile: false, saveSeen: false } as unknown as Parameters<typeof setWords>[3]
  const given: Record<string, string> = { port: String(port), bind: '127.0.0.1', save: '', ...words }
  for (const [name, value] of Object.entries(given)) {
    const set = setWords(
      config,
      name as DirectiveName,
      name === 'save' ? value.split(' ').filter(Boolean) : [value],
      at,
    )
    if ('error' in set) throw new Error(`${name}: ${set.error}`)
  }
  if (words['save'] === undefined) config.values.save = []
  const log: string[] = []
  const fatal = () => log.push('FATAL')
  const running = await startNode({
    config,
    log: (level, line) => log.push(`${level}: ${line}`),
    persistence: { disk, fatal },
  })
  const client = new Redis(port!, '127.0.0.1', {
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    enableReadyCheck: false,
  })
  client.on('error', () => undefined)
  let over = false
  const one: Started = {
    running,
    client,
    log,
    port: port!,
    crash: () => {
      over = true
      client.disconnect()
      running.node.atStop.length = 0
      void running.stop()
      // Nothing of what the node still holds may reach the disk any more.
      running.node.propagation.feeds.length = 0
    },
    stop: async () => {
      if (over) return
      over = true
      client.disconnect()
      await running.stop()
    },
  }
  started.push(one)
  return one
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let waited_ms = 0; waited_ms < 30_000; waited_ms += 5) {
    if (await condition()) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error('it did not come to pass')
}

const info = (one: Started, name: string) =>
  new RegExp(`^${name}:(.*)\r$`, 'm').exec(one.running.node.info.text(['persistence']))?.[1]
const keys = (one: Started, db = 0) => one.running.node.keyspace.databases[db]?.size
/** Everything that was fed is with the system, so that only the process can be lost. */
const written = (one: Started) => until(() => info(one, 'aof_buffer_length') === '0')
const aofDir = () => join(dir, 'appendonlydir')
const manifest = () => readFileSync(join(aofDir(), 'appendonly.aof.manifest'), 'latin1')

describe('RDB', () => {
  test('SAVE and a start with what it saved', async () => {
    const one = await start()
    await one.client.set('a', '1')
    await one.client.set('b', '2', 'PXAT', 4102444800000)
    await one.client.select(3)
    await one.client.set('c', 'x'.repeat(100_000))
    expect(info(one, 'rdb_changes_since_last_save')).not.toBe('0')
    expect(await one.client.save()).toBe('OK')
    expect(info(one, 'rdb_changes_since_last_save')).toBe('0')
    one.crash()
    const two = await start()
    expect(await two.client.get('a')).toBe('1')
    expect(await two.client.pexpiretime('b')).toBe(4102444800000)
    expect(keys(two)).toBe(2)
    await two.client.select(3)
    expect((await two.client.get('c'))?.length).toBe(100_000)
  })

  test('BGSAVE holds the moment it began, whatever is written meanwhile', async () => {
    const one = await start()
    const count = 20_000
    const fill = one.client.pipeline()
    for (let i = 0; i < count; i++) fill.set(`key:${i}`, `old:${i}`)
    await fill.exec()
    const change = one.client.pipeline()
    change.bgsave()
    for (let i = 0; i < count; i += 2) change.set(`key:${i}`, 'new')
    for (let i = 1; i < count; i += 10) change.del(`key:${i}`)
    for (let i = 3; i < count; i += 10) change.pexpire(`key:${i}`, 100_000)
    for (let i = 5; i < count; i += 10) change.append(`key:${i}`, 'more')
    for (let i = 0; i < count; i++) change.set(`other:${i}`, 'young')
    const replies = (await change.exec()) ?? []
    expect(replies[0]?.[1]).toBe('Background saving started')
    await until(() => info(one, 'rdb_bgsave_in_progress') === '0')
    expect(info(one, 'rdb_last_bgsave_status')).toBe('ok')
    one.crash()
    const two = await start()
    expect(keys(two)).toBe(count)
    const get = two.client.pipeline()
    for (let i = 0; i < count; i++) get.get(`key:${i}`)
    const values = (await get.exec()) ?? []
    expect(values.every(([, value], i) => value === `old:${i}`)).toBe(true)
    expect(two.running.node.keyspace.databases[0]?.expiring).toBe(0)
    expect(readdirSync(dir).filter((name) => name.startsWith('temp-'))).toEqual([])
  })

  test('FLUSHALL ends a save under way, and with save points the file says that all is gone', async () => {
    const one = await start({ save: '3600 1' })
    const fill = one.client.pipeline()
    for (let i = 0; i < 20_000; i++) fill.set(`key:${i}`, 'v'.repeat(50))
    fill.bgsave()
    fill.flushall()
    fill.set('after', '1')
    await fill.exec()
    await until(() => info(one, 'rdb_bgsave_in_progress') === '0')
    expect(readFileSync(join(dir, 'dump.rdb')).length).toBeLessThan(200)
    expect(await one.client.save()).toBe('OK')
    one.crash()
    const two = await start()
    expect(keys(two)).toBe(1)
  })

  test('save points', async () => {
    const one = await start({ save: '1 2' })
    await one.client.set('a', '1')
    await one.client.set('b', '1')
    await until(() => existsSync(join(dir, 'dump.rdb')))
    expect(one.log).toContain('notice: 2 changes in 1 seconds. Saving...')
  })

  test('a file that cannot be read keeps the node from starting', async () => {
    writeFileSync(join(dir, 'dump.rdb'), 'REDIS0009\x00\x01k')
    await expect(start()).rejects.toThrow(LoadError)
    writeFileSync(
      join(dir, 'dump.rdb'),
      // A module's value without parts: a type that is not held.
      Buffer.from('REDIS0011\x07\x01m\x01\0\xff\0\0\0\0\0\0\0\0', 'latin1'),
    )
    await expect(start()).rejects.toThrow(LoadError)
  })

  test('a disk that is full: MISCONF, then writing again', async () => {
    let full = true
    const disk = faulty(() => (full ? 'ENOSPC' : undefined), ['writeSoon'])
    const one = await start({ save: '3600 1' }, disk)
    await one.client.set('a', '1')
    await one.client.bgsave()
    await until(() => info(one, 'rdb_last_bgsave_status') === 'err')
    await expect(one.client.set('a', '2')).rejects.toThrow(
      'MISCONF Redis is configured to save RDB snapshots',
    )
    await expect(one.client.ping()).rejects.toThrow('MISCONF')
    expect(await one.client.get('a')).toBe('1')
    expect(
      await one.client.config('SET', 'stop-writes-on-bgsave-error', 'no').catch(() => 'none'),
    ).toBeDefined()
    full = false
    expect(await one.client.bgsave()).toBe('Background saving started')
    await until(() => info(one, 'rdb_last_bgsave_status') === 'ok')
    expect(await one.client.set('a', '3')).toBe('OK')
    expect(
      one.log.some((line) => line.includes('Write error saving DB on disk: No space left on device')),
    ).toBe(true)
  })
})

describe('append-only file', () => {
  test.each(['always', 'everysec', 'no'])(
    'what was acknowledged is there after a crash (%s)',
    async (appendfsync) => {
      const one = await start({ appendonly: 'yes', appendfsync })
      const writes = one.client.pipeline()
      for (let i = 0; i < 1000; i++) writes.set(`key:${i}`, `value:${i}`)
      writes.incr('n').incr('n').set('e', '1', 'PX', 100_000).del('key:7')
      await writes.exec()
      await one.client.multi().set('x', '1').set('y', '2').exec()
      await one.client.select(2)
      await one.client.append('other', 'db')
      const expires = await one.client.select(0).then(() => one.client.pexpiretime('e'))
      if (appendfsync !== 'always') await written(one)
      one.crash()
      const two = await start({ appendonly: 'yes' })
      expect(keys(two)).toBe(1003)
      expect(await two.client.mget('n', 'x', 'y', 'key:999', 'key:7')).toEqual([
        '2',
        '1',
        '2',
        'value:999',
        null,
      ])
      expect(await two.client.pexpiretime('e')).toBe(expires)
      await two.client.select(2)
      expect(await two.client.get('other')).toBe('db')
      expect(manifest()).toBe(
        'file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n',
      )
    },
  )

  test('with always, a reply waits for the disk, and many share one sync', async () => {
    let syncs = 0
    let release: (() => void)[] = []
    let hold = false
    const disk: Disk = {
      ...systemDisk,
      syncSoon: (fd, done) => {
        syncs++
        if (hold) release.push(() => systemDisk.syncSoon(fd, done))
        else systemDisk.syncSoon(fd, done)
      },
    }
    const one = await start({ appendonly: 'yes', appendfsync: 'always' }, disk)
    const other = one.client.duplicate()
    await other.ping()
    hold = true
    syncs = 0
    let written = 0
    let read: string | null = 'not yet'
    const writes = Array.from({ length: 50 }, (_, i) => one.client.set(`k${i}`, 'v').then(() => written++))
    await until(() => release.length === 1)
    const reading = other.get('k0').then((value) => {
      read = value
    })
    const more = one.client.set('late', '1').then(() => written++)
    await new Promise((resolve) => setTimeout(resolve, 30))
    // What was read may not be told before what wrote it is safe.
    expect([written, read]).toEqual([0, 'not yet'])
    expect(syncs).toBe(1)
    hold = false
    for (const go of release) go()
    release = []
    await Promise.all([...writes, more, reading])
    expect(read).toBe('v')
    expect(syncs).toBeLessThanOrEqual(3)
    other.disconnect()
  })

  test('a rewrite makes a base, goes on in a new increment, and removes what it replaced', async () => {
    const one = await start({ appendonly: 'yes' })
    const writes = one.client.pipeline()
    for (let i = 0; i < 5000; i++) writes.set(`key:${i % 50}`, `value:${i}`)
    writes.incr('n')
    writes.call('BGREWRITEAOF')
    for (let i = 0; i < 100; i++) writes.incr('n').append('key:1', '+')
    const replies = (await writes.exec()) ?? []
    expect(replies[5001]?.[1]).toBe('Background append only file rewriting started')
    await until(() => info(one, 'aof_rewrite_in_progress') === '0')
    await one.client.incr('n')
    await until(() => readdirSync(aofDir()).length === 3)
    expect(manifest()).toBe(
      'file appendonly.aof.2.base.rdb seq 2 type b\nfile appendonly.aof.2.incr.aof seq 2 type i\n',
    )
    expect(info(one, 'aof_last_bgrewrite_status')).toBe('ok')
    expect(Number(info(one, 'aof_current_size'))).toBe(
      ['appendonly.aof.2.base.rdb', 'appendonly.aof.2.incr.aof'].reduce(
        (sum, name) => sum + readFileSync(join(aofDir(), name)).length,
        0,
      ),
    )
    await written(one)
    one.crash()
    const two = await start({ appendonly: 'yes' })
    expect(keys(two)).toBe(51)
    expect(await two.client.get('n')).toBe('102')
    expect(await two.client.get('key:1')).toBe(`value:4951${'+'.repeat(100)}`)
  })

  test('a flush in the middle of a rewrite: it begins anew', async () => {
    const one = await start({ appendonly: 'yes' })
    const fill = one.client.pipeline()
    for (let i = 0; i < 20_000; i++) fill.set(`key:${i}`, 'v'.repeat(50))
    fill.call('BGREWRITEAOF')
    fill.flushdb('ASYNC')
    fill.set('after', '1')
    await fill.exec()
    await until(
      () => info(one, 'aof_rewrite_in_progress') === '0' && info(one, 'aof_rewrite_scheduled') === '0',
    )
    await until(() => info(one, 'aof_last_rewrite_time_sec') !== '-1' && manifest().includes('.2.base.rdb'))
    await written(one)
    one.crash()
    const two = await start({ appendonly: 'yes' })
    expect(keys(two)).toBe(1)
  })

  test('a base of commands', async () => {
    const one = await start({ appendonly: 'yes', 'aof-use-rdb-preamble': 'no' })
    await one.client.set('a', '1', 'PXAT', 4102444800000)
    await one.client.call('BGREWRITEAOF')
    await until(() => existsSync(join(aofDir(), 'appendonly.aof.2.base.aof')))
    await until(() => info(one, 'aof_rewrite_in_progress') === '0')
    expect(readFileSync(join(aofDir(), 'appendonly.aof.2.base.aof'), 'latin1')).toContain('PEXPIREAT')
    await written(one)
    one.crash()
    const two = await start({ appendonly: 'yes' })
    expect(await two.client.pexpiretime('a')).toBe(4102444800000)
  })

  test('switched on and off while the node runs', async () => {
    const one = await start()
    await one.client.set('a', '1')
    const { node } = one.running
    node.config.values.appendonly = true
    for (const apply of node.config.listeners.get('appendonly') ?? []) expect(await apply()).toBeUndefined()
    await one.client.set('b', '2')
    await until(() => info(one, 'aof_rewrite_in_progress') === '0')
    await one.client.set('c', '3')
    expect(manifest()).toBe(
      'file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n',
    )
    node.config.values.appendonly = false
    for (const apply of node.config.listeners.get('appendonly') ?? []) expect(await apply()).toBeUndefined()
    await one.client.set('d', '4')
    one.crash()
    const two = await start({ appendonly: 'yes' })
    expect(await two.client.mget('a', 'b', 'c', 'd')).toEqual(['1', '2', '3', null])
  })

  test('a torn tail is cut, or ends the start, as aof-load-truncated says', async () => {
    const one = await start({ appendonly: 'yes' })
    await one.client.set('a', '1')
    await one.client.set('b', '2')
    await written(one)
    one.crash()
    const file = join(aofDir(), 'appendonly.aof.1.incr.aof')
    const whole = readFileSync(file).length
    truncateSync(file, whole - 3)
    await expect(start({ appendonly: 'yes', 'aof-load-truncated': 'no' })).rejects.toThrow(LoadError)
    expect(readFileSync(file).length).toBe(whole - 3)
    const two = await start({ appendonly: 'yes' })
    expect(await two.client.mget('a', 'b')).toEqual(['1', null])
    await two.client.set('c', '3')
    await written(two)
    two.crash()
    const three = await start({ appendonly: 'yes' })
    expect(await three.client.mget('a', 'b', 'c')).toEqual(['1', null, '3'])
    await written(three)
    three.crash()
    writeFileSync(file, Buffer.concat([readFileSync(file), Buffer.from('rubbish\r\n')]))
    await expect(start({ appendonly: 'yes' })).rejects.toThrow(LoadError)
  })

  test('one file of a version before 7.0 is taken over', async () => {
    writeFileSync(
      join(dir, 'appendonly.aof'),
      '*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n',
    )
    const one = await start({ appendonly: 'yes' })
    expect(await one.client.get('a')).toBe('1')
    expect(manifest()).toBe('file appendonly.aof seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n')
    expect(existsSync(join(dir, 'appendonly.aof'))).toBe(false)
    await one.client.call('BGREWRITEAOF')
    await until(() => !existsSync(join(aofDir(), 'appendonly.aof')))
    await written(one)
    one.crash()
    const two = await start({ appendonly: 'yes' })
    expect(await two.client.get('a')).toBe('1')
  })

  test('a disk that is full: MISCONF, and everything is written when there is room again', async () => {
    let broken: string | undefined
    const disk = faulty(() => broken)
    const one = await start({ appendonly: 'yes' }, disk)
    await one.client.set('a', '1')
    broken = 'ENOSPC'
    // Redis too learns of it only when it has carried out the command.
    await one.client.set('b', '2')
    await until(() => info(one, 'aof_last_write_status') === 'err')
    await expect(one.client.set('c', '3')).rejects.toThrow(
      'MISCONF Errors writing to the AOF file: No space left on device',
    )
    expect(await one.client.get('b')).toBe('2')
    broken = undefined
    await until(() => info(one, 'aof_last_write_status') === 'ok')
    expect(await one.client.set('c', '3')).toBe('OK')
    expect(
      one.log.some((line) => line.includes('AOF write error looks solved, Redis can write again.')),
    ).toBe(true)
    await written(one)
    one.crash()
    const two = await start({ appendonly: 'yes' })
    expect(await two.client.mget('a', 'b', 'c')).toEqual(['1', '2', '3'])
  })

  test('a write that the disk took only a part of leaves no half command', async () => {
    let short = false
    const disk: Disk = {
      ...systemDisk,
      write: (fd, buf, start, end) => {
        if (!short) return systemDisk.write(fd, buf, start, end)
        if (end - start < 10) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })
        return systemDisk.write(fd, buf, start, start + 9)
      },
    }
    const one = await start({ appendonly: 'yes' }, disk)
    await one.client.set('a', '1')
    const file = join(aofDir(), 'appendonly.aof.1.incr.aof')
    await written(one)
    const before = readFileSync(file).length
    short = true
    await one.client.set('b', '2')
    await until(() => info(one, 'aof_last_write_status') === 'err')
    expect(readFileSync(file).length).toBe(before)
    short = false
    await until(() => info(one, 'aof_last_write_status') === 'ok')
    await written(one)
    one.crash()
    const two = await start({ appendonly: 'yes' })
    expect(await two.client.mget('a', 'b')).toEqual(['1', '2'])
  })

  test('with always, a disk that fails ends the node, and nothing is acknowledged', async () => {
    let broken: string | undefined
    const one = await start(
      { appendonly: 'yes', appendfsync: 'always' },
      faulty(() => broken),
    )
    await one.client.set('a', '1')
    broken = 'EROFS'
    let acknowledged = false
    one.client.set('b', '2').then(
      () => {
        acknowledged = true
      },
      () => undefined,
    )
    await until(() => one.log.includes('FATAL'))
    expect(acknowledged).toBe(false)
    expect(one.log).toContain(
      "warning: Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting...",
    )
  })

  test('a sync that fails: MISCONF with everysec, the end with always', async () => {
    let broken: string | undefined
    const disk = faulty(() => broken, ['syncSoon'])
    const one = await start({ appendonly: 'yes' }, disk)
    broken = 'EIO'
    await one.client.set('a', '1')
    await until(() => info(one, 'aof_last_write_status') === 'err')
    await expect(one.client.set('a', '2')).rejects.toThrow(
      'MISCONF Errors writing to the AOF file: Input/output error',
    )
    broken = undefined
    await until(() => info(one, 'aof_last_write_status') === 'ok')
    await one.stop()
    const two = await start({ appendonly: 'yes', appendfsync: 'always' }, disk)
    broken = 'EIO'
    two.client.set('b', '3').catch(() => undefined)
    await until(() => two.log.includes('FATAL'))
    expect(two.log.join('\n')).toContain(
      "Can't persist AOF for fsync error when the AOF fsync policy is 'always'",
    )
  })

  test('a rewrite that fails leaves a manifest that loads, and the next one cleans up', async () => {
    let broken: string | undefined
    const one = await start(
      { appendonly: 'yes' },
      faulty(() => broken, ['writeSoon']),
    )
    await one.client.set('a', '1')
    broken = 'ENOSPC'
    await one.client.call('BGREWRITEAOF')
    await until(() => info(one, 'aof_last_bgrewrite_status') === 'err')
    await one.client.set('b', '2')
    expect(manifest()).toContain('appendonly.aof.2.incr.aof')
    await written(one)
    one.crash()
    broken = undefined
    const two = await start({ appendonly: 'yes' })
    expect(await two.client.mget('a', 'b')).toEqual(['1', '2'])
    await two.client.call('BGREWRITEAOF')
    await until(() => readdirSync(aofDir()).length === 3)
    expect(manifest()).toBe(
      'file appendonly.aof.2.base.rdb seq 2 type b\nfile appendonly.aof.3.incr.aof seq 3 type i\n',
    )
  })
})

describe.skipIf(missing('redis-server'))('files exchanged with redis-server', () => {
  test('what we save, it loads; what it appends, we load', async () => {
    const one = await start({ appendonly: 'yes' })
    const writes = one.client.pipeline()
    for (let i = 0; i < 500; i++) writes.set(`key:${i}`, 'x'.repeat(i))
    writes.set('e', '1', 'PXAT', 4102444800000)
    await writes.exec()
    await one.client.call('BGREWRITEAOF')
    await one.client.incr('n')
    await until(() => info(one, 'aof_rewrite_in_progress') === '0')
    await one.client.incr('n')
    await one.stop()
    const redis = await startRedis(['--appendonly', 'yes', '--dir', dir])
    const theirs = new Redis(redis.port, redis.host, { retryStrategy: () => null, maxRetriesPerRequest: 0 })
    theirs.on('error', () => undefined)
    expect(await theirs.dbsize()).toBe(502)
    expect(await theirs.get('n')).toBe('2')
    expect(await theirs.pexpiretime('e')).toBe(4102444800000)
    await theirs.set('of', 'redis', 'PXAT', 4102444800001)
    await theirs.incr('n')
    await theirs.save()
    await theirs.shutdown('SAVE').catch(() => undefined)
    theirs.disconnect()
    await redis.stop()
    const two = await start({ appendonly: 'yes' })
    expect(await two.client.mget('n', 'of')).toEqual(['3', 'redis'])
    await two.stop()
    const three = await start()
    expect(await three.client.pexpiretime('of')).toBe(4102444800001)
    expect((await three.client.get('key:499'))?.length).toBe(499)
  })
})

/** A disk on which calls that write fail with the code that `fails` gives. */
function faulty(
  fails: () => string | undefined,
  calls: (keyof Disk)[] = ['write', 'writeSoon', 'open'],
): Disk {
  const error = (code: string): DiskError => Object.assign(new Error(code), { code })
  return {
    ...systemDisk,
    open: (path, mode) => {
      const code = mode !== 'read' && calls.includes('open') ? fails() : undefined
      if (code !== undefined) throw error(code)
      return systemDisk.open(path, mode)
    },
    write: (fd, buf, start, end) => {
      const code = calls.includes('write') ? fails() : undefined
      if (code !== undefined) throw error(code)
      return systemDisk.write(fd, buf, start, end)
    },
    writeSoon: (fd, buf, done) => {
      const code = calls.includes('writeSoon') ? fails() : undefined
      if (code === undefined) systemDisk.writeSoon(fd, buf, done)
      else setImmediate(() => done(error(code), 0))
    },
    syncSoon: (fd, done) => {
      const code = calls.includes('syncSoon') ? fails() : undefined
      if (code === undefined) systemDisk.syncSoon(fd, done)
      else setImmediate(() => done(error(code)))
    },
  }
}
