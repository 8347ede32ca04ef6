/**
 * The rules of replication one by one, on the bare state machines: what is answered, when a snapshot begins and who
 * shares it, who is dropped and why, what INFO tells.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { uncappedText as latin1 } from '../bytes/ascii.js'
import { acknowledged, enoughReplicas, settleWaits, wait, waitAof } from './acks.js'
import { historyLength } from './backlog.js'
import { afterEvents, backlogSizeChanged, tick, wakeAt } from './cron.js'
import { createTurn, type Effect, type Turn } from './effects.js'
import { feedCommand, linkSent } from './feed.js'
import { loadFinished, masterBytes, masterClosed, masterConnected } from './handshake.js'
import { linkClosed } from './links.js'
import { psync } from './psync.js'
import { replconf } from './replconf.js'
import { infoReplication, roleReport } from './report.js'
import { failover, replicaof, setMaster, unsetMaster } from './role.js'
import { fileSent, snapshotDone } from './snapshot.js'
import { createReplication, defaultOptions, type Replication, type ReplicationOptions } from './state.js'
import { ascii } from './wire.js'

/** A node whose clock is moved by hand, and what came out of it, as text. */
class Stage {
  now_ms = 1_000_000
  readonly r: Replication
  effects: Effect[] = []
  private ids = 0

  constructor(options: Partial<ReplicationOptions> = {}) {
    this.r = createReplication({ ...defaultOptions(), ...options }, this.turn())
  }

  private turn(): Turn {
    return createTurn(this.now_ms, () => String(++this.ids).padStart(40, 'a'))
  }

  /** One input; returns what it returned. Effects gather in `effects` until `seen` is asked. */
  do<T>(input: (r: Replication, turn: Turn) => T): T {
    const turn = this.turn()
    const result = input(this.r, turn)
    for (const effect of turn.effects) {
      // Ranges are copied: they are valid only until the next call.
      if (effect.kind === 'send') {
        const bytes = effect.bytes.slice(effect.start, effect.end)
        this.effects.push({ ...effect, bytes, start: 0, end: bytes.length })
      } else this.effects.push(effect)
    }
    return result
  }

  /** What has come out since the last time, without log lines. */
  seen(): string[] {
    const out = this.effects
      .filter((effect) => effect.kind !== 'log')
      .map((effect) => {
        if (effect.kind === 'send')
          return `${effect.to}< ${latin1(effect.bytes).replaceAll('\r\n', ' ').trimEnd()}`
        if (effect.kind === 'startSnapshot') return `snapshot ${effect.id} to ${effect.target}`
        if (effect.kind === 'closeLink') return `close ${effect.link}: ${effect.why}`
        if (effect.kind === 'sendFile') return `${effect.to}< file ${effect.id}`
        if (effect.kind === 'waitDone') return `wait of ${effect.client}: ${effect.replicas}`
        if (effect.kind === 'sendMaster')
          return `master< ${latin1(effect.bytes).replaceAll('\r\n', ' ').trimEnd()}`
        return effect.kind
      })
    this.effects = []
    return out
  }

  logged(): string[] {
    return this.effects.flatMap((effect) => (effect.kind === 'log' ? [effect.text] : []))
  }

  replica(id: number, ...capa: string[]): string | null {
    const peer = `10.0.0.${id}`
    this.do((r, turn) => replconf(r, id, peer, words('REPLCONF', 'listening-port', String(7000 + id)), turn))
    for (const each of capa)
      this.do((r, turn) => replconf(r, id, peer, words('REPLCONF', 'capa', each), turn))
    return this.do((r, turn) =>
      psync(
        r,
        { id, peerIp: peer, client: `id=${id}`, hasPendingReplies: false },
        words('PSYNC', '?', '-1'),
        turn,
      ),
    )
  }

  /** A replica that has all and gets the stream. */
  online(id: number): void {
    this.r.options.replDisklessSyncDelay_s = 0
    this.replica(id, 'eof', 'psync2')
    this.do((r, turn) => snapshotDone(r, r.snapshotsBegun, { ok: true, size: 1 }, turn))
    this.do((r, turn) => acknowledged(r, id, r.offset, null, turn))
    this.seen()
  }

  write(db = 0, value = 'x'): void {
    this.do((r, turn) => feedCommand(r, db, ['SET', 'k', value], turn))
  }

  later(ms: number): string[] {
    this.now_ms += ms
    this.do(tick)
    return this.seen()
  }
}

const words = (...args: string[]): Uint8Array[] => args.map((arg) => ascii(arg))

describe('a snapshot', () => {
  test('waits for others who may share it: repl-diskless-sync-delay', () => {
    const s = new Stage()
    expect(s.replica(1, 'eof', 'psync2')).toBe(null)
    expect(s.logged()).toContain('Delay next BGSAVE for diskless SYNC')
    expect(s.seen()).toEqual([])
    expect(s.later(2000)).toEqual(['1< '])
    s.replica(2, 'eof', 'psync2')
    expect(wakeAt(s.r)).toBeLessThanOrEqual(1_005_000)
    const out = s.later(3000)
    expect(out[0]).toBe('snapshot 1 to socket')
    expect(out.filter((line) => line.includes('FULLRESYNC'))).toEqual([
      `1< +FULLRESYNC ${s.r.replid} 0`,
      `2< +FULLRESYNC ${s.r.replid} 0`,
    ])
    s.replica(3, 'eof', 'psync2')
    expect(s.logged()).toContain('Current BGSAVE has socket target. Waiting for next BGSAVE for SYNC')
  })

  test('does not wait when enough have come, or when it costs next to nothing', () => {
    const few = new Stage({ replDisklessSyncMaxReplicas: 2 })
    few.replica(1, 'eof')
    few.replica(2, 'eof')
    expect(few.later(1)).toContain('snapshot 1 to socket')
    const cheap = new Stage()
    cheap.r.snapshotIsCheap = true
    cheap.replica(1, 'eof')
    expect(cheap.seen()).toContain('snapshot 1 to socket')
  })

  test('goes to a file for replicas that know no end mark; who comes later shares it', () => {
    const s = new Stage()
    s.replica(1)
    expect(s.seen()).toEqual(['snapshot 1 to disk', `1< +FULLRESYNC ${s.r.replid} 0`])
    s.write()
    s.replica(2)
    expect(s.seen()).toEqual([`2< +FULLRESYNC ${s.r.replid} 0`])
    expect(s.later(1000).filter((line) => line === '1< ' || line === '2< ')).toEqual(['1< ', '2< '])
    s.do((r, turn) => snapshotDone(r, 1, { ok: true, size: 99 }, turn))
    expect(s.seen()).toEqual(['1< $99', '1< file 1', '2< $99', '2< file 1'])
    s.do(afterEvents)
    expect(s.seen()).toEqual([])
    s.do((r, turn) => fileSent(r, 1, turn))
    s.do(afterEvents)
    expect(s.seen()).toEqual(['1< *2 $6 SELECT $1 0 *3 $3 SET $1 k $1 x'])
  })

  test('waits while another one is being made', () => {
    const s = new Stage({ replDisklessSyncDelay_s: 0 })
    s.r.foreignSnapshot = 'other'
    s.replica(1, 'eof')
    expect(s.logged()).toContain(
      'No BGSAVE in progress, but another BG operation is active. BGSAVE for replication delayed',
    )
    expect(s.later(1000)).toEqual(['1< '])
    s.r.foreignSnapshot = 'none'
    expect(s.later(1)).toContain('snapshot 1 to socket')
  })

  test('that fails ends the links that wait for it, and nobody else', () => {
    const s = new Stage()
    s.online(1)
    s.replica(2, 'eof')
    s.seen()
    s.do((r, turn) => snapshotDone(r, r.snapshotsBegun, { ok: false }, turn))
    expect(s.seen()).toEqual(['close 2: snapshot-failed'])
    expect(s.r.replicas.map((link) => link.id)).toEqual([1])
  })

  test('is given up when nobody waits for it any more', () => {
    const s = new Stage({ replDisklessSyncDelay_s: 0 })
    s.replica(1, 'eof')
    s.seen()
    s.do((r, turn) => linkClosed(r, 1, turn))
    expect(s.seen()).toEqual(['cancelSnapshot'])
  })

  test('alone is what some want', () => {
    const s = new Stage({ replDisklessSyncDelay_s: 0 })
    s.do((r, turn) => replconf(r, 1, '10.0.0.1', words('REPLCONF', 'rdb-only', '1'), turn))
    s.do((r, turn) => replconf(r, 1, '10.0.0.1', words('REPLCONF', 'rdb-filter-only', ''), turn))
    expect(s.replica(1)).toBe('ERR Filtered replica requires EOF capability')
    s.replica(1, 'eof')
    s.write()
    s.do((r, turn) => snapshotDone(r, 1, { ok: true, size: 0 }, turn))
    expect(s.seen().at(-1)).toBe('close 1: rdb-only')
  })
})

describe('the feed', () => {
  test('selects the database, once, and again after a snapshot has begun', () => {
    const s = new Stage()
    s.online(1)
    s.write(3, 'a')
    s.write(3, 'b')
    s.do(afterEvents)
    expect(s.seen()).toEqual(['1< *2 $6 SELECT $1 3 *3 $3 SET $1 k $1 a *3 $3 SET $1 k $1 b'])
    s.replica(2, 'eof')
    s.write(3, 'c')
    s.do(afterEvents)
    expect(s.seen().filter((line) => line.includes('SET'))).toEqual([
      '1< *2 $6 SELECT $1 3 *3 $3 SET $1 k $1 c',
    ])
  })

  test('waits for a connection that does not take it, and drops it beyond the limit', () => {
    const s = new Stage({ outputHardLimit: 4_000_000, outputSoftLimit: 0 })
    s.online(1)
    s.write(0, 'x'.repeat(1_500_000))
    s.do(afterEvents)
    const sent = s.effects.reduce((sum, e) => sum + (e.kind === 'send' ? e.end - e.start : 0), 0)
    expect(sent).toBe(1024 * 1024)
    s.seen()
    s.do((r, turn) => linkSent(r, 1, 0, turn))
    expect(s.seen().length).toBeGreaterThan(0)
    expect(s.r.replicas[0]!.position).toBe(s.r.offset)
    s.do((r, turn) => linkSent(r, 1, 1024 * 1024, turn))
    s.write(0, 'x'.repeat(1_500_000))
    s.do(afterEvents)
    expect(s.seen()).toEqual([])
    expect(historyLength(s.r.backlog!)).toBeGreaterThan(1_500_000)
    s.write(0, 'x'.repeat(1_500_000))
    expect(s.seen()).toEqual(['close 1: output-limit'])
    s.do(afterEvents)
    expect(historyLength(s.r.backlog!)).toBe(1024 * 1024)
  })

  test('the soft limit must be exceeded for a while', () => {
    const s = new Stage({
      outputHardLimit: 0,
      outputSoftLimit: 10_000,
      outputSoftLimit_s: 3,
      replTimeout_s: 60,
    })
    s.online(1)
    s.do((r, turn) => linkSent(r, 1, 20_000, turn))
    expect(s.later(2000).filter((line) => line.startsWith('close'))).toEqual([])
    expect(s.later(3000).filter((line) => line.startsWith('close'))).toEqual([])
    expect(s.later(1000).filter((line) => line.startsWith('close'))).toEqual(['close 1: output-limit'])
  })

  test('PING now and then, but not while the offset must rest', () => {
    const s = new Stage({ replPingReplicaPeriod_s: 2 })
    s.online(1)
    expect(s.later(1000)).toEqual([])
    expect(s.later(1000)).toEqual(['1< *1 $4 PING'])
    expect(s.later(1000)).toEqual([])
    expect(s.later(1000)).toEqual(['1< *1 $4 PING'])
    s.r.options.replPingReplicaPeriod_s = 1
    expect(s.later(1000)).toEqual([])
    expect(s.later(1000)).toEqual(['1< *1 $4 PING'])
    s.r.quiet = true
    s.do((r, turn) => acknowledged(r, 1, r.offset, null, turn))
    expect(s.later(5000)).toEqual([])
  })

  test('a silent replica is dropped after repl-timeout, one that only fetched with SYNC is not', () => {
    const s = new Stage({ replTimeout_s: 10, replPingReplicaPeriod_s: 1000 })
    s.online(1)
    s.do((r, turn) =>
      psync(r, { id: 2, peerIp: '', client: '', hasPendingReplies: false }, words('SYNC'), turn),
    )
    s.do((r, turn) => snapshotDone(r, r.snapshotsBegun, { ok: true, size: 1 }, turn))
    s.do((r, turn) => fileSent(r, 2, turn))
    s.seen()
    expect(s.later(10_000).filter((line) => line.startsWith('close'))).toEqual([])
    expect(s.later(1000).filter((line) => line.startsWith('close'))).toEqual(['close 1: timeout'])
    expect(s.r.replicas.map((link) => link.id)).toEqual([2])
  })

  test('without replicas for repl-backlog-ttl the backlog goes, and with it the history', () => {
    const s = new Stage({ replBacklogTtl_s: 60 })
    s.online(1)
    const { replid } = s.r
    s.do((r, turn) => linkClosed(r, 1, turn))
    s.later(60_000)
    expect(s.r.backlog).not.toBe(null)
    s.later(1000)
    expect(s.r.backlog).toBe(null)
    expect(s.r.replid).not.toBe(replid)
    expect(wakeAt(s.r)).toBe(Number.POSITIVE_INFINITY)
  })

  test('CONFIG SET repl-backlog-size keeps the newest bytes', () => {
    const s = new Stage()
    s.online(1)
    s.write(0, 'x'.repeat(500_000))
    s.do(afterEvents)
    s.r.options.replBacklogSize = 100_000
    backlogSizeChanged(s.r)
    expect(historyLength(s.r.backlog!)).toBe(100_000)
    expect(s.r.backlog!.last).toBe(s.r.offset)
  })
})

describe('acknowledgements', () => {
  test('WAIT ends when enough have acknowledged, or when its time is over', () => {
    const s = new Stage()
    s.online(1)
    s.online(2)
    s.write()
    const { offset } = s.r
    expect(s.do((r, turn) => wait(r, 50, offset, 1, 0, true, turn))).toBe('waiting')
    expect(s.do((r, turn) => wait(r, 51, offset, 3, 500, true, turn))).toBe('waiting')
    expect(s.do((r, turn) => wait(r, 52, offset, 3, 500, false, turn))).toEqual({ replicas: 0, local: 0 })
    s.do(afterEvents)
    expect(s.seen().join()).toContain('REPLCONF $6 GETACK')
    s.do((r, turn) => acknowledged(r, 1, offset - 1, null, turn))
    s.do(afterEvents)
    expect(s.seen()).toEqual([])
    s.do((r, turn) => acknowledged(r, 1, offset, null, turn))
    s.do(afterEvents)
    expect(s.seen()).toEqual(['wait of 50: 1'])
    expect(s.do((r, turn) => wait(r, 50, offset, 1, 0, true, turn))).toEqual({ replicas: 1, local: 0 })
    expect(wakeAt(s.r)).toBe(s.now_ms + 500)
    expect(s.later(500).filter((line) => line.startsWith('wait'))).toEqual(['wait of 51: 1'])
  })

  test('WAITAOF counts disks, its own and those of replicas', () => {
    const s = new Stage({ appendonly: true })
    s.online(1)
    s.write()
    const { offset } = s.r
    expect(s.do((r, turn) => waitAof(r, 60, offset, 1, 1, 0, true, turn))).toBe('waiting')
    s.do((r, turn) => acknowledged(r, 1, offset, offset, turn))
    s.do(settleWaits)
    expect(s.seen()).toEqual([])
    s.r.fsyncedOffset = offset
    s.do(settleWaits)
    expect(s.seen()).toEqual(['wait of 60: 1'])
    s.r.options.appendonly = false
    expect(s.do((r, turn) => waitAof(r, 60, offset, 1, 1, 0, true, turn))).toEqual({
      error: 'ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.',
    })
  })

  test('min-replicas-to-write counts those heard of lately', () => {
    const s = new Stage({ minReplicasToWrite: 1, minReplicasMaxLag_s: 3, replPingReplicaPeriod_s: 1000 })
    expect(enoughReplicas(s.r)).toBe(false)
    s.online(1)
    expect(enoughReplicas(s.r)).toBe(true)
    s.later(3000)
    expect(enoughReplicas(s.r)).toBe(true)
    s.later(1000)
    expect(enoughReplicas(s.r)).toBe(false)
    s.do((r, turn) => setMaster(r, '10.0.0.9', 7000, turn))
    expect(enoughReplicas(s.r)).toBe(true)
  })
})

describe('the link to a master', () => {
  function connected(s: Stage): number {
    s.do((r, turn) => setMaster(r, '10.0.0.9', 7000, turn))
    const { attempt } = s.r.master
    s.do((r, turn) => masterConnected(r, attempt, turn))
    s.seen()
    return attempt
  }

  function says(s: Stage, text: string): string[] {
    const bytes = ascii(text)
    s.do((r, turn) => masterBytes(r, r.master.attempt, bytes, 0, bytes.length, turn))
    return s.seen()
  }

  test('user, password, announced address and port', () => {
    const s = new Stage({
      masterauth: ascii('pw'),
      masteruser: ascii('me'),
      replicaAnnounceIp: 'host.example',
      replicaAnnouncePort: 99,
    })
    connected(s)
    expect(says(s, '-NOAUTH Authentication required.\r\n')).toEqual([
      'master< *3 $4 AUTH $2 me $2 pw *3 $8 REPLCONF $14 listening-port $2 99 ' +
        '*3 $8 REPLCONF $10 ip-address $12 host.example *5 $8 REPLCONF $4 capa $3 eof $4 capa $6 psync2',
    ])
    expect(says(s, '+OK\r\n+OK\r\n-ERR unknown\r\n')).toEqual([])
    expect(says(s, '+OK\r\n')[0]).toMatch(/^master< \*3 \$5 PSYNC \$40 a+\d+ \$1 1$/)
    expect(says(s, '\n\n')).toEqual([])
    expect(roleReport(s.r)).toMatchObject({ state: 'handshake', offset: -1 })
  })

  test('refusals: some are final, some for now, and an old master gets SYNC', () => {
    const wrong = new Stage({ masterauth: ascii('pw') })
    connected(wrong)
    says(wrong, '+PONG\r\n')
    expect(says(wrong, '-WRONGPASS no\r\n')).toEqual(['closeMaster'])
    expect(wrong.r.master.state).toBe('connect')

    const busy = new Stage()
    connected(busy)
    says(busy, '+PONG\r\n+OK\r\n+OK\r\n')
    expect(says(busy, '-LOADING Redis is loading the dataset in memory\r\n')).toEqual(['closeMaster'])

    const old = new Stage()
    connected(old)
    says(old, '+PONG\r\n+OK\r\n+OK\r\n')
    expect(says(old, "-ERR unknown command 'PSYNC'\r\n")).toEqual(['master< SYNC'])
    expect(old.r.master.state).toBe('transfer')
  })

  test('is tried again a second later, and given up after repl-timeout of silence', () => {
    const s = new Stage({ replTimeout_s: 5 })
    const attempt = connected(s)
    s.do((r, turn) => masterClosed(r, attempt, 'reset', turn))
    s.seen()
    expect(s.later(1000)).toEqual(['connect'])
    s.do((r, turn) => masterConnected(r, r.master.attempt, turn))
    s.seen()
    expect(s.later(5000)).toEqual([])
    expect(s.later(1000)).toEqual(['closeMaster', 'connect'])
  })
})

test('whatever a master says, at whatever point: no exception, and the link is in a state that it can leave', () => {
  const line = fc.constantFrom(
    '+PONG\r\n',
    '+OK\r\n',
    `+FULLRESYNC ${'b'.repeat(40)} 7\r\n`,
    '+FULLRESYNC x\r\n',
    '+CONTINUE\r\n',
    `+CONTINUE ${'c'.repeat(40)}\r\n`,
    '-ERR what\r\n',
    '-LOADING\r\n',
    '$3\r\nabc',
    `$EOF:${'d'.repeat(40)}\r\n`,
    'd'.repeat(40),
    '*1\r\n$4\r\nPING\r\n',
    '*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n',
    '\r\n',
    '*2\r\n',
    'x'.repeat(1100),
  )
  const event = fc.oneof(
    { weight: 8, arbitrary: line },
    { weight: 1, arbitrary: fc.string({ unit: 'binary-ascii', maxLength: 30 }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('<tick>', '<closed>', '<loaded>', '<bad>', '<promote>', '<follow>'),
    },
  )
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), (events) => {
      const s = new Stage()
      s.do((r, turn) => setMaster(r, 'h', 1, turn))
      for (const each of events) {
        const { attempt } = s.r.master
        if (s.r.master.state === 'connecting') s.do((r, turn) => masterConnected(r, attempt, turn))
        if (each === '<tick>') s.later(1000)
        else if (each === '<closed>') s.do((r, turn) => masterClosed(r, attempt, 'reset', turn))
        else if (each === '<loaded>') s.do((r, turn) => loadFinished(r, { ok: true, streamDb: 0 }, turn))
        else if (each === '<bad>') s.do((r, turn) => loadFinished(r, { ok: false }, turn))
        else if (each === '<promote>') s.do(unsetMaster)
        else if (each === '<follow>') s.do((r, turn) => setMaster(r, 'h', 1, turn))
        else {
          const bytes = ascii(each)
          s.do((r, turn) => masterBytes(r, attempt, bytes, 0, bytes.length, turn))
        }
        expect(s.r.master.stream !== null).toBe(s.r.master.state === 'connected')
        expect(s.r.master.transfer !== null).toBe(s.r.master.state === 'transfer')
        expect(s.r.master.state === 'none').toBe(s.r.master.host === null)
      }
      if (s.r.master.host === null || s.r.master.loading) return
      s.later(61_000)
      s.later(1000)
      expect(s.r.master.state).toBe('connecting')
    }),
    { numRuns: 500 },
  )
})

describe('REPLICAOF and FAILOVER', () => {
  test('what is refused', () => {
    const s = new Stage()
    const of = (host: string, port: string, id = 90): unknown =>
      s.do((r, turn) => replicaof(r, id, 'id=90', host, port, turn))
    expect(of('h', '-1')).toEqual({ error: 'ERR Invalid master port' })
    s.online(1)
    expect(of('h', '1', 1)).toEqual({ error: 'ERR Command is not valid when client is a replica.' })
    expect(of('h', '1')).toEqual({ ok: true })
    expect(of('H', '1')).toEqual({ status: 'OK Already connected to specified master' })
    expect(of('No', 'oNe')).toEqual({ ok: true })
    s.r.options.clusterEnabled = true
    expect(of('h', '1')).toEqual({ error: 'ERR REPLICAOF not allowed in cluster mode.' })
  })

  test('FAILOVER waits for a replica that has everything, then asks it to take over', () => {
    const s = new Stage()
    s.online(1)
    s.write()
    const go = (...args: string[]): unknown => s.do((r, turn) => failover(r, args, turn))
    expect(go('TO', 'x', '1')).toEqual({ error: 'ERR FAILOVER target HOST and PORT is not a replica.' })
    expect(go('FORCE')).toEqual({
      error: 'ERR FAILOVER with force option requires both a timeout and target HOST and IP.',
    })
    expect(go('TO', '10.0.0.1', '7001')).toEqual({ ok: true })
    expect(go()).toEqual({ error: 'ERR FAILOVER already in progress.' })
    expect(infoReplication(s.r, s.now_ms)).toContain('master_failover_state:waiting-for-sync')
    s.do(afterEvents)
    expect(s.seen()[0]).toBe('pauseWrites')
    s.do((r, turn) => acknowledged(r, 1, r.offset, null, turn))
    s.do(afterEvents)
    expect(s.seen()).toEqual(['role', 'connect'])
    s.do((r, turn) => masterConnected(r, r.master.attempt, turn))
    const bytes = ascii('+PONG\r\n+OK\r\n+OK\r\n')
    s.do((r, turn) => masterBytes(r, r.master.attempt, bytes, 0, bytes.length, turn))
    expect(s.seen().at(-1)).toMatch(/PSYNC .* \$8 FAILOVER$/)
    const refused = ascii('-ERR PSYNC FAILOVER replid must match my replid.\r\n')
    s.do((r, turn) => masterBytes(r, r.master.attempt, refused, 0, refused.length, turn))
    expect(s.logged()).toContain('FAILOVER to 10.0.0.1:7001 aborted: Failover target rejected psync request')
    expect(s.seen()).toContain('pauseWrites')
    expect(s.r.master.host).toBe(null)
  })

  test('FAILOVER ends after its TIMEOUT, or is forced', () => {
    const s = new Stage()
    s.online(1)
    s.write()
    s.do((r, turn) => failover(r, ['TIMEOUT', '1000'], turn))
    s.seen()
    expect(s.later(1000).filter((line) => line === 'pauseWrites')).toEqual(['pauseWrites'])
    expect(s.r.failover.state).toBe('none')
    s.do((r, turn) => failover(r, ['TO', '10.0.0.1', '7001', 'FORCE', 'TIMEOUT', '1000'], turn))
    expect(s.later(1000)).toContain('connect')
    expect(s.r.failover.state).toBe('inProgress')
  })
})

test('INFO, field by field', () => {
  const s = new Stage({ minReplicasToWrite: 1 })
  s.online(1)
  s.write()
  s.do((r, turn) => acknowledged(r, 1, r.offset, null, turn))
  s.now_ms += 2500
  expect(infoReplication(s.r, s.now_ms)).toEqual([
    'role:master',
    'connected_slaves:1',
    'min_slaves_good_slaves:1',
    `slave0:ip=10.0.0.1,port=7001,state=online,offset=${s.r.offset},lag=2`,
    'master_failover_state:no-failover',
    `master_replid:${s.r.replid}`,
    `master_replid2:${'0'.repeat(40)}`,
    `master_repl_offset:${s.r.offset}`,
    'second_repl_offset:-1',
    'repl_backlog_active:1',
    'repl_backlog_size:1048576',
    'repl_backlog_first_byte_offset:1',
    `repl_backlog_histlen:${s.r.offset}`,
  ])
  s.do((r, turn) => setMaster(r, '10.0.0.9', 7000, turn))
  expect(infoReplication(s.r, s.now_ms).slice(0, 12)).toEqual([
    'role:slave',
    'master_host:10.0.0.9',
    'master_port:7000',
    'master_link_status:down',
    'master_last_io_seconds_ago:-1',
    'master_sync_in_progress:0',
    `slave_read_repl_offset:${s.r.offset}`,
    `slave_repl_offset:${s.r.offset}`,
    'master_link_down_since_seconds:-1',
    'slave_priority:100',
    'slave_read_only:1',
    'replica_announced:1',
  ])
})
