/**
 * What is accepted, what is said when not, what CONFIG GET shows and what CONFIG SET allows, beside redis-server.
 */

import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  common,
  freshDirectory,
  HIDDEN_IN_72,
  hooks,
  LISTEN,
  loadOurs,
  missing,
  NAMES_OF_72,
  NEW_IN_72,
  oracleSettings,
  ourSettings,
  readExample,
  type Server,
  startOracle,
  version,
} from '../../../tests/support/config-oracle.js'
import { type Config, showValue } from './config.js'
import { fileWorld, loadConfig } from './files.js'
import { CONFIG_HELP, configGet } from './get.js'
import { describeError, parseConfig, type World } from './parse.js'
import { configSet } from './set.js'
import { ALIASES, type DirectiveName } from './table.js'

describe.skipIf(missing)('a start without any configuration', () => {
  test('has the names and defaults of Redis', async () => {
    const directory = freshDirectory()
    const server = await startOracle(directory, LISTEN)
    const theirs = await oracleSettings(server.client)
    const ours = ourSettings(loadOurs(directory, LISTEN))
    expect(Object.keys(ours).filter((name) => !(name in theirs))).toEqual(expect.arrayContaining(NEW_IN_72))
    expect(common(ours)).toEqual(common(theirs))
    expect(Object.keys(theirs).filter((name) => !(name in ours))).toEqual([HIDDEN_IN_72])
    await server.stop()
  })
})

/** What the same text does in redis-server, which is made to stop by a bad last line. */
function oracleErrors(directory: string, lines: string[]): (string | undefined)[] {
  const errors: (string | undefined)[] = lines.map(() => undefined)
  for (let from = 0; from < lines.length; ) {
    writeFileSync(join(directory, 'try.conf'), `${lines.slice(from).join('\n')}\nthis-is-the-end\n`)
    const run = spawnSync('redis-server', ['try.conf'], { cwd: directory, encoding: 'utf8' })
    const fatal = /at line ([0-9]+)\n>>> '(.*)'\n([\s\S]*)\n$/.exec(run.stderr)
    if (fatal === null) throw new Error(`${lines[from]}: ${run.stderr} ${run.stdout}`)
    const at = from + Number(fatal[1]) - 1
    if (at >= lines.length) break
    errors[at] = fatal[3]!
    from = at + 1
  }
  return errors
}

function ourError(world: World, text: string): string | undefined {
  const result = parseConfig(text, world)
  return result.ok ? undefined : result.error.reason
}

const ODD_VALUES = [
  '""',
  '0',
  '1',
  '-1',
  '100',
  '-0',
  '007',
  '+5',
  '1kb',
  '1K',
  '5GB',
  '1.5gb',
  '10%',
  '101%',
  '-5%',
  '%',
  'kb',
  '8',
  '0778',
  '99999',
  '2147483647',
  '2147483648',
  '9223372036854775807',
  '9223372036854775808',
  '18446744073709551615',
  '18446744073709551616',
  'yes',
  'NO',
  'maybe',
  'always',
  'Relative',
  'a/b',
  'a\\\\b',
  '"x y"',
  '"x\\x00y"',
  'host_name',
  '{title} {listen-addr}',
  '"{title} {x}"',
  '1 2',
  '1 2 3',
  '60 1 300 0',
  '"60 1"',
  '0 1',
  '60 -1',
  '" 60" " +1"',
  '60 ""',
  'normal 1gb 2GB 3',
  'slave 1kb 2GB 3 PUBSUB 1 1 1',
  'master 1 1 1',
  'normal 1 1 -1',
  'normal a 1 1',
  '-2001 0 0',
  '50 99.9 1e1',
  '0x10',
  '100.1',
  'nan',
  'inf',
  'nosave NOW',
  'save nosave',
  'KEA$n',
  'Km',
  'gzx',
  'n',
  'Kq',
  'no one',
  '127.0.0.1 6379',
  '127.0.0.1 70000',
  '1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17',
]

/** Lines that are no single word of a plain kind; every one is judged for itself. */
const LINES = [
  'zzz 1',
  'port',
  'port 1 2',
  'PORT 7000',
  "port '7000'",
  'port "70\\x30\\x30"',
  'port 7000 # no comment',
  'port "7000"x',
  "port '7000",
  'save',
  'save ""',
  'save "60 1 300 10"',
  'save "60 \'1"',
  'save 60 1 300',
  'save 900',
  'bind',
  'bind ""',
  'client-output-buffer-limit',
  'client-output-buffer-limit normal 1 1',
  'list-max-ziplist-entries 512',
  'list-max-ziplist-entries',
  'lua-replicate-commands yes',
  'hash-max-zipmap-entries 64',
  'vm-enabled no',
  'rename-command GET',
  'rename-command get fetch',
  'rename-command fetch FETCH2',
  'rename-command no-such-thing ""',
  'rename-command set strlen',
  'user alice on >secret ~* +@all',
  'user alice off',
  'user',
  'loadmodule /a/b.so 1 2',
  'loadmodule',
  'search.timeout 5 6',
  'search.timeout',
  'sentinel',
  'sentinel monitor m 127.0.0.1 1 1',
  'include nothing-*.conf',
  'include sub',
  'include',
  'activedefrag no',
  'dir /',
  'dir /nowhere',
  'dir /etc/passwd',
  'dir ""',
  'slaveof 127.0.0.1 6379',
  'replicaof no one',
  'SLAVE-read-only No',
  'dbfilename a/b',
  'dbfilename ""',
  'appendfilename ""',
  'appenddirname a/b',
  'cluster-announce-hostname a_b',
  'shutdown-on-sigterm',
  'shutdown-on-sigterm "save now"',
  'shutdown-on-sigterm save nosave',
  'notify-keyspace-events "Kx" x',
  '\u000bport 7000',
  'port\u000b7000',
  'port "7000"\u000b',
]

const COMMANDS = new Set(['get', 'set', 'strlen'])

describe.skipIf(missing)('lines of a file', () => {
  test('accepted or refused as by Redis, in the same words', () => {
    const directory = freshDirectory()
    const plain = ODD_VALUES.flatMap((value, i) => [
      `${['maxmemory', 'port', 'maxclients', 'unixsocketperm', 'maxmemory-clients'][i % 5]!} ${value}`,
      `${['daemonize', 'oom-score-adj', 'aclfile', 'shutdown-on-sigint', 'bind'][i % 5]!} ${value}`,
    ])
    const lines = [...LINES, ...plain]
    const theirs = oracleErrors(directory, lines)
    const world: World = { ...fileWorld(directory), hasCommand: (name) => COMMANDS.has(name) }
    // One reading of all lines would stop at the first wrong one: what a line leaves behind for a later
    // one (renamed commands, users) is kept by putting the good ones in front of it.
    const good: string[] = []
    const ours = lines.map((line) => {
      const error = ourError(world, [...good, line].join('\n'))
      if (error === undefined && /^(rename|user)/.test(line)) good.push(line)
      return error
    })
    const different = lines.flatMap((line, i) => (ours[i] === theirs[i] ? [] : [[line, ours[i], theirs[i]]]))
    expect(JSON.stringify(different.slice(0, 20), undefined, 1)).toBe('[]')
    expect(theirs.filter((error) => error !== undefined).length).toBeGreaterThan(80)
  })

  test('a fatal error is told on standard error, line for line as by Redis', () => {
    const texts = [
      'port 1\n\n   port   abc \r\n',
      '# x\nsave 1',
      'cluster-enabled yes\nreplicaof 127.0.0.1 1',
      'logfile /no/such/place',
      'include one.conf\nport x',
      'include missing.conf',
    ]
    for (const text of texts) {
      const directory = freshDirectory({ 'redis.conf': text, 'one.conf': 'port 1\nport' })
      const run = spawnSync('redis-server', ['redis.conf'], { cwd: directory, encoding: 'utf8' })
      const start = loadConfig(['redis.conf'], fileWorld(directory), () => Buffer.alloc(0))
      if (start.ok) throw new Error(`accepted: ${text}`)
      const told = describeError(start.error)
      expect(run.status).toBe(1)
      if ('stderr' in told) expect(told.stderr.replace('7.2.4', version!)).toBe(run.stderr)
      else expect(run.stdout).toContain(` # ${told.log}\n`)
    }
  })
})

/** Starts both from the same arguments in equal directories and compares all settings. */
async function compareStart(files: Record<string, string>, args: string[], stdin = ''): Promise<void> {
  const directory = freshDirectory(files)
  const ours = ourSettings(loadOurs(directory, args, stdin))
  const server = await startOracle(directory, args, stdin)
  const theirs = await oracleSettings(server.client)
  expect(common(ours)).toEqual(common(theirs))
  await server.stop()
}

describe.skipIf(missing)('files, standard input and the command line', () => {
  const conf = 'port 0\nunixsocket s\n'
  test.each<[string, Record<string, string>, string[], string?]>([
    ['an example of everything', { 'a.conf': `${conf}${readExample()}` }, ['a.conf']],
    [
      'options behind a file',
      { 'a.conf': `${conf}maxmemory 1mb` },
      ['a.conf', '--maxmemory', '2mb', '--hz', '1000'],
    ],
    ['several values', {}, [...LISTEN, '--save', '60', '1', '--save', '300', '10', '--maxmemory', '1gb']],
    [
      'name and value in one word',
      {},
      [...LISTEN, '--maxmemory 5mb', '--appendfsync', 'always', '--save "1 2"'],
    ],
    ['save without a value', {}, [...LISTEN, '--save', '--loglevel', 'debug']],
    ['save as the last word', {}, [...LISTEN, '--appendonly', 'no', '--save']],
    ['values that begin with a dash', {}, [...LISTEN, '--masteruser', '--odd', '--masterauth', '-x']],
    [
      'several words in one',
      {},
      [...LISTEN, '--client-output-buffer-limit', 'replica 1gb 2gb 30', '--save', ''],
    ],
    ['standard input', { 'a.conf': conf }, ['a.conf', '--hz', '33', '-'], 'hz 44\nmaxmemory 3mb'],
    ['standard input alone', {}, ['-', '--timeout', '9'], `${conf}timeout 8\ntcp-keepalive 7\n`],
    [
      'include',
      { 'a.conf': `${conf}include b.conf\nsave 1 1\nsave 2 2`, 'b.conf': 'save 7 7\nhz 50' },
      ['a.conf'],
    ],
    [
      'include of a pattern',
      { 'a.conf': `${conf}include sub*.inc`, 'sub2.inc': 'hz 20', 'sub1.inc': 'hz 30\n' },
      ['a.conf'],
    ],
    [
      'a directory for what follows',
      { 'a.conf': `${conf}dir sub\ninclude ../b.conf`, 'b.conf': 'hz 9' },
      ['a.conf'],
    ],
  ])('%s', async (_name, files, args, stdin) => {
    if (_name.startsWith('a directory')) {
      // The socket lies where the node is then; it is not needed for the comparison of what came before.
      files['a.conf'] = `${conf.replace('unixsocket s', 'unixsocket ../s')}dir sub\ninclude ../b.conf`
    }
    await compareStart(files, args, stdin)
  })
})

describe.skipIf(missing)('CONFIG GET, SET and HELP', () => {
  let server: Server
  let config: Config
  beforeAll(async () => {
    const directory = freshDirectory()
    server = await startOracle(directory, LISTEN)
    config = loadOurs(directory, LISTEN)
  })

  const ask = async (...args: string[]): Promise<unknown> => {
    try {
      return await server.client.call(args[0]!, ...args.slice(1))
    } catch (error) {
      return (error as Error).message
    }
  }

  test('help', async () => {
    // 7.0 said "Prints".
    const theirs = ((await ask('CONFIG', 'HELP')) as string[]).map((line) => line.replace('Prints', 'Print'))
    expect(theirs).toEqual(CONFIG_HELP)
  })

  test.each([
    [['maxmemory']],
    [['MAXmemory', 'maxmemory', 'maxmem*']],
    [['*slave*', 'replica-*']],
    [['watchdog-period', 'watch*', 'use-exit-on-panic']],
    [['slaveof', 'replicaof']],
    [['no-such', 'por[t]', 'HASH-MAX-[z]*']],
    [['[^a-z]*']],
  ])('get %j', async (patterns) => {
    const flat = (await ask('CONFIG', 'GET', ...patterns)) as string[]
    const theirs = flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1]]] : [])).sort()
    expect(configGet(config, patterns).sort()).toEqual(theirs)
  })

  /**
   * Values of these reach for ports, files, signals or rights when they are set: not all of them here. And activedefrag works
   * here, while Redis wants an allocator of its own for it, which Debian's does not have.
   */
  const farReaching = new Set<DirectiveName>([
    'port', 'bind', 'tls-port', 'maxclients', 'watchdog-period', 'appendonly', 'oom-score-adj', 'dir',
    'oom-score-adj-values', 'requirepass', 'replica-announced', 'cluster-ping-interval', 'tls-cluster',
    'tls-replication', 'activedefrag', 'loglevel', 'timeout', 'latency-tracking-info-percentiles', 'proc-title-template',
  ]) // biome-ignore format: a list

  test('set: every directive with odd values, and what it is afterwards', async () => {
    const names = [...NAMES_OF_72, ...ALIASES.keys()].filter((name) => {
      const directive = ALIASES.get(name) ?? (name as DirectiveName)
      return !NEW_IN_72.includes(name) && !farReaching.has(directive)
    })
    const values = ODD_VALUES.map((value) => value.replaceAll('"', ''))
    const asked: { name: string; value: string }[] = []
    for (const name of names) {
      const first = showValue(config, ALIASES.get(name) ?? (name as DirectiveName))
      for (const value of [...values, first]) asked.push({ name, value })
    }
    const theirs = await Promise.all(
      asked.map(({ name, value }) =>
        Promise.all([ask('CONFIG', 'SET', name, value), ask('CONFIG', 'GET', name)]),
      ),
    )
    const different = asked.flatMap(({ name, value }, i) => {
      const said = configSet(config, [[name, value]], hooks(server.directory)) ?? 'OK'
      const ours = [said, configGet(config, [name]).flat()]
      return JSON.stringify(ours) === JSON.stringify(theirs[i])
        ? []
        : [{ name, value, ours, theirs: theirs[i] }]
    })
    expect(JSON.stringify(different.slice(0, 20), undefined, 1)).toBe('[]')
    expect(theirs.filter(([said]) => said === 'OK').length).toBeGreaterThan(1000)
  })

  test.each<[string, string[]]>([
    ['an unknown one behind a good one', ['maxmemory', '5mb', 'no-such', '1']],
    ['an unknown one before a bad one', ['no-such', '1', 'hz', 'x']],
    ['a bad one behind a good one', ['maxmemory', '6mb', 'hz', 'abc']],
    ['an immutable one', ['hz', '20', 'databases', '2']],
    ['a protected one', ['hz', '20', 'dbfilename', 'x']],
    ['the same twice', ['hz', '20', 'HZ', '30']],
    ['old and new name together', ['slave-priority', '7', 'replica-priority', '8']],
    ['several good ones', ['hz', '9999', 'Maxmemory', '7mb', 'SAVE', '3 3']],
    ['older name in an error', ['slave-read-only', 'what']],
    ['upper case in an error', ['SLAVE-READ-ONLY', 'what']],
    ['odd bytes in a name', ['x\r\ny', 'what']],
    ['save with two blanks', ['save', '60  1']],
    ['save empty', ['save', '']],
    ['limits empty', ['client-output-buffer-limit', '']],
    ['limits', ['client-output-buffer-limit', 'normal 100mb 200mb 3 replica 0 0 0']],
    ['percentiles empty', ['latency-tracking-info-percentiles', '']],
    ['percentiles', ['latency-tracking-info-percentiles', '1e-3 0.1234567 100']],
    ['a bad percentile', ['latency-tracking-info-percentiles', '50 x']],
    ['too many addresses', ['bind', '1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17']],
    ['a port that is none', ['port', '70000']],
    [
      'hz back',
      ['hz', '10', 'loglevel', 'verbose', 'timeout', '100', 'proc-title-template', '{title} {port}'],
    ],
  ])('set: %s', async (_name, words) => {
    const said = await ask('CONFIG', 'SET', ...words)
    const pairs = words.flatMap((name, i) => (i % 2 === 0 ? [[name, words[i + 1]!] as const] : []))
    expect(configSet(config, pairs, hooks(server.directory)) ?? 'OK').toBe(said)
    expect(common(ourSettings(config))).toEqual(common(await oracleSettings(server.client)))
  })
})
