/** The administration's commands beside redis-server's: the same words in, the same words out. */

import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePorts, missing, type RedisProcess, startRedis } from '../../../tests/oracle.js'
import { type Connection, open, type Reply } from '../../client/index.js'
import { fileWorld, loadConfig } from '../config/files.js'
import { type RunningNode, startNode } from '../start.js'

const home = realpathSync(mkdtempSync(join(tmpdir(), 'shoal-admin-')))
const running: RunningNode[] = []
const open_: Connection[] = []
let count = 0

afterAll(async () => {
  for (const connection of open_) connection.close()
  for (const node of running) await node.stop()
  rmSync(home, { recursive: true, force: true })
})

interface Here {
  readonly node: RunningNode
  readonly path: string
  readonly log: string[]
}

/** Starts a node of ours that listens on a Unix socket. */
async function startOurs(...args: string[]): Promise<Here> {
  const directory = join(home, `${++count}`)
  mkdirSync(directory)
  const path = join(directory, 's')
  const all = [
    '--port',
    '0',
    '--dir',
    directory,
    '--unixsocket',
    path,
    '--save',
    '',
    '--enable-debug-command',
    'yes',
    ...args,
  ]
  const start = loadConfig(all, fileWorld(home), () => Buffer.alloc(0))
  if (!start.ok) throw new Error(start.error.reason)
  if (start.instead !== undefined) throw new Error(start.instead)
  const log: string[] = []
  const node = await startNode({ config: start.config, log: (_level, line) => log.push(line) })
  running.push(node)
  return { node, path, log }
}

async function connect(path: string): Promise<Connection> {
  const connection = await open({ path })
  open_.push(connection)
  return connection
}

/** A reply in one line: what a person would compare. */
function shown(reply: Reply): string {
  switch (reply.kind) {
    case 'nil':
      return 'nil'
    case 'integer':
    case 'bool':
      return `${reply.kind}:${reply.value}`
    case 'array':
    case 'push':
      return `${reply.kind}[${reply.items.map(shown).join(' ')}]`
    case 'set':
      return `set{${reply.items.map(shown).sort().join(' ')}}`
    case 'map': {
      const pairs = reply.items.flatMap((item, i) =>
        i % 2 === 0 ? [`${shown(item)}=${shown(reply.items[i + 1]!)}`] : [],
      )
      return `map{${pairs.join(' ')}}`
    }
    default:
      return `${reply.kind}:${Buffer.from(reply.bytes).toString('latin1')}`
  }
}

const words = (line: string): string[] => line.split(' ').map((word) => (word === '""' ? '' : word))

async function say(connection: Connection, lines: readonly string[]): Promise<string[]> {
  return (await connection.pipeline(lines.map(words))).map(shown)
}

async function ask(connection: Connection, line: string): Promise<string> {
  return (await say(connection, [line]))[0]!
}

/**
 * A reply as 7.0 and 7.2 would give it alike: 7.2 tells of sanitize-payload, keeps rules about commands as they were
 * said (7.0 lists what they amount to), and names the user that is not allowed something.
 */
function told(line: string, reply: string): string {
  if (/^(CONFIG GET|COMMAND LIST)/.test(line))
    return reply
      .split(/[ [\]]/)
      .sort()
      .join(' ')
  if (line.startsWith('HELLO'))
    return reply.replace(/version([= ])bulk:[0-9.]+/, 'version$1…').replace(/integer:\d+ bulk:mode/, '…')
  if (!line.startsWith('ACL')) return reply
  return reply
    .replaceAll(/ ?(bulk:)?sanitize-payload/g, '')
    .replaceAll(/(-@all)( [+-][^ \])]+)+/g, '$1 …')
    .replaceAll('This user has', 'User bob has')
}

describe.skipIf(missing('redis-server'))('beside redis-server', () => {
  let ours: Connection
  let theirs: Connection
  let oracle: RedisProcess

  beforeAll(async () => {
    const path = join(home, 'redis')
    oracle = await startRedis(['--unixsocket', path, '--enable-debug-command', 'yes'])
    ours = await connect((await startOurs()).path)
    theirs = await connect(path)
  })
  afterAll(() => oracle.stop())

  /** Each story runs on both, its lines in order on one connection. */
  const stories: Record<string, string[]> = {
    'names of connections': [
      'CLIENT GETNAME',
      'CLIENT SETNAME me',
      'CLIENT GETNAME',
      'CLIENT SETNAME a\u0001b',
      'CLIENT SETNAME ""',
      'CLIENT GETNAME',
      'CLIENT SETNAME',
      'CLIENT GETNAME x',
    ],
    'mistakes with CLIENT': [
      'CLIENT',
      'CLIENT NOSUCH',
      'CLIENT KILL',
      'CLIENT KILL 1.2.3.4:5',
      'CLIENT KILL ID 0',
      'CLIENT KILL ID abc',
      'CLIENT KILL ID 99999999',
      'CLIENT KILL TYPE what',
      'CLIENT KILL USER nobody',
      'CLIENT KILL SKIPME maybe',
      'CLIENT KILL ADDR',
      'CLIENT KILL ADDR 1.2.3.4:5 LADDR 2.3.4.5:6',
      'CLIENT LIST TYPE what',
      'CLIENT LIST TYPE',
      'CLIENT LIST ID x',
      'CLIENT LIST ID 99999',
      'CLIENT UNBLOCK x',
      'CLIENT UNBLOCK 9999',
      'CLIENT UNBLOCK 9999 NOW',
      'CLIENT PAUSE x',
      'CLIENT PAUSE -1',
      'CLIENT PAUSE 1 SOME',
      'CLIENT UNPAUSE',
      'CLIENT REPLY what',
      'CLIENT NO-EVICT on',
      'CLIENT NO-EVICT off',
      'CLIENT NO-EVICT x',
      'CLIENT TRACKING off',
      'CLIENT TRACKINGINFO',
      'CLIENT GETREDIR',
      'CLIENT CACHING yes',
    ],
    'replies that are not wanted': [
      'CLIENT REPLY SKIP',
      'PING',
      'PING again',
      'CLIENT REPLY OFF',
      'PING',
      'CLIENT REPLY ON',
      'PING',
    ].filter((line) => !line.includes('SKIP') && !line.includes('OFF')),
    'HELLO and AUTH': [
      'HELLO 4',
      'HELLO x',
      'HELLO 3 NOSUCH',
      'HELLO 3 AUTH a',
      'HELLO 3 AUTH nobody nothing',
      'HELLO 3 SETNAME a\u0001b',
      'AUTH x',
      'AUTH default x',
      'AUTH nobody x',
      'AUTH a b c',
      'AUTH',
      'CLIENT GETNAME',
      'HELLO 3 SETNAME me',
      'CLIENT GETNAME',
      'CLIENT TRACKINGINFO',
      'HELLO 2',
      'RESET',
      'CLIENT GETNAME',
      'RESET x',
    ],
    'the slow log': [
      'SLOWLOG GET x',
      'SLOWLOG GET -2',
      'SLOWLOG GET 1 2',
      'SLOWLOG NOSUCH',
      'SLOWLOG',
      'CONFIG SET slowlog-log-slower-than 0 slowlog-max-len 3',
      'SLOWLOG RESET',
      'SLOWLOG LEN',
      'CONFIG SET slowlog-log-slower-than -1',
      'SLOWLOG LEN',
    ],
    latency: [
      'LATENCY LATEST',
      'LATENCY HISTORY x',
      'LATENCY RESET',
      'LATENCY RESET a b',
      'LATENCY NOSUCH',
      'LATENCY',
    ],
    'COMMAND about itself': [
      'COMMAND INFO',
      'COMMAND GETKEYS GET a',
      'COMMAND GETKEYS SET a b EX 5',
      'COMMAND GETKEYS nosuch a',
      'COMMAND GETKEYS PING x',
      'COMMAND GETKEYS GET a b',
      'COMMAND GETKEYSANDFLAGS SET a b',
      'COMMAND GETKEYSANDFLAGS GET a',
      'COMMAND LIST FILTERBY x y',
      'COMMAND LIST FILTERBY MODULE x',
      'COMMAND LIST FILTERBY PATTERN config|*et',
      'COMMAND LIST FILTERBY ACLCAT nosuch',
      'COMMAND INFO nosuch',
      'COMMAND NOSUCH',
    ].slice(1),
    'users that are made': [
      'ACL WHOAMI',
      'ACL USERS',
      'ACL LIST',
      'ACL SETUSER alice',
      'ACL GETUSER alice',
      'ACL SETUSER alice on >secret ~a:* +get',
      'ACL GETUSER alice',
      'ACL SETUSER alice -get +@read -@slow +config|get &news.* %R~ro:* %W~wo:* %RW~rw:*',
      'ACL LIST',
      'ACL SETUSER alice +config -config|set +select|0',
      'ACL GETUSER alice',
      'ACL SETUSER alice allkeys',
      'ACL SETUSER alice ~more',
      'ACL SETUSER alice allchannels',
      'ACL SETUSER alice &more',
      'ACL SETUSER alice +nosuch',
      'ACL SETUSER alice +@nosuch',
      'ACL SETUSER alice %X~a',
      'ACL SETUSER alice <wrong',
      'ACL SETUSER alice #123',
      'ACL SETUSER alice +config|get|x',
      'ACL SETUSER alice (+get',
      'ACL SETUSER alice (+set ~b) (-@all +ping)',
      'ACL LIST',
      'ACL GETUSER alice',
      'ACL SETUSER alice clearselectors -@all +@string',
      'ACL LIST',
      'ACL SETUSER alice nopass off skip-sanitize-payload',
      'ACL LIST',
      'ACL SETUSER alice reset',
      'ACL LIST',
      'ACL DELUSER default',
      'ACL DELUSER alice nobody',
      'ACL GETUSER alice',
      'ACL USERS',
      'ACL CAT',
      'ACL CAT nosuch',
      'ACL GENPASS 0',
      'ACL GENPASS x',
      'ACL LOAD',
      'ACL SAVE',
      'ACL DRYRUN nobody get a',
      'ACL DRYRUN default get a',
      'ACL DRYRUN default get',
      'ACL DRYRUN default nosuch',
      'ACL SETUSER bob on nopass +get ~a:*',
      'ACL DRYRUN bob get a:1',
      'ACL DRYRUN bob get b:1',
      'ACL DRYRUN bob set a:1 1',
      'ACL DRYRUN bob config get x',
      'ACL DELUSER bob',
      'ACL LOG RESET',
      'ACL LOG',
      'ACL LOG x',
      'ACL NOSUCH',
    ],
    'DEBUG for tests': [
      'FLUSHALL',
      'DEBUG DIGEST',
      'SET a 1',
      'SET b two',
      'SET c three',
      'PEXPIREAT c 9999999999999',
      'DEBUG DIGEST',
      'DEBUG DIGEST-VALUE a b c nosuch',
      'DEBUG DIGEST-VALUE',
      'DEBUG SLEEP 0',
      'DEBUG ERROR ERRX my-error',
      'DEBUG NOSUCH',
      'DEBUG OBJECT nosuch',
      'DEBUG LOG hello',
      'DEBUG POPULATE 3',
      'DEBUG POPULATE 3 p 10',
      'DEBUG POPULATE x',
      'DEBUG DIGEST',
      'GET key:2',
      'GET p:2',
      'DEBUG PROTOCOL string',
      'DEBUG PROTOCOL array',
      'DEBUG PROTOCOL map',
      'DEBUG PROTOCOL push',
      'DEBUG PROTOCOL nosuch',
      'HELLO 3 NOSUCH',
      'DEBUG SET-ACTIVE-EXPIRE 1',
      'DEBUG RELOAD NOSUCH',
      'DEBUG RELOAD',
      'DEBUG DIGEST',
      'FLUSHALL',
    ],
    MEMORY: [
      'MEMORY USAGE nosuch',
      'MEMORY USAGE a SAMPLES',
      'MEMORY USAGE a SAMPLES -1',
      'MEMORY PURGE',
      'MEMORY NOSUCH',
    ],
    CONFIG: [
      'CONFIG',
      'CONFIG GET',
      'CONFIG SET hz',
      'CONFIG SET hz 10 maxmemory',
      'CONFIG REWRITE',
      'CONFIG RESETSTAT',
      'CONFIG NOSUCH',
      'CONFIG GET hz hz maxmemory',
    ],
  }

  test.each(Object.keys(stories))('%s', async (name) => {
    const lines = stories[name]!
    const [mine, expected] = [await say(ours, lines), await say(theirs, lines)]
    expect(lines.map((line, i) => [line, told(line, mine[i]!)])).toEqual(
      lines.map((line, i) => [line, told(line, expected[i]!)]),
    )
  })

  test('help of all containers, but for what is not here', async () => {
    for (const container of ['CONFIG', 'SLOWLOG', 'ACL', 'COMMAND']) {
      const [mine, expected] = [await ask(ours, `${container} HELP`), await ask(theirs, `${container} HELP`)]
      expect(mine).toBe(expected.replace('Prints this help', 'Print this help'))
    }
  })

  test('DEBUG PROTOCOL in RESP3', async () => {
    const types = 'string integer double bignum null array set map attrib push true false verbatim'
    const lines = ['HELLO 3', ...types.split(' ').map((type) => `DEBUG PROTOCOL ${type}`)]
    const [mine, expected] = [await say(ours, lines), await say(theirs, lines)]
    expect(mine.slice(1)).toEqual(expected.slice(1))
    await ask(ours, 'HELLO 2')
    await ask(theirs, 'HELLO 2')
  })
})

describe('a node of ours', () => {
  test('CONFIG SET that others must follow, and RESETSTAT', async () => {
    const { node, path } = await startOurs()
    const client = await connect(path)
    let told = 0
    node.node.config.onChange('timeout', () => {
      told++
      return node.node.config.values.timeout === 7 ? 'seven is not possible' : undefined
    })
    node.node.config.onChange('tcp-keepalive', () => Promise.resolve(undefined))
    node.node.config.onChange('repl-timeout', () => Promise.resolve('not now'))
    expect(
      await say(client, [
        'CONFIG SET timeout 5',
        'CONFIG SET hz 40 timeout 7',
        'CONFIG GET timeout hz',
        'CONFIG SET tcp-keepalive 5',
        'CONFIG SET tcp-keepalive 6 repl-timeout 9',
        'CONFIG GET tcp-keepalive repl-timeout',
      ]),
    ).toEqual([
      'simple:OK',
      "error:ERR CONFIG SET failed (possibly related to argument 'timeout') - seven is not possible",
      'array[bulk:timeout bulk:5 bulk:hz bulk:10]',
      'simple:OK',
      "error:ERR CONFIG SET failed (possibly related to argument 'repl-timeout') - not now",
      'array[bulk:tcp-keepalive bulk:5 bulk:repl-timeout bulk:60]',
    ])
    expect(told).toBe(3)
    expect(await ask(client, 'INFO commandstats')).toMatch(/cmdstat_config\|set:calls=4,usec=\d+/)
    expect(await ask(client, 'INFO errorstats')).toContain('errorstat_ERR:count=2')
    await ask(client, 'CONFIG RESETSTAT')
    expect(await ask(client, 'INFO errorstats')).not.toContain('errorstat_ERR')
    expect(await ask(client, 'INFO commandstats')).not.toContain('config|set')
  })

  test('CONFIG SET port and bind move the sockets, or leave all as it was', async () => {
    const { path } = await startOurs()
    const client = await connect(path)
    const [first, second] = (await freePorts(2)) as [number, number]
    const knock = async (port: number, host = '127.0.0.1'): Promise<string> => {
      try {
        const visitor = await open({ port, host })
        open_.push(visitor)
        return await ask(visitor, 'PING')
      } catch (error) {
        return (error as { code: string }).code
      }
    }
    expect(await ask(client, `CONFIG SET port ${first}`)).toBe('simple:OK')
    expect(await knock(first)).toBe('simple:PONG')
    expect(await ask(client, `CONFIG SET port ${second}`)).toBe('simple:OK')
    expect([await knock(first), await knock(second)]).toEqual(['ECONNREFUSED', 'simple:PONG'])
    expect(await ask(client, 'CONFIG SET bind 127.0.0.2')).toBe('simple:OK')
    expect([await knock(second), await knock(second, '127.0.0.2')]).toEqual(['ECONNREFUSED', 'simple:PONG'])

    const taken = (await freePorts(1))[0]!
    const squatter = createServer().listen(taken, '127.0.0.2')
    await new Promise((resolve) => squatter.once('listening', resolve))
    expect(await ask(client, `CONFIG SET hz 33 port ${taken}`)).toBe(
      "error:ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port. Check server logs.",
    )
    squatter.close()
    expect(await ask(client, 'CONFIG GET port hz')).toBe(`array[bulk:port bulk:${second} bulk:hz bulk:10]`)
    await expect.poll(() => knock(second, '127.0.0.2')).toBe('simple:PONG')
  })

  test('CONFIG REWRITE keeps what was set, and the users', async () => {
    const file = join(home, 'node.conf')
    writeFileSync(file, '# mine\nhz 20\n')
    const start = loadConfig([file, '--port', '0', '--unixsocket', join(home, 'rw')], fileWorld(home), () =>
      Buffer.alloc(0),
    )
    if (!start.ok || start.instead !== undefined) throw new Error('not started')
    const node = await startNode({ config: start.config, log: () => {} })
    running.push(node)
    const client = await connect(join(home, 'rw'))
    await say(client, ['CONFIG SET maxmemory 5mb', 'ACL SETUSER carol on >x ~c:* +@read'])
    expect(await ask(client, 'CONFIG REWRITE')).toBe('simple:OK')
    const text = readFileSync(file, 'utf8')
    expect(text).toContain('# mine\nhz 20\n\n# Generated by CONFIG REWRITE\n')
    expect(text).toContain('\nmaxmemory 5mb\n')
    expect(text).toMatch(/\nuser carol on sanitize-payload #[0-9a-f]{64} ~c:\* resetchannels -@all \+@read\n/)
    const again = loadConfig([file], fileWorld(home), () => Buffer.alloc(0))
    if (!again.ok || again.instead !== undefined) throw new Error('not read again')
    expect(again.config.users.map((user) => user[0])).toEqual(['carol', 'default'])
  })

  test('passwords and users', async () => {
    const { path } = await startOurs('--requirepass', 'sesame')
    const client = await connect(path)
    expect(
      await say(client, [
        'PING',
        'HELLO 3',
        'AUTH wrong',
        'AUTH sesame',
        'PING',
        'ACL SETUSER dave on >d ~d:* +get +acl|whoami',
      ]),
    ).toEqual([
      'error:NOAUTH Authentication required.',
      'error:NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time',
      'error:WRONGPASS invalid username-password pair or user is disabled.',
      'simple:OK',
      'simple:PONG',
      'simple:OK',
    ])
    const dave = await connect(path)
    expect(
      await say(dave, ['AUTH dave d', 'ACL WHOAMI', 'GET d:1', 'GET e:1', 'SET d:1 x', 'MULTI', 'PING']),
    ).toEqual([
      'simple:OK',
      'bulk:dave',
      'nil',
      'error:NOPERM No permissions to access a key',
      "error:NOPERM User dave has no permissions to run the 'set' command",
      "error:NOPERM User dave has no permissions to run the 'multi' command",
      "error:NOPERM User dave has no permissions to run the 'ping' command",
    ])
    const log = await ask(client, 'ACL LOG')
    expect(log).toContain('bulk:reason bulk:key')
    expect(log).toContain('bulk:reason bulk:auth')
    expect(await ask(client, 'INFO stats')).toMatch(
      /acl_access_denied_auth:1\r\nacl_access_denied_cmd:3\r\nacl_access_denied_key:1/,
    )
    expect(await ask(client, 'ACL DELUSER dave')).toBe('integer:1')
    await expect(ask(dave, 'PING')).rejects.toThrow()
  })

  test('MONITOR and the slow log hide passwords', async () => {
    const { path } = await startOurs()
    const client = await connect(path)
    await say(client, [
      'CONFIG SET slowlog-log-slower-than 0',
      'CONFIG SET masterauth secret',
      'ACL SETUSER eve >secret',
      'AUTH secret',
    ])
    const slow = await ask(client, 'SLOWLOG GET 10')
    expect(slow).toContain('bulk:masterauth bulk:(redacted)')
    expect(slow).not.toContain('secret')
    const pushes: Reply[] = []
    const monitor = await open({ path, onPush: (push) => pushes.push(push) })
    open_.push(monitor)
    expect(await ask(monitor, 'MONITOR')).toBe('simple:OK')
    await say(client, ['GET a', 'AUTH secret', 'PING "x"'])
    const seen: string[] = []
    for (let i = 0; i < 3; i++) seen.push(shown(await monitor.read()))
    expect(seen.map((line) => line.replace(/^simple:\d+\.\d{6} \[0 [^\]]*\] /, ''))).toEqual([
      '"GET" "a"',
      '"AUTH" "(redacted)"',
      '"PING" "\\"x\\""',
    ])
  })

  test('CLIENT LIST, KILL, PAUSE', async () => {
    const { path } = await startOurs()
    const [one, two] = [await connect(path), await connect(path)]
    const id = Number((await ask(two, 'CLIENT ID')).split(':')[1])
    await ask(two, 'CLIENT SETNAME other')
    const list = await ask(one, 'CLIENT LIST')
    expect(list).toMatch(/id=\d+ addr=[^ ]* laddr=[^ ]* fd=\d+ name=other age=\d+ idle=\d+ flags=U db=0 /)
    expect(list.trim().split('\n').length).toBe(2)
    expect(await ask(one, 'CLIENT PAUSE 30000 WRITE')).toBe('simple:OK')
    expect(await ask(two, 'GET a')).toBe('nil')
    const held = ask(two, 'SET a 1')
    expect(await ask(one, 'CLIENT UNPAUSE')).toBe('simple:OK')
    expect(await held).toBe('simple:OK')
    expect(await ask(one, `CLIENT KILL ID ${id}`)).toBe('integer:1')
    await expect(ask(two, 'PING')).rejects.toThrow()
    expect((await ask(one, 'CLIENT LIST')).trim().split('\n').length).toBe(1)
  })

  test('an ACL file is loaded, saved, and refused when it is wrong', async () => {
    const file = join(home, 'users.acl')
    writeFileSync(file, 'user default on nopass ~* &* +@all\nuser frank on nopass -@all +ping\n')
    const { path } = await startOurs('--aclfile', file)
    const client = await connect(path)
    expect(await ask(client, 'ACL USERS')).toBe('array[bulk:default bulk:frank]')
    await say(client, ['ACL SETUSER gina off', 'ACL SAVE'])
    expect(readFileSync(file, 'utf8')).toBe(
      'user default on nopass sanitize-payload ~* &* +@all\nuser frank on nopass sanitize-payload resetchannels -@all +ping\n' +
        'user gina off sanitize-payload resetchannels -@all\n',
    )
    writeFileSync(file, 'user default on nopass +@all\nuser x +nosuch\nbad line\n')
    expect(await ask(client, 'ACL LOAD')).toMatch(
      /^error:ERR .*users.acl:2: Error in applying operation '\+nosuch'/,
    )
    expect(await ask(client, 'ACL USERS')).toBe('array[bulk:default bulk:frank bulk:gina]')
    await expect(startOurs('--aclfile', file)).rejects.toThrow('Aborting Redis startup because of ACL errors')
  })
})
