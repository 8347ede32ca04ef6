/** What the administration tells of a node that it was made slow or odd: LATENCY, and DEBUG's odd states. */

import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { type Connection, itemsOf, open, type Reply, textOf } from '../../client/index.js'
import { fileWorld, loadConfig } from '../config/files.js'
import { type RunningNode, startNode } from '../start.js'

const homes: string[] = []
const running: RunningNode[] = []
const connections: Connection[] = []

afterAll(async () => {
  for (const connection of connections) connection.close()
  for (const node of running) await node.stop()
  for (const home of homes) rmSync(home, { recursive: true, force: true })
})

/** A connection to a node of its own. */
async function startOurs(...args: string[]): Promise<Connection> {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'shoal-odd-')))
  homes.push(home)
  const path = join(home, 's')
  const all = [
    '--port',
    '0',
    '--dir',
    home,
    '--unixsocket',
    path,
    '--save',
    '',
    '--enable-debug-command',
    'yes',
  ]
  const start = loadConfig([...all, ...args], fileWorld(home), () => Buffer.alloc(0))
  if (!start.ok || start.instead !== undefined) throw new Error('wrong configuration')
  running.push(await startNode({ config: start.config, log: () => {} }))
  const connection = await open({ path })
  connections.push(connection)
  return connection
}

const flat = (reply: Reply): string => textOf(reply) ?? itemsOf(reply).map(flat).join(',')

describe('what took long', () => {
  test('LATENCY HISTOGRAM, GRAPH and DOCTOR, and INFO latencystats', async () => {
    const connection = await startOurs('--latency-monitor-threshold', '60000')
    const ask = async (...line: string[]) => flat(await connection.call(...line))
    expect(await ask('LATENCY', 'DOCTOR')).toMatch(/^No event/)
    // From here on a busy machine may add events of its own.
    await ask('CONFIG', 'SET', 'latency-monitor-threshold', '1')
    await ask('DEBUG', 'SLEEP', '0.005')
    await ask('SET', 'a', 'b')
    await ask('SET', 'a', 'c')
    expect(await ask('LATENCY', 'GRAPH', 'command')).toMatch(/^command - high \d+ ms, low \d+ ms/)
    expect(await ask('LATENCY', 'GRAPH', 'nothing')).toMatch("ERR No samples available for event 'nothing'")
    expect(await ask('LATENCY', 'DOCTOR')).toMatch(/\d\. command: \d latency spikes/)
    expect(await ask('LATENCY', 'HISTOGRAM', 'set', 'no-such', 'config')).toMatch(
      /^set,calls,2,histogram_usec,/,
    )
    expect(await ask('INFO', 'latencystats')).toMatch(/_usec_set:p50=[\d.]+,p99=[\d.]+,p99\.9=[\d.]+\r\n/)
    await ask('CONFIG', 'SET', 'latency-tracking', 'no')
    expect(await ask('INFO', 'latencystats')).toBe('# Latencystats\r\n')
    await ask('CONFIG', 'RESETSTAT')
    expect(await ask('LATENCY', 'HISTOGRAM')).toBe('')
  })
})

describe('odd states', () => {
  test('DEBUG puts the node into them, and out of them again', async () => {
    const connection = await startOurs()
    const ask = async (...line: string[]) => flat(await connection.call(...line))
    await ask('CONFIG', 'SET', 'list-max-listpack-size', '3')
    expect(await ask('DEBUG', 'QUICKLIST-PACKED-THRESHOLD', '5b')).toBe('OK')
    await ask('RPUSH', 'list', 'abcdefgh', 'b', 'abcdefghi', 'c', 'd', 'e')
    await ask('LINSERT', 'list', 'after', 'b', 'abcdefghij')
    await ask('LSET', 'list', '0', 'a')
    await ask('LSET', 'list', '-1', 'eeeeee')
    expect(await ask('LRANGE', 'list', '0', '-1')).toBe('a,b,abcdefghij,abcdefghi,c,d,eeeeee')
    expect(await ask('DEBUG', 'QUICKLIST-PACKED-THRESHOLD', '5gb')).toMatch(
      /^ERR argument must be a memory value/,
    )
    expect(await ask('DEBUG', 'QUICKLIST-PACKED-THRESHOLD', '0')).toBe('OK')
    await ask('LPUSH', 'list', 'xxxxxxxxxxxx')
    expect(await ask('LRANGE', 'list', '0', '2')).toBe('xxxxxxxxxxxx,a,b')

    const damaged = '\x00\x01x\x0b\x0012345678'
    expect(await ask('RESTORE', 'k', '0', damaged)).toBe('ERR DUMP payload version or checksum are wrong')
    await ask('DEBUG', 'SET-SKIP-CHECKSUM-VALIDATION', '1')
    expect(await ask('RESTORE', 'k', '0', damaged)).toBe('OK')
    await ask('DEBUG', 'SET-SKIP-CHECKSUM-VALIDATION', '0')
    expect(await ask('RESTORE', 'k', '0', damaged, 'REPLACE')).toMatch(/^ERR DUMP/)

    expect(await ask('DEBUG', 'REPLYBUFFER', 'RESIZING', '0')).toBe('OK')
    expect(await ask('DEBUG', 'REPLYBUFFER', 'PEAK-RESET-TIME', 'soon')).toMatch(/^ERR/)
  })

  test('DEBUG PAUSE-CRON stops what is done regularly', async () => {
    const connection = await startOurs()
    const ask = async (...line: string[]) => flat(await connection.call(...line))
    const expired = async () => /\r\nexpired_keys:(\d+)/.exec(await ask('INFO', 'stats'))![1]
    await ask('DEBUG', 'PAUSE-CRON', '1')
    await ask('SET', 'a', 'b', 'PX', '1')
    await ask('DEBUG', 'SLEEP', '0.15')
    await ask('PING')
    expect(await expired()).toBe('0')
    await ask('DEBUG', 'PAUSE-CRON', '0')
    await expect.poll(expired).toBe('1')
  })
})
