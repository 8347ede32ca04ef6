/**
 * The same words to redis-cli and to shoal-cli, against one redis-server: outputs and exit codes are compared
 * byte for byte. Only where shoal-cli says its own name, or has no such mode, is the expectation written here.
 */

import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Given, inProcess, type Ran } from '../../../tests/io.js'
import { missing, onPath, type RedisProcess, startRedis } from '../../../tests/oracle.js'
import { runCli } from './run.js'

function oracle(argv: readonly string[], given: Given = {}): Promise<Ran> {
  return new Promise((resolve) => {
    const env = { PATH: process.env['PATH'] ?? '', ...given.env }
    const child = spawn(onPath('redis-cli')!, argv, { env })
    const out: Buffer[] = []
    const err: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
    child.stdin.on('error', () => {})
    child.stdin.end(typeof given.stdin === 'string' ? Buffer.from(given.stdin) : given.stdin)
    child.on('close', (code) => {
      const text = (chunks: Buffer[]) => Buffer.concat(chunks).toString('latin1')
      resolve({ code: code ?? -1, stdout: text(out), stderr: text(err) })
    })
  })
}

const PEOPLE = { FAKETTY: '1' }

describe.skipIf(missing('redis-server', 'redis-cli'))('as redis-cli', () => {
  let redis: RedisProcess
  let folder: string
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'shoal-cli-'))
    redis = await startRedis([
      '--unixsocket',
      'r.sock',
      '--enable-debug-command',
      'yes',
      '--maxmemory-policy',
      'allkeys-lfu',
      '--repl-diskless-sync-delay',
      '0',
    ])
  })
  afterAll(async () => {
    await redis?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  /** Both in turn on an empty database; `mask` takes out what differs from run to run. */
  async function same(
    argv: readonly string[],
    given: Given = {},
    mask = (text: string) => text,
  ): Promise<Ran> {
    const words = argv.map((word) => (word === 'PORT' ? String(redis.port) : word))
    const full = argv.includes('PORT') ? words : ['-p', String(redis.port), ...words]
    const empty = ['-p', String(redis.port), 'flushall']
    await oracle(empty)
    const theirs = await oracle(full, given)
    await oracle(empty)
    const ours = await inProcess(runCli, full, given)
    // A command that took long has its time shown, which on a busy machine may be any.
    const timeless = (text: string) => text.replaceAll(/^\(\d+\.\d\ds\)\n/gm, '')
    const masked = ({ code, stdout, stderr }: Ran) => ({
      code,
      stdout: mask(timeless(stdout)),
      stderr: mask(stderr),
    })
    expect(masked(ours), full.join(' ')).toEqual(masked(theirs))
    return ours
  }

  const SCRIPT = [
    'set k "a\\x00b\\"c\\n"',
    'get k',
    'get none',
    'incr n',
    '5 incr n',
    '0 incr n',
    'lpush k 1',
    'rpush l 1 2 3 4 5 6 7 8 9 10 11',
    'lrange l 0 -1',
    'lrange none 0 -1',
    'set "unclosed',
    "set 'it''s' x",
    'config get save*',
    'command info get',
    'hset h f1 v1 f2 v2',
    'hgetall h',
    'sadd s a',
    'smembers s',
    'zadd z 1.5 a inf b',
    'zrange z 0 -1 withscores',
    'zscore z a',
    'debug protocol double',
    'debug protocol map',
    'debug protocol set',
    'debug protocol true',
    'debug protocol null',
    'debug protocol verbatim',
    'debug protocol string',
    'debug protocol array',
    'multi',
    'incr n',
    'exec',
    'exec',
    'multi',
    'nonsense',
    'exec',
    'select 3',
    'multi',
    'select 5',
    'discard',
    'select 99',
    'client info x',
    'echo "\\xff\\xfe"',
    'echo é中',
    "eval \"return {1,{2,{},{3,'x'}},redis.error_reply('OOPS')}\" 0",
    'restart',
    ':set nohints',
    'help nonsense',
    '  ping  ',
    '',
    'quit',
    'ping',
  ].join('\n')

  for (const form of [
    ['--no-raw'],
    ['--raw'],
    ['--csv'],
    ['--json', '-2'],
    ['--json'],
    ['--quoted-json'],
    ['-3', '--no-raw'],
    ['-3', '--raw'],
    ['-3', '--csv'],
    ['-d', ';', '-D', '|'],
  ]) {
    test(`a script from standard input, ${form.join(' ')}`, async () => {
      const ran = await same(form, { stdin: SCRIPT })
      expect(ran.stdout.length).toBeGreaterThan(300)
    })
  }

  test('single commands, their output for people and raw, exit codes', async () => {
    for (const env of [{}, PEOPLE]) {
      for (const argv of [
        ['ping'],
        ['-r', '3', '-i', '0.01', 'incr', 'n'],
        ['-e', 'nonsense'],
        ['nonsense'],
        ['-n', '4', 'client', 'list', 'id', '1'],
        ['-n', '77', 'ping'],
        ['--quoted-input', 'echo', '"a\\x00b"'],
        ['--quoted-input', 'echo', '"a'],
        ['-u', 'redis://127.0.0.1:PORTx/3', 'get', 'a'],
        ['-a', 'wrong', 'ping'],
        ['--no-auth-warning', '--user', 'who', '-a', 'wrong', 'ping'],
        ['-3', '-2', 'ping'],
        ['-c', '-s', '/x', 'ping'],
        ['--bogus'],
        ['-p'],
        ['-u', 'http://x'],
        ['-u', 'redis://%zz@x'],
        ['-X', 'tag', 'set', 'a', 'b'],
        ['-x', '-X', 'tag', 'set', 'a', 'b'],
        ['--quoted-pattern', '"x', '--scan'],
        ['--rdb', 'a', '--functions-rdb', 'b'],
        ['memory', 'doctor'],
        ['help', 'set'],
        ['help', '@transactions'],
        ['help', 'client'],
        ['?', 'client', 'kill'],
        ['help', 'nothing'],
      ]) {
        await same(
          argv.map((word) => word.replace('PORTx', String(redis.port))),
          { env },
        )
      }
    }
  })

  test('values from standard input and scripts from files', async () => {
    const value = Buffer.from([0, 1, 255, 10, 13])
    await same(['-x', 'set', 'k'], { stdin: value })
    await same(['-X', 'TAG', 'set', 'TAG', 'v'], { stdin: value })
    await same(['-x', 'echo'], { stdin: value, env: PEOPLE })
    const script = join(folder, 'a.lua')
    writeFileSync(script, 'return {KEYS[1], ARGV[1], ARGV[2]}')
    await same(['--eval', script, 'k1', ',', 'a1', 'a2'])
    await same(['--eval', join(folder, 'none.lua')])
  })

  test('where nothing listens, and a unix socket', async () => {
    await same(['-p', '1', '-h', '127.0.0.1', 'ping', 'PORT'])
    await same(['-p', '1', '-h', '127.0.0.1', '-n', '9', '--no-raw', '-x', 'PORT'], { stdin: 'x' })
    await same(['-s', join(folder, 'none'), 'ping'])
    await same(['-s', join(redis.directory, 'r.sock'), 'ping'])
    expect((await inProcess(runCli, ['-p', '1'], { stdin: 'ping\n' })).stderr).toBe(
      (await oracle(['-p', '1'], { stdin: 'ping\n' })).stderr,
    )
  })

  test('the server goes away and comes back', async () => {
    const kill = 'client kill skipme no type normal\nping\nping\n'
    // Which of its errors the system reports first is a matter of microseconds.
    const lost = (text: string) =>
      text.replace(/Error: (Server closed|Connection reset|Broken pipe).*/, 'Error: lost')
    const ran = await same(['--no-raw'], { stdin: kill }, lost)
    expect([ran.stdout, lost(ran.stderr)]).toEqual(['(integer) 1\nPONG\n', 'Error: lost\n'])
    await same(['-n', '2', '--no-raw'], { stdin: `set a 1\n${kill}` }, lost)
  })

  test('pushes: tracking in RESP3', async () => {
    await same(['-3', '--show-pushes', 'yes', '--no-raw'], {
      stdin: 'client tracking on\nget a\nset a 1\nping\nget a\nflushall\nping\n',
    })
    await same(['-3', '--show-pushes', 'no', '--no-raw'], {
      stdin: 'client tracking on\nget a\nset a 1\nping\n',
    })
    await same(['--show-pushes', 'perhaps', 'ping'])
  })

  async function fill() {
    const lines = [
      'set short a',
      'set longer aaaaaaaaaa',
      'rpush list 1 2 3',
      'sadd set a b',
      'hset hash a 1',
      'zadd zset 1 a',
    ]
    await oracle(['-p', String(redis.port)], {
      stdin: [...lines, 'xadd stream * a 1', 'get longer', 'get longer'].join('\n'),
    })
  }

  test('walks over all keys', async () => {
    await oracle(['-p', String(redis.port), 'flushall'])
    await fill()
    const port = ['-p', String(redis.port)]
    for (const argv of [
      ['--scan'],
      ['--scan', '--pattern', 's*'],
      ['--bigkeys'],
      ['--memkeys'],
      ['--memkeys-samples', '2'],
    ]) {
      for (const env of [{}, PEOPLE]) {
        const given = { env: env as Record<string, string> }
        const theirs = await oracle([...port, ...argv], given)
        expect(await inProcess(runCli, [...port, ...argv], given), argv.join(' ')).toEqual(theirs)
      }
    }
    const hot = /hot key found with counter: \d+\tkeyname: "longer"/
    expect((await inProcess(runCli, [...port, '--hotkeys'])).stdout).toMatch(hot)
    expect((await oracle([...port, '--hotkeys'])).stdout).toMatch(hot)
  })

  test('--pipe counts replies and errors', async () => {
    const commands = Array.from({ length: 5000 }, (_, i) => `SET key:${i} ${i}\r\n`).join('')
    await same(['--pipe'], { stdin: commands })
    await same(['--pipe'], { stdin: 'PING\r\nNONSENSE\r\nLPUSH a 1\r\nGET a\r\n' })
    expect((await inProcess(runCli, ['-p', String(redis.port), 'dbsize'])).stdout).toBe('1\n')
  })

  test('--rdb fetches a file that redis-server can load', async () => {
    await fill()
    const file = join(folder, 'dump.rdb')
    const { code, stderr } = await inProcess(runCli, ['-p', String(redis.port), '--rdb', file])
    expect(stderr).toMatch(/^sending REPLCONF capa eof\nsending REPLCONF rdb-only 1\nSYNC sent to master, /)
    expect(code).toBe(0)
    expect(readFileSync(file).subarray(0, 5).toString()).toBe('REDIS')
    // Without diskless transfers the master tells the length instead of a mark.
    await oracle(['-p', String(redis.port), 'config', 'set', 'repl-diskless-sync', 'no'])
    const out = await inProcess(runCli, ['-p', String(redis.port), '--rdb', '-'])
    expect(out.stdout.length).toBe(readFileSync(file).length)
    const other = await startRedis(['--dir', folder, '--dbfilename', 'dump.rdb'])
    try {
      expect((await oracle(['-p', String(other.port), 'get', 'longer'])).stdout).toBe('aaaaaaaaaa\n')
    } finally {
      await other.stop()
    }
  })

  test('--latency and --intrinsic-latency', async () => {
    const port = String(redis.port)
    expect((await inProcess(runCli, ['-p', port, '--latency', '-i', '0.05'])).stdout).toMatch(
      /^\d+ \d+ \d+\.\d\d \d+\n$/,
    )
    expect((await inProcess(runCli, ['-p', port, '--latency', '--csv', '-i', '0.05'])).stdout).toMatch(
      /^\d+,\d+,/,
    )
    const intrinsic = await inProcess(runCli, ['--intrinsic-latency', '0'])
    expect(intrinsic.stdout).toMatch(/total runs \(avg latency: /)
  })

  test('its own words', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
    expect((await inProcess(runCli, ['--version'])).stdout).toBe(`shoal-cli ${version}\n`)
    const help = await inProcess(runCli, ['--help'])
    expect([help.code, help.stdout.startsWith(`shoal-cli ${version}\n\nUsage:`)]).toEqual([0, true])
    expect((await inProcess(runCli, ['--eval', 'x', '--ldb'])).stderr).toMatch(
      /debugger .* not part of shoal-cli/,
    )
    expect((await inProcess(runCli, ['--lru-test', '5'])).stderr).toBe(
      'shoal-cli does not have --lru-test.\n',
    )
  })
})
