/**
 * Who is master and who is replica: REPLICAOF, promotion, and FAILOVER, the planned change of places.
 */
import { type LinkId, log, type Turn } from './effects.js'
import { dropAllReplicas, findReplica, isReplica, replicaIp } from './links.js'
import { cancelSync, connect, loseMaster } from './masterlink.js'
import type { Answer } from './replconf.js'
import {
  cacheMyself,
  discardCachedMaster,
  forgetHistory,
  isMaster,
  type ReplicaLink,
  type Replication,
  returnToSecond,
  shiftReplid,
} from './state.js'
import { readInteger, sameWord } from './wire.js'

/**
 * Follows the master at this address. Our own replicas stay for now: if we can go on in the same history, so can
 * they. A master that becomes a replica offers its own history to the new one.
 */
export function setMaster(r: Replication, host: string, port: number, turn: Turn): void {
  const wasMaster = isMaster(r)
  const { master } = r
  loseMaster(r, true, turn)
  cancelSync(r, false, turn)
  master.host = host
  master.port = port
  r.waits = []
  turn.effects.push({ kind: 'role', role: 'replica', host, port })
  if (wasMaster) {
    discardCachedMaster(r, turn)
    const inSecond = returnToSecond(r)
    // In a history of our own any database will do: the new master's stream begins with SELECT.
    cacheMyself(r, inSecond ? r.secondDb : 0, turn)
  }
  master.state = 'connect'
  log(turn, 'notice', `Connecting to MASTER ${host}:${port}`)
  connect(r, turn)
}

/** A node that starts as a replica: nothing is done about it before the first `tick`. */
export function followFromStart(r: Replication, host: string, port: number, turn: Turn): void {
  r.master.host = host
  r.master.port = port
  r.master.state = 'connect'
  r.cronAt_ms = turn.now_ms
}

/**
 * Becomes a master. The history so far stays good for whoever was in it; a new one begins. Replicas have to come
 * again to hear of it, and can go on at once.
 */
export function unsetMaster(r: Replication, turn: Turn): void {
  if (isMaster(r)) return
  const { master } = r
  loseMaster(r, true, turn)
  const db = master.cached === null ? 0 : master.cached.db
  discardCachedMaster(r, turn)
  cancelSync(r, false, turn)
  master.host = null
  master.port = 0
  if (r.incomplete) forgetHistory(r, turn)
  else shiftReplid(r, db, turn)
  r.incomplete = false
  r.foreign = false
  dropAllReplicas(r, turn)
  master.state = 'none'
  master.downSince_ms = 0
  r.selectedDb = -1
  r.noReplicasSince_ms = turn.now_ms
  turn.effects.push({ kind: 'role', role: 'master', host: '', port: 0 })
}

/** REPLICAOF and SLAVEOF. `client` is the line of CLIENT LIST for the log. */
export function replicaof(
  r: Replication,
  id: LinkId,
  client: string,
  host: string,
  port: string,
  turn: Turn,
): Answer | { status: string } {
  if (r.options.clusterEnabled) return { error: 'ERR REPLICAOF not allowed in cluster mode.' }
  if (r.failover.state !== 'none') return { error: 'ERR REPLICAOF not allowed while failing over.' }
  if (sameWord(host, 'no') && sameWord(port, 'one')) {
    if (!isMaster(r)) {
      unsetMaster(r, turn)
      log(turn, 'notice', `MASTER MODE enabled (user request from '${client}')`)
    }
    return { ok: true }
  }
  if (isReplica(r, id)) return { error: 'ERR Command is not valid when client is a replica.' }
  const number = readInteger(port)
  if (number === null || number < 0 || number > 65535) return { error: 'ERR Invalid master port' }
  const { master } = r
  if (master.host !== null && sameWord(master.host, host) && master.port === number) {
    log(
      turn,
      'notice',
      'REPLICAOF would result into synchronization with the master we are already connected with. ' +
        'No operation performed.',
    )
    return { status: 'OK Already connected to specified master' }
  }
  setMaster(r, host, number, turn)
  log(turn, 'notice', `REPLICAOF ${host}:${number} enabled (user request from '${client}')`)
  return { ok: true }
}

/** FAILOVER [TO host port [FORCE]] [ABORT] [TIMEOUT ms]; `args` without the command's name. */
export function failover(r: Replication, args: readonly string[], turn: Turn): Answer {
  if (r.options.clusterEnabled) {
    return { error: 'ERR FAILOVER not allowed in cluster mode. Use CLUSTER FAILOVER command instead.' }
  }
  if (args.length === 1 && sameWord(args[0]!, 'abort')) {
    if (r.failover.state === 'none') return { error: 'ERR No failover in progress.' }
    abortFailover(r, 'Failover manually aborted', turn)
    return { ok: true }
  }
  const wish = readFailover(args)
  if ('error' in wish) return wish
  const error = checkFailover(r, wish)
  if (error !== null) return { error }
  if (wish.host === '') log(turn, 'notice', 'FAILOVER requested to any replica.')
  else log(turn, 'notice', `FAILOVER requested to ${wish.host}:${wish.port}.`)
  const until_ms = wish.timeout_ms > 0 ? turn.now_ms + wish.timeout_ms : 0
  r.failover = { state: 'waitSync', host: wish.host, port: wish.port, force: wish.force, until_ms }
  turn.effects.push({ kind: 'pauseWrites', paused: true })
  return { ok: true }
}

interface FailoverWish {
  host: string
  port: number
  force: boolean
  timeout_ms: number
}

function readFailover(args: readonly string[]): FailoverWish | { error: string } {
  const wish: FailoverWish = { host: '', port: 0, force: false, timeout_ms: 0 }
  const notInteger = { error: 'ERR value is not an integer or out of range' }
  for (let i = 0; i < args.length; i++) {
    const word = args[i]!.toLowerCase()
    if (word === 'timeout' && i + 1 < args.length && wish.timeout_ms === 0) {
      const timeout_ms = readInteger(args[++i]!)
      if (timeout_ms === null) return notInteger
      if (timeout_ms <= 0) return { error: 'ERR FAILOVER timeout must be greater than 0' }
      wish.timeout_ms = timeout_ms
    } else if (word === 'to' && i + 2 < args.length && wish.host === '') {
      const port = readInteger(args[i + 2]!)
      if (port === null) return notInteger
      wish.host = args[i + 1]!
      wish.port = port
      i += 2
    } else if (word === 'force' && !wish.force) wish.force = true
    else return { error: 'ERR syntax error' }
  }
  return wish
}

function checkFailover(r: Replication, wish: FailoverWish): string | null {
  if (r.failover.state !== 'none') return 'ERR FAILOVER already in progress.'
  if (!isMaster(r)) return 'ERR FAILOVER is not valid when server is a replica.'
  if (r.replicas.length === 0) return 'ERR FAILOVER requires connected replicas.'
  if (wish.force && (wish.timeout_ms === 0 || wish.host === '')) {
    return 'ERR FAILOVER with force option requires both a timeout and target HOST and IP.'
  }
  if (wish.host === '') return null
  const target = findReplica(r, wish.host, wish.port)
  if (target === undefined) return 'ERR FAILOVER target HOST and PORT is not a replica.'
  return target.state === 'online' ? null : 'ERR FAILOVER target replica is not online.'
}

/** Looks whether the replica that is to take over has everything. Once a turn of the event loop. */
export function updateFailover(r: Replication, turn: Turn): void {
  const plan = r.failover
  if (plan.state !== 'waitSync') return
  if (plan.until_ms > 0 && turn.now_ms >= plan.until_ms) {
    if (!plan.force) {
      abortFailover(r, 'Replica never caught up before timeout', turn)
      return
    }
    log(turn, 'notice', `FAILOVER to ${plan.host}:${plan.port} time out exceeded, failing over.`)
    plan.state = 'inProgress'
    setMaster(r, plan.host, plan.port, turn)
    return
  }
  const target = syncedTarget(r)
  if (target === undefined) return
  plan.host = replicaIp(target)
  plan.port = target.listeningPort
  plan.state = 'inProgress'
  log(turn, 'notice', `Failover target ${plan.host}:${plan.port} is synced, failing over.`)
  setMaster(r, plan.host, plan.port, turn)
}

function syncedTarget(r: Replication): ReplicaLink | undefined {
  const { host, port } = r.failover
  const has = (link: ReplicaLink): boolean => link.state === 'online' && link.ackOffset === r.offset
  if (host === '') return r.replicas.find((link) => has(link) && replicaIp(link) !== '')
  const target = findReplica(r, host, port)
  return target !== undefined && has(target) ? target : undefined
}

/** The failover has come to its end, good or bad: writes go on. */
export function clearFailover(r: Replication, turn: Turn): void {
  if (r.failover.state === 'none') return
  r.failover = { state: 'none', host: '', port: 0, force: false, until_ms: 0 }
  turn.effects.push({ kind: 'pauseWrites', paused: false })
}

export function abortFailover(r: Replication, reason: string, turn: Turn): void {
  const { state, host, port } = r.failover
  if (state === 'none') return
  const target = host === '' ? 'any replica' : `${host}:${port}`
  log(turn, 'notice', `FAILOVER to ${target} aborted: ${reason}`)
  if (state === 'inProgress') unsetMaster(r, turn)
  clearFailover(r, turn)
}
