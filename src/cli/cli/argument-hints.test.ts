/** Hints for lines that are partly typed, from the node's own COMMAND DOCS. Where Redis has the command, redis-cli 7.2.4 hints the same. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { inProcess } from '../../../tests/io.js'
import { open, type RunningNode } from '../../../tests/support/node.js'
import { runCli } from './run.js'

let node: RunningNode

beforeAll(async () => {
  node = await open()
})
afterAll(() => node.stop())

const CASES: readonly (readonly [line: string, hint: string])[] = [
  ['get', ' key'],
  ['GET ', 'key'],
  ['get abc ', ''],
  ['get abc def ', ''],
  ['decrby xyz ', 'decrement'],
  ['lpop key ', '[count]'],
  ['lpop key 3 ', ''],
  ['lpop key three ', ''],
  ['xrange k 4 2 COUNT', ' [COUNT count]'],
  ['xrange k 4 2 count ', 'count'],
  ['config set a b ', '[parameter value ...]'],
  ['zrandmember k 3 WI', ' [WITHSCORES]'],
  ['zrandmember k 3 withscores ', ''],
  ['mget k k ', '[key ...]'],
  ['scan 2 count ', 'count [MATCH pattern] [TYPE type]'],
  ['scan 2 COUNT 1 match x ', '[TYPE type]'],
  ['zrange k 1 2 limit 2 4 ', '[BYSCORE|BYLEX] [REV] [WITHSCORES]'],
  ['expire k 1 NX ', ''],
  [
    'georadius key 1 2 3 M COUNT 12 ',
    '[ANY] [WITHCOORD] [WITHDIST] [WITHHASH] [ASC|DESC] [STORE key|STOREDIST key]',
  ],
  ['georadius key 1 2 3 M COUNT 12 ASC ', '[WITHCOORD] [WITHDIST] [WITHHASH] [STORE key|STOREDIST key]'],
  ['georadius key 1 X ', ''],
  ['zadd key CH LT ', '[NX|XX] [INCR] score member [score member ...]'],
  ['zadd key 0 ', 'member [score member ...]'],
  [
    'migrate ',
    'host port key|"" destination-db timeout [COPY] [REPLACE] [AUTH password|AUTH2 username password] [KEYS key [key ...]]',
  ],
]

test.each(CASES)('%j is followed by %j', async (line, hint) => {
  const ran = await inProcess(runCli, ['-p', node.port, '--test_hint', line])
  expect(ran).toEqual({ code: 0, stdout: `${hint}\n`, stderr: '' })
})

test('a file of hints is compared case by case, and the exit code counts the failures', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'shoal-hints-'))
  const file = join(folder, 'hints.txt')
  const run = () => inProcess(runCli, ['-p', node.port, '--test_hint_file', file])
  writeFileSync(file, '# comment\n"GET " "key"\n\n"MGET k " "[key ...]"\n')
  expect(await run()).toEqual({ code: 0, stdout: 'SUCCESS: 2/2 passed\n', stderr: '' })
  writeFileSync(file, '"GET " "key"\n"MGET k " "key"\n')
  expect(await run()).toEqual({
    code: 1,
    stdout: 'FAILURE: 1/2 passed\n',
    stderr: "Test case 'MGET k ' FAILED: expected 'key', got '[key ...]'\n",
  })
  rmSync(folder, { recursive: true })
})

test('-4 and -6 order the addresses of a host name', async () => {
  const refused = await inProcess(runCli, ['-4', '-6', 'ping'])
  expect(refused).toEqual({ code: 1, stdout: '', stderr: 'Options -4 and -6 are mutually exclusive.\n' })
  for (const option of ['-4', '-6']) {
    const ran = await inProcess(runCli, [option, '-h', 'localhost', '-p', node.port, 'ping'])
    expect(ran).toEqual({ code: 0, stdout: 'PONG\n', stderr: '' })
  }
})
