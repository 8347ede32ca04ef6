/**
 * The state machines of this room talking to a real redis-server 7.0.15, in both directions, over a shell of sockets
 * that exists only here. What the real one said in its handshakes is written down as it was captured.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { freePorts } from '../../tests/ports.js'
import { commandsIn } from '../../tests/support/commands-in.js'
import { uncappedText as latin1 } from '../bytes/ascii.js'
import { countAcks } from './acks.js'
import { afterEvents, tick } from './cron.js'
import { createTurn, type Effect, type Turn } from './effects.js'
import { feedCommand } from './feed.js'
import { loadFinished, masterBytes, masterClosed, masterConnected } from './handshake.js'
import { linkClosed } from './links.js'
import { psync } from './psync.js'
import { replconf } from './replconf.js'
import { failover, setMaster, unsetMaster } from './role.js'
import { fileSent, snapshotChunk, snapshotDone } from './snapshot.js'
import { createReplication, defaultOptions, isMaster, type Replication } from './state.js'
import { ascii, concat, encodeCommand } from './wire.js'

const REDIS = (() => {
  try {
    return execFileSync('which', ['redis-server'], { encoding: 'utf8' }).trim()
  } catch {
    if (process.env['CI']) throw new Error('redis-server is needed for these tests')
    console.warn('skipped: no redis-server on the PATH')
    return ''
  }
})()

/** An RDB file with `foo` = `bar` in database 0 and no checksum. */
const RDB = concat([
  ascii('REDIS0009'),
  Uint8Array.of(0xfe, 0, 0, 3),
  ascii('foo'),
  Uint8Array.of(3),
  ascii('bar'),
  Uint8Array.of(0xff, 0, 0, 0, 0, 0, 0, 0, 0),
])

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited in vain for: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** A node that is nothing but replication: what it applies it writes down. */
class Shell {
  readonly r: Replication
  readonly server: Server
  readonly logs: string[] = []
  /** Commands that came from clients (that is, from replicas), and those applied from the master. */
  readonly heard: string[][] = []
  readonly applied: string[] = []
  rdb: number[] = []
  private readonly clients = new Map<number, Socket>()
  private master: Socket | null = null
  private nextId = 1
  private readonly timer: NodeJS.Timeout

  constructor(change: Partial<ReturnType<typeof defaultOptions>> = {}) {
    const turn = this.turn()
    this.r = createReplication({ ...defaultOptions(), replDisklessSyncDelay_s: 0, ...change }, turn)
    this.server = createServer((socket) => this.accept(socket))
    this.timer = setInterval(() => this.call((turn) => tick(this.r, turn)), 50)
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve))
    const { port } = this.server.address() as AddressInfo
    this.r.options.port = port
    return port
  }

  stop(): void {
    clearInterval(this.timer)
    this.master?.destroy()
    for (const socket of this.clients.values()) socket.destroy()
    this.server.close()
  }

  cutReplicas(): void {
    for (const socket of this.clients.values()) socket.destroy()
  }

  cutMaster(): void {
    this.master?.destroy()
  }

  private turn(): Turn {
    return createTurn(Date.now(), () => randomBytes(20).toString('hex'))
  }

  call(input: (turn: Turn) => void): void {
    const turn = this.turn()
    input(turn)
    for (const effect of turn.effects) this.carryOut(effect)
    const after = this.turn()
    afterEvents(this.r, after)
    for (const effect of after.effects) this.carryOut(effect)
  }

  private accept(socket: Socket): void {
    const id = this.nextId++
    this.clients.set(id, socket)
    let text = ''
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.on('close', () => {
      this.clients.delete(id)
      this.call((turn) => linkClosed(this.r, id, turn))
    })
    socket.on('data', (data) => {
      const { list, rest } = commandsIn(text + latin1(data))
      text = rest
      for (const args of list) this.call((turn) => this.command(id, socket, args, turn))
    })
  }

  private command(id: number, socket: Socket, args: string[], turn: Turn): void {
    this.heard.push(args)
    const bytes = args.map((arg) => ascii(arg))
    const name = args[0]!.toLowerCase()
    if (name === 'ping') socket.write('+PONG\r\n')
    else if (name === 'replconf') {
      const answer = replconf(this.r, id, '127.0.0.1', bytes, turn)
      if (answer !== null) socket.write('ok' in answer ? '+OK\r\n' : `-${answer.error}\r\n`)
    } else {
      const asker = { id, peerIp: '127.0.0.1', client: `id=${id}`, hasPendingReplies: false }
      const error = psync(this.r, asker, bytes, turn)
      if (error !== null) socket.write(`-${error}\r\n`)
    }
  }

  private carryOut(effect: Effect): void {
    switch (effect.kind) {
      case 'log':
        this.logs.push(effect.text)
        break
      case 'send':
        this.clients.get(effect.to)?.write(effect.bytes.slice(effect.start, effect.end))
        break
      case 'closeLink':
        this.clients.get(effect.link)?.destroySoon()
        break
      case 'startSnapshot': {
        const { id, target } = effect
        // Not at once: the replica sees that the snapshot takes a while.
        setImmediate(() => {
          if (target === 'socket') {
            this.call((turn) => snapshotChunk(this.r, id, RDB, 0, 10, turn))
            this.call((turn) => snapshotChunk(this.r, id, RDB, 10, RDB.length, turn))
          }
          this.call((turn) => snapshotDone(this.r, id, { ok: true, size: RDB.length }, turn))
        })
        break
      }
      case 'sendFile':
        this.clients.get(effect.to)?.write(RDB)
        setImmediate(() => this.call((turn) => fileSent(this.r, effect.to, turn)))
        break
      case 'connect':
        this.connectMaster(effect.attempt, effect.port, effect.host)
        break
      case 'sendMaster':
        this.master?.write(effect.bytes)
        break
      case 'closeMaster':
        this.master?.destroy()
        break
      case 'transferBegin':
        this.rdb = []
        break
      case 'transferChunk':
        this.rdb.push(...effect.bytes.subarray(effect.start, effect.end))
        break
      case 'transferEnd':
        setImmediate(() => this.call((turn) => loadFinished(this.r, { ok: true, streamDb: 0 }, turn)))
        break
      case 'apply':
        this.apply(effect.bytes, effect.start, effect.end, effect.db)
        break
    }
  }

  private apply(bytes: Uint8Array, start: number, end: number, db: number): void {
    const { list, rest } = commandsIn(latin1(bytes, start, end))
    expect(rest).toBe('')
    let selected = db
    for (const args of list) {
      if (args[0]!.toUpperCase() === 'SELECT') selected = Number(args[1])
      else if (args[0]!.toUpperCase() !== 'PING') this.applied.push(`${selected}: ${args.join(' ')}`)
    }
  }

  private connectMaster(attempt: number, port: number, host: string): void {
    const socket = connect(port, host)
    this.master = socket
    let reason = 'connection lost'
    socket.setNoDelay(true)
    socket.on('connect', () => this.call((turn) => masterConnected(this.r, attempt, turn)))
    socket.on('error', (error) => {
      reason = error.message
    })
    socket.on('close', () => this.call((turn) => masterClosed(this.r, attempt, reason, turn)))
    socket.on('data', (data) => this.call((turn) => masterBytes(this.r, attempt, data, 0, data.length, turn)))
  }
}

/** A real redis-server, and one connection to ask it over. */
class Redis {
  readonly port: number
  private readonly process: ChildProcess
  private readonly dir: string
  private socket: Socket | null = null

  constructor(port: number, ...options: string[]) {
    this.port = port
    this.dir = mkdtempSync(join(tmpdir(), 'shoal-replication-'))
    const fixed = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', this.dir]
    this.process = spawn(REDIS, [...fixed, ...options], { stdio: 'ignore' })
  }

  async ready(): Promise<this> {
    await until(`redis-server on ${this.port}`, async () => {
      try {
        return /^(\+PONG|-NOAUTH)/.test(await this.ask('PING'))
      } catch {
        this.socket = null
        return false
      }
    })
    return this
  }

  /** The raw reply. */
  async ask(...args: string[]): Promise<string> {
    this.socket ??= await new Promise<Socket>((resolve, reject) => {
      const socket = connect(this.port, '127.0.0.1', () => resolve(socket))
      socket.once('error', reject)
    })
    const { socket } = this
    return await new Promise<string>((resolve, reject) => {
      let text = ''
      const take = (data: Buffer): void => {
        text += latin1(data)
        const bulk = /^\$(\d+)\r\n/.exec(text)
        const length = bulk === null ? text.indexOf('\r\n') + 2 : bulk[0].length + Number(bulk[1]) + 2
        if (length < 2 || text.length < length) return
        socket.off('data', take)
        socket.off('error', reject)
        resolve(text)
      }
      socket.on('data', take)
      socket.once('error', reject)
      socket.write(encodeCommand(...args))
    })
  }

  async info(field: string): Promise<string> {
    return new RegExp(`^${field}:(.*)\r$`, 'm').exec(await this.ask('INFO', 'replication'))?.[1] ?? ''
  }

  stop(): void {
    this.socket?.destroy()
    this.process.kill('SIGKILL')
    rmSync(this.dir, { recursive: true, force: true })
  }
}

const running: { stop(): void }[] = []

function keep<T extends { stop(): void }>(thing: T): T {
  running.push(thing)
  return thing
}

async function redis(...options: string[]): Promise<Redis> {
  return await keep(new Redis((await freePorts(1))[0]!, ...options)).ready()
}

afterEach(() => {
  for (const thing of running.splice(0)) thing.stop()
})

const set = (shell: Shell, db: number, key: string, value: string): void =>
  shell.call((turn) => feedCommand(shell.r, db, ['SET', key, value], turn))

describe.skipIf(REDIS === '')('our master, a real replica', () => {
  const ways = [
    { how: 'streamed', change: { replDisklessSync: true } },
    { how: 'from a file', change: { replDisklessSync: false } },
  ]
  test.each(ways)('synchronised ($how), fed, cut off and back', async ({ change }) => {
    const shell = keep(new Shell(change))
    const port = await shell.listen()
    const replica = await redis('--replicaof', '127.0.0.1', String(port), '--repl-diskless-load', 'disabled')
    await until('the link', async () => (await replica.info('master_link_status')) === 'up')

    // Golden: the handshake of redis-server 7.0.15.
    const handshake = shell.heard.filter((args) => args[1] !== 'ACK').slice(0, 4)
    expect(handshake).toEqual([
      ['PING'],
      ['REPLCONF', 'listening-port', String(replica.port)],
      ['REPLCONF', 'capa', 'eof', 'capa', 'psync2'],
      ['PSYNC', '?', '-1'],
    ])
    expect(await replica.ask('GET', 'foo')).toBe('$3\r\nbar\r\n')

    set(shell, 0, 'a', '1')
    set(shell, 5, 'b', '2')
    shell.call(() => {
      shell.r.ackWanted = true
    })
    const { offset } = shell.r
    await until('the ACK', () => shell.r.offset > offset && countAcks(shell.r, offset) === 1)
    expect(await replica.ask('GET', 'a')).toBe('$1\r\n1\r\n')
    await replica.ask('SELECT', '5')
    expect(await replica.ask('GET', 'b')).toBe('$1\r\n2\r\n')
    expect(await replica.info('master_replid')).toBe(shell.r.replid)

    shell.cutReplicas()
    set(shell, 5, 'while away', '3')
    await until('the replica again', () => shell.r.stats.syncPartialOk === 1)
    await until('what it missed', async () => (await replica.ask('GET', 'while away')) === '$1\r\n3\r\n')
    expect(shell.logs.filter((line) => line.startsWith('Partial resynchronization request'))[0]).toMatch(
      `Partial resynchronization request from 127.0.0.1:${replica.port} accepted. Sending `,
    )
    expect(shell.r.stats).toMatchObject({ syncFull: 1, syncPartialOk: 1, syncPartialErr: 0 })
  })

  test('FAILOVER to a real replica: it becomes the master and we go on behind it', async () => {
    const shell = keep(new Shell())
    const port = await shell.listen()
    const replica = await redis('--replicaof', '127.0.0.1', String(port))
    await until('the link', async () => (await replica.info('master_link_status')) === 'up')
    set(shell, 0, 'a', '1')
    shell.call((turn) => {
      expect(failover(shell.r, [], turn)).toEqual({ ok: true })
    })
    await until('the change of roles', () => shell.r.master.state === 'connected')
    expect(await replica.info('role')).toBe('master')
    expect(shell.r.failover.state).toBe('none')
    expect(shell.logs).toContain('Successful partial resynchronization with master.')
    await replica.ask('SET', 'c', '3')
    await until('the write of the new master', () => shell.applied.includes('0: SET c 3'))
    expect(shell.r.replid).toBe(await replica.info('master_replid'))
  })
})

describe.skipIf(REDIS === '')('our replica, a real master', () => {
  test.each([['yes'], ['no']])('synchronised (diskless: %s), fed, cut off and back', async (diskless) => {
    const options = ['--repl-diskless-sync', diskless, '--repl-diskless-sync-delay', '0']
    const master = await redis(...options, '--requirepass', 'secret', '--masterauth', 'secret')
    await master.ask('AUTH', 'secret')
    await master.ask('SET', 'before', '0')
    const shell = keep(new Shell({ masterauth: ascii('secret'), replicaAnnounceIp: '127.0.0.9' }))
    await shell.listen()
    shell.call((turn) => setMaster(shell.r, '127.0.0.1', master.port, turn))
    await until('the link', () => shell.r.master.state === 'connected')

    expect(latin1(Uint8Array.from(shell.rdb.slice(0, 9)))).toBe('REDIS0010')
    expect(shell.rdb.slice(-9)[0]).toBe(0xff)
    expect(shell.logs.filter((line) => !line.startsWith('Full resync from'))).toEqual([
      expect.stringMatching(/^Before turning into a replica, using my own master parameters/),
      `Connecting to MASTER 127.0.0.1:${master.port}`,
      'MASTER <-> REPLICA sync started',
      'Non blocking connect for SYNC fired the event.',
      'Master replied to PING, replication can continue...',
      expect.stringMatching(/^Trying a partial resynchronization \(request [0-9a-f]{40}:1\)\.$/),
      diskless === 'yes'
        ? 'MASTER <-> REPLICA sync: receiving streamed RDB from master with EOF to disk'
        : expect.stringMatching(/^MASTER <-> REPLICA sync: receiving \d+ bytes from master to disk$/),
      'Discarding previously cached master state.',
      'MASTER <-> REPLICA sync: Flushing old data',
      'MASTER <-> REPLICA sync: Loading DB in memory',
      'MASTER <-> REPLICA sync: Finished with success',
    ])

    await master.ask('SET', 'a', '1')
    await master.ask('SELECT', '7')
    await master.ask('SET', 'b', '2')
    expect(await master.ask('WAIT', '1', '5000')).toBe(':1\r\n')
    expect(shell.applied).toEqual(['0: SET a 1', '7: SET b 2'])
    expect(await master.info('slave0')).toMatch(
      new RegExp(`^ip=127.0.0.9,port=${shell.r.options.port},state=online,offset=\\d+,lag=[01]$`),
    )

    shell.cutMaster()
    await master.ask('SET', 'while away', '3')
    await until('the write that came meanwhile', () => shell.applied.includes('7: SET while away 3'))
    expect(shell.logs).toContain('Successful partial resynchronization with master.')
    await until(
      'the offset',
      async () => (await master.info('master_repl_offset')) === String(shell.r.offset),
    )
  })

  test('passes the very same bytes on to a real replica, which goes on with us when we are promoted', async () => {
    const master = await redis('--repl-diskless-sync-delay', '0')
    const shell = keep(new Shell())
    const port = await shell.listen()
    shell.call((turn) => setMaster(shell.r, '127.0.0.1', master.port, turn))
    await until('our link', () => shell.r.master.state === 'connected')
    const last = await redis('--replicaof', '127.0.0.1', String(port))
    await until('the link of the last', async () => (await last.info('master_link_status')) === 'up')
    await master.ask('MULTI')
    await master.ask('SET', 'x', '1')
    await master.ask('SET', 'y', '2')
    await master.ask('EXEC')
    await until('the end of the chain', async () => (await last.ask('GET', 'y')) === '$1\r\n2\r\n')
    expect(await last.info('master_replid')).toBe(await master.info('master_replid'))

    master.stop()
    await until('the loss', () => !isMaster(shell.r) && shell.r.master.state !== 'connected')
    shell.call((turn) => unsetMaster(shell.r, turn))
    set(shell, 0, 'z', '3')
    await until('a write of the new master', async () => (await last.ask('GET', 'z')) === '$1\r\n3\r\n')
    expect(shell.r.stats).toMatchObject({ syncFull: 1, syncPartialOk: 1 })
    expect(await last.info('master_replid')).toBe(shell.r.replid)
  })
})
