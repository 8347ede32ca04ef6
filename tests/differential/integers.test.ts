/**
 * Integer arguments at the limits of 64 bits, beside redis-server: a number that a double does not hold exactly is a number all the
 * same, and an error text depends on it.
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { missing, type RedisProcess, startRedis } from '../oracle.js'
import { open, type RunningNode } from '../support/node.js'
import { Wire } from '../support/wire.js'

const NUMBERS = [
  ...['-9223372036854775809', '-9223372036854775808', '-9007199254740993', '-1', '9007199254740991'],
  ...['9007199254740992', '9007199254740993', '9223372036854775807', '9223372036854775808'],
  ...['18446744073709551616', '+1', '01', ' 1', '1.0', ''],
]
/** N stands for the number. */
const COMMANDS = [
  ...['CLIENT KILL ID N', 'CLIENT UNBLOCK N', 'CLIENT LIST ID N', 'CLIENT TRACKING on REDIRECT N'],
  ...['WAIT N 1', 'MEMORY USAGE s SAMPLES N', 'ACL LOG N', 'ACL GENPASS N', 'SLOWLOG GET N'],
  ...[
    'LRANGE l N 2',
    'LRANGE l 0 N',
    'LINDEX l N',
    'LPOS l a COUNT N',
    'LPOS l a MAXLEN N',
    'LPOS l a RANK N',
  ],
  ...[
    'ZRANGE z N 1',
    'ZRANGE z 0 N',
    'ZRANGEBYSCORE z 0 9 LIMIT 0 N',
    'SINTERCARD 1 t LIMIT N',
    'SINTERCARD N t',
  ],
  ...[
    'GETRANGE s N 2',
    'GETRANGE s 0 N',
    'BITCOUNT s N 2',
    'INCRBY n N',
    'DECRBY n N',
    'HINCRBY h f N',
    'LPOP l N',
  ],
  ...['XRANGE x - + COUNT N', 'XPENDING x g IDLE N - + 10', 'XTRIM x MAXLEN N', 'XADD x N-1 a b'],
]
/** What waits for so long, or stops others for so long, is only asked for what is refused. */
const REFUSED = ['CLIENT PAUSE N', 'WAIT 0 N']
/** What redis-server 7.2.4 replies where 7.0 takes the number, and computes with one that has wrapped around. */
const IN_72 = new Map([
  [
    'LPOS l a RANK -9223372036854775808',
    '-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807\r\n',
  ],
  ['CLIENT PAUSE 9223372036854775807', '-ERR timeout is out of range\r\n'],
  ['WAIT 0 9223372036854775807', '-ERR timeout is out of range\r\n'],
])

describe.skipIf(missing('redis-server'))('integers of 64 bits beside redis-server', () => {
  let redis: RedisProcess
  let node: RunningNode
  const wires: Wire[] = []

  beforeAll(async () => {
    redis = await startRedis()
    node = await open()
    for (const port of [redis.port, Number(node.port)]) wires.push(await Wire.open(port))
    for (const wire of wires) {
      await wire.exchange([
        ['SET', 's', 'hello'],
        ['SADD', 't', 'a', 'b'],
        ['ZADD', 'z', '1', 'a', '2', 'b'],
        ['XGROUP', 'CREATE', 'x', 'g', '0', 'MKSTREAM'],
      ])
    }
  })
  afterAll(async () => {
    for (const wire of wires) wire.close()
    await Promise.all([redis?.stop(), node?.stop()])
  })

  const both = async (template: string, number: string) => {
    const line = template.split(' ').map((word) => word.replace(/^N/, number))
    const replies: string[] = []
    for (const wire of wires) {
      const all = await wire.exchange([
        ['DEL', 'l', 'n', 'h'],
        ['RPUSH', 'l', 'a', 'b', 'a'],
        ['SET', 'n', '-5'],
        ['HSET', 'h', 'f', '7'],
        line,
      ])
      replies.push(all[4]!)
    }
    // An oracle that paused or waits would hold the next command up.
    await wires[0]!.run('CLIENT', 'UNPAUSE')
    return [IN_72.get(line.join(' ')) ?? replies[0]!, replies[1]!] as const
  }

  for (const template of COMMANDS) {
    test(template, async () => {
      for (const number of NUMBERS) {
        const [theirs, ours] = await both(template, number)
        // What these say is chance, or each server's own affair.
        const ownAffair = /^(ACL|SLOWLOG|MEMORY|CLIENT LIST)/.test(template) && theirs[0] !== '-'
        if (ownAffair) expect(ours[0], `${template} of ${number}`).toBe(theirs[0])
        else expect(ours, `${template} of ${number}`).toBe(theirs)
      }
    })
  }
  for (const template of REFUSED) {
    test(template, async () => {
      for (const number of [
        '-9223372036854775808',
        '-1',
        '9223372036854775807',
        '9223372036854775808',
        'x',
      ]) {
        const [theirs, ours] = await both(template, number)
        expect(ours, `${template} of ${number}`).toBe(theirs)
      }
    })
  }
})
