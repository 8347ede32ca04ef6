/**
 * Clients that wait for keys, beside redis-server: several clients of each server say the same things in the same order, alone
 * or several at once, also behind a command that waits. After every step both servers are left alone until each client has
 * its replies or waits. Equal must be what each client was told, the data in the end, and what went to the append-only
 * files. `SHOAL_DIFFERENTIAL_RUNS` says how many cases are drawn.
 *
 * redis-server 7.0 serves a client that waits for several keys from the one that was ready first; 7.2, and Shoal, carry out its
 * command again, which looks at its keys in their order and may come upon one of another type. So clients wait for several
 * keys only in cases in which no two keys become ready at once, and all are of one type.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { encodeCommand } from '../../src/resp/encode.js'
import { missing, type RedisProcess, startRedis } from '../oracle.js'
import { commandsIn } from '../support/commands-in.js'
import { runsOf } from '../support/deep.js'
import { open, type RunningNode } from '../support/node.js'
import { bytesOf } from '../support/runner.js'
import { Wire } from '../support/wire.js'
import {
  key,
  moveOne,
  readStream,
  waitFor,
  waitForOf,
  word,
  write,
  writeAny,
  writeList,
  writeSorted,
  writeStream,
} from './arbitrary-blocking.js'

const OPTIONS = ['--appendonly', 'yes', '--appendfsync', 'no', '--enable-debug-command', 'yes']
const RUNS = runsOf(25)
const TIMEOUT_MS = 30_000 + RUNS * 400
/** The last one works in database 1, the one before it speaks RESP3. */
const CLIENTS = 5

/** That the stream, or the group, is gone: 7.2 carries the command out again, and it says so; 7.0 has words of its own. */
const GONE = /^-(NOGROUP|UNBLOCKED the stream key no longer exists).*\r\n$/

/** Commands that a client sends at once. */
interface Step {
  readonly client: number
  readonly commands: readonly string[]
}

class Member {
  readonly wire: Wire
  readonly id: string
  readonly told: string[] = []
  due = 0
  blocked = false
  /** Bytes that it has sent while it waits. */
  behind = 0

  constructor(wire: Wire, id: string) {
    this.wire = wire
    this.id = id
    void this.listen()
  }

  private async listen(): Promise<void> {
    try {
      for (;;) {
        this.told.push(await this.wire.next())
        this.due--
      }
    } catch {
      // It is closed when the test is over.
    }
  }

  send(commands: readonly string[]): void {
    const lines = commands.map((command) => command.split(' '))
    this.wire.sendAll(lines)
    this.due += lines.length
    if (!this.blocked) return
    for (const words of lines) this.behind += encodeCommand(words.map(bytesOf)).length
  }
}

/** One server with its clients. */
class Party {
  readonly observer: Wire
  readonly members: Member[]

  private constructor(observer: Wire, members: Member[]) {
    this.observer = observer
    this.members = members
  }

  static async open(port: number): Promise<Party> {
    const members: Member[] = []
    for (let i = 0; i < CLIENTS; i++) {
      const wire = await Wire.open(port)
      const id = (await wire.run('CLIENT', 'ID')).slice(1, -2)
      if (i === CLIENTS - 1) await wire.run('SELECT', '1')
      if (i === CLIENTS - 2) await wire.run('HELLO', '3')
      members.push(new Member(wire, id))
    }
    return new Party(await Wire.open(port), members)
  }

  /** Waits until every client has its replies, or waits; and `sender`, if it waited already, has been heard. */
  async settle(sender?: Member): Promise<void> {
    for (;;) {
      // What has been heard by now: a reply that comes while the list is on its way may be newer than the list.
      const due = this.members.map((member) => member.due)
      const lines = (await this.observer.run('CLIENT', 'LIST')).split('\n')
      const seen = this.members.map((member) => {
        const line = lines.find((each) => each.includes(`id=${member.id} `)) ?? ''
        return { blocked: / flags=\w*b/.test(line), queued: Number(/ qbuf=(\d+)/.exec(line)?.[1]) }
      })
      const settled = this.members.every(
        (member, i) =>
          due[i] === 0 ||
          (seen[i]!.blocked && (member !== sender || !member.blocked || seen[i]!.queued >= member.behind)),
      )
      if (!settled) continue
      this.members.forEach((member, i) => {
        member.blocked = seen[i]!.blocked
        member.behind = member.blocked ? seen[i]!.queued : 0
      })
      return
    }
  }

  async run(steps: readonly Step[]): Promise<string[][]> {
    for (const member of this.members) member.told.length = 0
    for (const { client, commands } of steps) {
      const sender = this.members[client]!
      sender.send(commands)
      await this.settle(sender)
    }
    const digest = await this.observer.run('DEBUG', 'DIGEST')
    const keys = await this.observer.run('DBSIZE')
    while (this.members.some(({ blocked }) => blocked)) {
      for (const { id, blocked } of this.members)
        if (blocked) await this.observer.run('CLIENT', 'UNBLOCK', id)
      await this.settle()
    }
    await this.observer.run('FLUSHALL')
    const told = this.members.map((member) => member.told.map((reply) => reply.replace(GONE, '-GONE\r\n')))
    return [...told, [digest, keys]]
  }

  close(): void {
    for (const { wire } of this.members) wire.close()
    this.observer.close()
  }
}

/**
 * The commands in an append-only file, one a line behind its database, without the marks of transactions and times. 7.0 writes `left`, 7.2 as it
 * came; and a consumer is there from its first entry on in 7.0, from its first XREADGROUP on in 7.2.
 */
function commandsOf(directory: string): string[] {
  const folder = join(directory, 'appendonlydir')
  const file = readdirSync(folder).find((name) => name.endsWith('.incr.aof'))!
  const { list } = commandsIn(readFileSync(join(folder, file), 'latin1'))
  const lines: string[] = []
  let db = ''
  for (const words of list) {
    const line = words.join(' ').replace(/ left| right/g, (end) => end.toUpperCase())
    if (words[0] === 'SELECT') db = words[1]!
    else if (!/^(MULTI|EXEC|XGROUP CREATECONSUMER .*)$/.test(line))
      lines.push(`${db}> ${line.replace(/ TIME \d{13} /, ' TIME <ms> ')}`)
  }
  return lines
}

const one = key.map((k) => [k])
const several = fc.array(key, { minLength: 2, maxLength: 4 })

function cases(commands: fc.Arbitrary<readonly string[]>): fc.Arbitrary<Step[]> {
  const step = fc.record({ client: fc.nat(CLIENTS - 1), commands })
  return fc.array(step, { minLength: 4, maxLength: 25 })
}

const atOnce = (command: fc.Arbitrary<string>) => fc.array(command, { minLength: 1, maxLength: 3 })

describe.skipIf(missing('redis-server'))(
  'waiting for keys beside redis-server',
  { timeout: TIMEOUT_MS },
  () => {
    let redis: RedisProcess
    let node: RunningNode
    let theirs: Party
    let ours: Party

    beforeAll(async () => {
      redis = await startRedis(OPTIONS)
      node = await open(...OPTIONS)
      theirs = await Party.open(redis.port)
      ours = await Party.open(Number(node.port))
    })

    afterAll(async () => {
      theirs?.close()
      ours?.close()
      await Promise.all([redis?.stop(), node?.stop()])
    })

    async function compare(steps: fc.Arbitrary<Step[]>): Promise<void> {
      const folders = [node.node.config.values.dir, redis.directory]
      const before = folders.map((folder) => commandsOf(folder).length)
      await fc.assert(
        fc.asyncProperty(steps, async (given) => {
          const [expected, got] = await Promise.all([theirs.run(given), ours.run(given)])
          expect(got).toEqual(expected)
        }),
        { numRuns: RUNS },
      )
      const [got, expected] = folders.map((folder, i) => commandsOf(folder).slice(before[i]))
      expect(got).toEqual(expected)
      expect(node.node.waits.count).toBe(0)
      expect(node.node.waits.keys).toBe(0)
    }

    test('one key a client, elements that are moved on, transactions', async () => {
      const command = fc.oneof(
        { weight: 4, arbitrary: waitFor(one) },
        { weight: 2, arbitrary: moveOne },
        { weight: 6, arbitrary: write },
      )
      const transaction = fc
        .array(fc.oneof(write, write, waitFor(several), moveOne), { maxLength: 5 })
        .map((list) => ['MULTI', ...list, 'EXEC'])
      await compare(cases(fc.oneof({ weight: 5, arbitrary: atOnce(command) }, transaction)))
    })

    test('several keys a client', async () => {
      const command = (lists: boolean) =>
        fc.oneof(
          { weight: 5, arbitrary: waitForOf(several, lists) },
          { weight: 1, arbitrary: waitForOf(one, lists) },
          { weight: 5, arbitrary: lists ? writeList : writeSorted },
          { weight: 1, arbitrary: writeAny },
        )
      await compare(fc.oneof(cases(atOnce(command(true))), cases(atOnce(command(false)))))
    })

    test('streams', async () => {
      const command = fc.oneof({ weight: 2, arbitrary: readStream }, { weight: 3, arbitrary: writeStream })
      // A flush wakes those who wait for a group. Of the groups of several streams redis-server takes any first.
      const unflushed = command.map((text) => text.replace(/^FLUSH(ALL|DB)$/, 'PING'))
      await compare(cases(atOnce(unflushed)))
    })

    test('streams that are flushed', async () => {
      const command = fc.oneof(
        { weight: 2, arbitrary: readStream },
        { weight: 3, arbitrary: writeStream },
        { weight: 1, arbitrary: word('FLUSHALL', 'FLUSHDB') },
      )
      await compare(cases(atOnce(command.map((text) => text.replace(/\b[bc]\b/g, 'a')))))
    })

    test('databases that are exchanged', async () => {
      // All wait for the same key: of several that an exchange makes ready, redis-server takes any first.
      const command = fc.oneof(
        { weight: 5, arbitrary: waitFor(fc.constant(['a'])) },
        { weight: 6, arbitrary: write },
        { weight: 1, arbitrary: word('SWAPDB 0 1', 'SWAPDB 1 2') },
      )
      // Of several keys that become ready with their database, either may be the first.
      await compare(cases(atOnce(command.map((text) => text.replace(/\b[bc]\b/g, 'a')))))
    })
  },
)
