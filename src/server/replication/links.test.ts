/** What a link between master and replica is for, and what is done where it is used for something else, or not at all. */

import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { missing, startRedis } from '../../../tests/oracle.js'
import { open, type RunningNode } from '../../../tests/support/node.js'
import { Wire } from '../../../tests/support/wire.js'

async function offset(node: RunningNode, name: string): Promise<number> {
  return Number(new RegExp(`${name}:(\\d+)`).exec(String(await node.call('INFO', 'replication')))?.[1])
}

test.skipIf(missing('redis-server'))(
  "CLIENT PAUSE on a replica holds its master's stream back, as far as it has arrived",
  async () => {
    const process = await startRedis(['--repl-diskless-sync-delay', '0'])
    const master = await Wire.open(process.port)
    const replica = await open()
    try {
      await replica.call('REPLICAOF', '127.0.0.1', String(process.port))
      const got = (key: string) => expect.poll(() => replica.call('GET', key), { timeout: 15_000 })
      await master.run('SET', 'first', 'x')
      await got('first').toBe('x')
      await replica.call('CLIENT', 'PAUSE', '100000', 'WRITE')
      const before = await offset(replica, 'slave_repl_offset')
      await master.run('SET', 'held', 'back')
      await master.run('SET', 'large', 'x'.repeat(20_000_000))
      await expect
        .poll(() => offset(replica, 'slave_read_repl_offset'), { timeout: 15_000 })
        .toBeGreaterThan(before + 16_000_000)
      expect(await offset(replica, 'slave_repl_offset')).toBe(before)
      expect(await replica.call('GET', 'held')).toBeNull()
      await replica.call('CLIENT', 'UNPAUSE')
      await got('held').toBe('back')
      await expect.poll(() => replica.call('STRLEN', 'large'), { timeout: 15_000 }).toBe(20_000_000)
      await master.run('SET', 'and', 'on')
      await got('and').toBe('on')
    } finally {
      master.close()
      await replica.stop()
      await process.stop()
    }
  },
)

test('a replica that sends a command which is answered is sent away, its stream unharmed', async () => {
  const master = await open('--repl-diskless-sync-delay', '0')
  const began = (text: string) => master.log.some((line) => line.startsWith(text))
  try {
    for (const [line, name] of [
      ['PING', 'ping'],
      ['GET foo', 'get'],
      ['XINFO HELP', 'xinfo|help'],
    ]) {
      const heard = await new Promise<string>((resolve, reject) => {
        const socket = connect(Number(master.port), '127.0.0.1')
        let all = ''
        socket.on('data', (bytes) => {
          all += bytes.toString('latin1')
        })
        socket.on('error', reject)
        socket.on('close', () => resolve(all))
        socket.write(`PSYNC ? -1\r\n${line}\r\n`)
      })
      expect(heard).toMatch(/^\+FULLRESYNC [0-9a-f]{40} 0\r\n/)
      expect(heard).not.toMatch(/PONG|ERR|XINFO/)
      expect(began(`Replica generated a reply to command '${name}', disconnecting it: id=`)).toBe(true)
    }
    const critical =
      "== CRITICAL == This master is sending an error to its replica: 'Replica can't interact with the keyspace'"
    expect(began(critical)).toBe(true)
  } finally {
    await master.stop()
  }
})
