/**
 * The replica's side of a synchronisation: PING, AUTH, REPLCONF, PSYNC, and what comes of it: a snapshot and then
 * the stream, or the stream at once.
 *
 * The master is asked first to go on where we were (`PSYNC <id> <offset + 1>`). Only if it says `+FULLRESYNC` does
 * its snapshot take the place of our dataset, and, unless repl-diskless-load says otherwise, not before all of it
 * has arrived.
 */
import { type Effect, log, type Turn } from './effects.js'
import { proxy } from './feed.js'
import { dropAllReplicas } from './links.js'
import { cancelSync, loseMaster, reconnect, sendAck, sendToMaster } from './masterlink.js'
import { abortFailover, clearFailover } from './role.js'
import {
  beginBacklog,
  changeReplid,
  clearReplid2,
  discardCachedMaster,
  forgetHistory,
  type Replication,
} from './state.js'
import { createStream, INLINE_FROM_MASTER, readStream, type StreamEvent } from './stream.js'
import { createTransfer, readTransfer, type TransferEvent } from './transfer.js'
import { ascii, concat, encodeCommand, latin1, readInteger } from './wire.js'

/** Longest line that a master may answer with. */
const LINE_LENGTH_MAX = 1024
/** Most of the stream that is kept while the snapshot before it is being loaded. */
const HELD_BYTES_MAX = 64 * 1024 * 1024
/** Most that is kept of the master's stream while commands are held back; the rest is not read. */
const PAUSED_BYTES_MAX = 16 * 1024 * 1024

/** The connection `attempt` has been established. */
export function masterConnected(r: Replication, attempt: number, turn: Turn): void {
  const { master } = r
  if (attempt !== master.attempt || master.state !== 'connecting') return
  log(turn, 'notice', 'Non blocking connect for SYNC fired the event.')
  master.state = 'ping'
  master.lastIo_ms = turn.now_ms
  sendToMaster(r, encodeCommand('PING'), turn)
}

/** The connection `attempt` could not be established, or has ended. `reason` is the system's text for it. */
export function masterClosed(r: Replication, attempt: number, reason: string, turn: Turn): void {
  const { master } = r
  if (attempt !== master.attempt) return
  switch (master.state) {
    case 'none':
    case 'connect':
      return
    case 'connecting':
      log(turn, 'warning', `Error condition on socket for SYNC: ${reason}`)
      giveUp(r, turn)
      return
    case 'transfer':
      transferClosed(r, reason, turn)
      return
    case 'connected':
      loseMaster(r, true, turn)
      reconnect(r, turn)
      return
    case 'psync':
      log(turn, 'warning', `Failed to read response from the server: ${reason}`)
      log(turn, 'warning', 'Master did not reply to PSYNC, will try later')
      if (r.failover.state === 'inProgress') {
        abortFailover(r, 'Failover target rejected psync request', turn)
        return
      }
      giveUp(r, turn)
      return
    default:
      log(turn, 'warning', `Failed to read response from the server: ${reason}`)
      log(turn, 'warning', 'Master did not respond to command during SYNC handshake')
      giveUp(r, turn)
  }
}

function transferClosed(r: Replication, reason: string, turn: Turn): void {
  const { master } = r
  if (master.loading) {
    master.closedEarly = true // all of the snapshot is here: go on, and ask for the stream again afterwards
    return
  }
  const begun = master.transfer?.begun === true
  const what = begun ? 'I/O error trying to sync with MASTER' : 'I/O error reading bulk count from MASTER'
  log(turn, 'warning', `${what}: ${reason}`)
  cancelSync(r, true, turn)
}

/** This attempt has failed; the cron makes the next. */
function giveUp(r: Replication, turn: Turn): void {
  cancelSync(r, false, turn)
}

/** Bytes have arrived on the connection `attempt`. */
export function masterBytes(
  r: Replication,
  attempt: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  turn: Turn,
): void {
  const { master } = r
  if (attempt !== master.attempt) return
  master.lastIo_ms = turn.now_ms
  let at = start
  while (at < end && attempt === master.attempt) {
    switch (master.state) {
      case 'none':
      case 'connect':
      case 'connecting':
        return
      case 'transfer':
        if (master.loading) {
          hold(r, bytes, at, end, turn)
          return
        }
        at = takeTransfer(r, bytes, at, end, turn)
        break
      case 'connected':
        if (master.paused) holdStream(r, bytes, at, end, turn)
        else takeStream(r, bytes, at, end, turn)
        return
      default:
        at = takeLine(r, bytes, at, end, turn)
    }
  }
}

function takeLine(r: Replication, bytes: Uint8Array, at: number, end: number, turn: Turn): number {
  const { master } = r
  let newline = at
  while (newline < end && bytes[newline] !== 10) newline++
  master.line += latin1(bytes, at, newline, LINE_LENGTH_MAX + 1)
  if (master.line.length > LINE_LENGTH_MAX) {
    log(turn, 'warning', 'Failed to read response from the server: the line is too long')
    giveUp(r, turn)
    return end
  }
  if (newline === end) return end
  const line = master.line.endsWith('\r') ? master.line.slice(0, -1) : master.line
  master.line = ''
  if (line !== '') handleReply(r, line, turn) // an empty line only says that the master is alive
  return newline + 1
}

function handleReply(r: Replication, line: string, turn: Turn): void {
  const { master } = r
  switch (master.state) {
    case 'ping':
      pingReply(r, line, turn)
      return
    case 'auth':
      if (line.startsWith('-')) {
        log(turn, 'warning', `Unable to AUTH to MASTER: ${line}`)
        giveUp(r, turn)
      } else master.state = 'port'
      return
    case 'port':
      nonCritical('listening-port', line, turn)
      master.state = r.options.replicaAnnounceIp !== '' ? 'ip' : 'capa'
      return
    case 'ip':
      nonCritical('ip-address', line, turn)
      master.state = 'capa'
      return
    case 'capa':
      nonCritical('capa', line, turn)
      sendPsync(r, turn)
      return
    case 'psync':
      psyncReply(r, line, turn)
      return
  }
}

function nonCritical(option: string, line: string, turn: Turn): void {
  if (!line.startsWith('-')) return
  log(turn, 'notice', `(Non critical) Master does not understand REPLCONF ${option}: ${line}`)
}

/** A master that wants a password refuses PING, and is alive all the same. */
function pingReply(r: Replication, line: string, turn: Turn): void {
  if (!/^(\+|-NOAUTH|-NOPERM|-ERR operation not permitted)/.test(line)) {
    log(turn, 'warning', `Error reply to PING from master: '${line}'`)
    giveUp(r, turn)
    return
  }
  log(turn, 'notice', 'Master replied to PING, replication can continue...')
  const { options, master } = r
  const commands: Uint8Array[] = []
  if (options.masterauth !== null) {
    const user = options.masteruser === null ? [] : [options.masteruser]
    commands.push(encodeCommand('AUTH', ...user, options.masterauth))
  }
  const port = options.replicaAnnouncePort > 0 ? options.replicaAnnouncePort : options.port
  commands.push(encodeCommand('REPLCONF', 'listening-port', String(port)))
  if (options.replicaAnnounceIp !== '') {
    commands.push(encodeCommand('REPLCONF', 'ip-address', options.replicaAnnounceIp))
  }
  commands.push(encodeCommand('REPLCONF', 'capa', 'eof', 'capa', 'psync2'))
  sendToMaster(r, concat(commands), turn)
  master.state = options.masterauth !== null ? 'auth' : 'port'
}

function sendPsync(r: Replication, turn: Turn): void {
  const { master } = r
  const { cached } = master
  let request = ['?', '-1']
  if (cached === null) {
    log(turn, 'notice', 'Partial resynchronization not possible (no cached master)')
  } else {
    request = [cached.replid, String(cached.offset + 1)]
    log(turn, 'notice', `Trying a partial resynchronization (request ${request[0]}:${request[1]}).`)
  }
  const planned = r.failover.state === 'inProgress' ? ['FAILOVER'] : []
  sendToMaster(r, encodeCommand('PSYNC', ...request, ...planned), turn)
  master.fullOffset = -1
  master.state = 'psync'
}

function psyncReply(r: Replication, line: string, turn: Turn): void {
  const full = line.startsWith('+FULLRESYNC')
  // Without a cached master "PSYNC ? -1" was sent, which has no continuation.
  const partial = line.startsWith('+CONTINUE') && r.master.cached !== null
  if (full || partial) clearFailover(r, turn)
  if (full) fullResync(r, line, turn)
  else if (partial) continueStream(r, line, turn)
  else if (line.startsWith('-NOMASTERLINK') || line.startsWith('-LOADING')) {
    log(turn, 'notice', `Master is currently unable to PSYNC but should be in the future: ${line}`)
    if (r.failover.state === 'inProgress') rejected(r, turn)
    else giveUp(r, turn)
  } else {
    if (line.startsWith('-ERR')) {
      log(turn, 'notice', `Master does not support PSYNC or is in error state (reply: ${line})`)
    } else log(turn, 'warning', `Unexpected reply to PSYNC from master: ${line}`)
    if (r.failover.state === 'inProgress') {
      rejected(r, turn)
      return
    }
    log(turn, 'notice', 'Retrying with SYNC...')
    sendToMaster(r, ascii('SYNC\r\n'), turn)
    awaitTransfer(r)
  }
}

function rejected(r: Replication, turn: Turn): void {
  abortFailover(r, 'Failover target rejected psync request', turn)
}

function awaitTransfer(r: Replication): void {
  r.master.state = 'transfer'
  r.master.transfer = createTransfer()
}

function fullResync(r: Replication, line: string, turn: Turn): void {
  const { master } = r
  const [, replid, offsetText] = line.split(' ')
  const offset = readInteger(offsetText ?? '')
  if (replid?.length !== 40 || offset === null) {
    log(turn, 'warning', 'Master replied with wrong +FULLRESYNC syntax.')
    // A snapshot follows nevertheless; a history without a name cannot be continued later.
    master.fullReplid = ''
    master.fullOffset = -1
  } else {
    master.fullReplid = replid
    master.fullOffset = offset
    log(turn, 'notice', `Full resync from master: ${replid}:${offset}`)
  }
  awaitTransfer(r)
}

/** The master goes on where we were, possibly in a history of a new name. */
function continueStream(r: Replication, line: string, turn: Turn): void {
  const { master } = r
  const cached = master.cached!
  log(turn, 'notice', 'Successful partial resynchronization with master.')
  const replid = line.slice(10).trim()
  if (replid.length === 40 && replid !== cached.replid) {
    log(turn, 'notice', `Master replication ID changed to ${replid}`)
    r.replid2 = cached.replid
    r.secondReplidOffset = r.offset + 1
    r.replid = replid
    dropAllReplicas(r, turn) // they have to hear of it, and can go on at once
  }
  master.cached = null
  master.stream = createStream(cached.db)
  master.oldSync = false
  linkUp(r, false, turn)
  if (r.backlog === null) beginBacklog(r)
  log(turn, 'notice', 'MASTER <-> REPLICA sync: Master accepted a Partial Resynchronization.')
}

function linkUp(r: Replication, full: boolean, turn: Turn): void {
  r.foreign = false
  r.master.state = 'connected'
  r.master.downSince_ms = 0
  r.master.lastIo_ms = turn.now_ms
  turn.effects.push({ kind: 'masterLink', up: true, full })
}

function takeTransfer(r: Replication, bytes: Uint8Array, at: number, end: number, turn: Turn): number {
  const events: TransferEvent[] = []
  const next = readTransfer(r.master.transfer!, bytes, at, end, events)
  for (const event of events) {
    switch (event.kind) {
      case 'alive':
        break
      case 'begin':
        beginTransfer(r, event.size, turn)
        break
      case 'chunk':
        turn.effects.push({ ...event, kind: 'transferChunk' })
        break
      case 'end':
        endTransfer(r, turn)
        break
      case 'refused':
        log(turn, 'warning', `MASTER aborted replication with an error: ${event.line}`)
        cancelSync(r, true, turn)
        return end
      case 'malformed':
        log(
          turn,
          'warning',
          `Bad protocol from MASTER, the first byte is not '$' (we received '${event.line}'), ` +
            'are you sure the host and port are right?',
        )
        cancelSync(r, true, turn)
        return end
    }
  }
  return next
}

function beginTransfer(r: Replication, size: number, turn: Turn): void {
  const { master } = r
  const { replDisklessLoad } = r.options
  if (replDisklessLoad === 'swapdb') master.parse = 'beside'
  else if (replDisklessLoad === 'on-empty-db' && master.datasetEmpty) master.parse = 'asItComes'
  else master.parse = 'whole'
  const where = master.parse === 'whole' ? 'to disk' : 'to parser'
  const what =
    size === -1 ? `streamed RDB from master with EOF ${where}` : `${size} bytes from master ${where}`
  log(turn, 'notice', `MASTER <-> REPLICA sync: receiving ${what}`)
  if (master.parse === 'asItComes') giveUpOldData(r, turn)
  if (master.parse !== 'whole') log(turn, 'notice', 'MASTER <-> REPLICA sync: Loading DB in memory')
  const sameHistory = master.fullOffset !== -1 && master.fullReplid === r.replid
  turn.effects.push({ kind: 'transferBegin', size, parse: master.parse, sameHistory })
}

function endTransfer(r: Replication, turn: Turn): void {
  const { master } = r
  if (master.parse === 'whole') {
    giveUpOldData(r, turn)
    log(turn, 'notice', 'MASTER <-> REPLICA sync: Loading DB in memory')
  }
  master.loading = true
  master.newlineAt_ms = turn.now_ms
  turn.effects.push({ kind: 'pauseMaster', attempt: master.attempt }, { kind: 'transferEnd' })
}

/** Another dataset, another history: nobody can go on from ours any more. */
function leaveHistory(r: Replication, turn: Turn): void {
  discardCachedMaster(r, turn)
  dropAllReplicas(r, turn)
  r.backlog = null
}

function giveUpOldData(r: Replication, turn: Turn): void {
  leaveHistory(r, turn)
  forgetHistory(r, turn)
  r.incomplete = true
  log(turn, 'notice', 'MASTER <-> REPLICA sync: Flushing old data')
  turn.effects.push({ kind: 'flushData' })
}

/** Keeps what arrives while the snapshot is being loaded. */
function hold(r: Replication, bytes: Uint8Array, at: number, end: number, turn: Turn): void {
  const { master } = r
  master.held.push(bytes.slice(at, end))
  master.held_bytes += end - at
  if (master.held_bytes <= HELD_BYTES_MAX) return
  log(
    turn,
    'warning',
    `I/O error trying to sync with MASTER: more than ${HELD_BYTES_MAX} bytes while loading`,
  )
  cancelSync(r, true, turn)
}

/** Keeps what arrives while commands are held back; of a lot of it, the rest stays with the master. */
function holdStream(r: Replication, bytes: Uint8Array, at: number, end: number, turn: Turn): void {
  const { master } = r
  master.held.push(bytes.slice(at, end))
  if (master.held_bytes <= PAUSED_BYTES_MAX && master.held_bytes + end - at > PAUSED_BYTES_MAX)
    turn.effects.push({ kind: 'pauseMaster', attempt: master.attempt })
  master.held_bytes += end - at
}

/** Commands are held back from now on, or no more: the master's are carried out then, in one go. */
export function pauseStream(r: Replication, paused: boolean, turn: Turn): void {
  const { master } = r
  if (master.paused === paused) return
  master.paused = paused
  if (paused || master.state !== 'connected' || master.held_bytes === 0) return
  const { held, held_bytes, attempt } = master
  master.held = []
  master.held_bytes = 0
  const bytes = concat(held)
  takeStream(r, bytes, 0, bytes.length, turn)
  if (held_bytes > PAUSED_BYTES_MAX) turn.effects.push({ kind: 'resumeMaster', attempt })
}

/**
 * The snapshot has been loaded; `streamDb` is its repl-stream-db field (-1 without one). Or it could not be loaded.
 * Also to be called when loading fails before `transferEnd`.
 */
export function loadFinished(
  r: Replication,
  result: { ok: true; streamDb: number } | { ok: false },
  turn: Turn,
): void {
  const { master } = r
  if (master.state !== 'transfer') return
  if (!result.ok) {
    const source = master.parse === 'whole' ? 'from disk' : 'from socket'
    log(turn, 'warning', `Failed trying to load the MASTER synchronization DB ${source}, check server logs.`)
    cancelSync(r, true, turn)
    if (master.parse !== 'beside') turn.effects.push({ kind: 'flushData' })
    return
  }
  if (!master.loading) return
  if (master.parse === 'beside') {
    leaveHistory(r, turn)
    log(turn, 'notice', 'MASTER <-> REPLICA sync: Swapping active DB with loaded DB')
    turn.effects.push({ kind: 'swapData' })
    log(turn, 'notice', 'MASTER <-> REPLICA sync: Discarding old DB in background')
  }
  const marked = master.transfer!.mark !== null
  const { held, closedEarly } = master
  master.transfer = null
  master.loading = false
  master.held = []
  master.held_bytes = 0
  enterHistory(r, result.streamDb, turn)
  log(turn, 'notice', 'MASTER <-> REPLICA sync: Finished with success')
  if (marked) sendAck(r, turn)
  turn.effects.push({ kind: 'resumeMaster', attempt: master.attempt })
  const { attempt } = master
  if (held.length > 0) {
    const bytes = concat(held)
    masterBytes(r, attempt, bytes, 0, bytes.length, turn)
  }
  if (closedEarly) masterClosed(r, attempt, 'connection lost', turn)
}

/** We are where the snapshot was taken, in the master's history. */
function enterHistory(r: Replication, streamDb: number, turn: Turn): void {
  const { master } = r
  master.oldSync = master.fullOffset === -1
  if (master.oldSync) changeReplid(r, turn)
  else r.replid = master.fullReplid
  r.offset = Math.max(master.fullOffset, 0)
  r.incomplete = false
  clearReplid2(r)
  beginBacklog(r)
  master.stream = createStream(Math.max(streamDb, 0))
  linkUp(r, true, turn)
}

function takeStream(r: Replication, bytes: Uint8Array, at: number, end: number, turn: Turn): void {
  const events: StreamEvent[] = []
  const reason = readStream(r.master.stream!, bytes, at, end, events)
  for (const event of events) {
    if (event.kind === 'getack') sendAck(r, turn)
    else turn.effects.push(applied(event))
    proxy(r, event.bytes, event.start, event.end, turn)
  }
  if (reason === null) return
  if (reason === INLINE_FROM_MASTER) {
    log(
      turn,
      'warning',
      'WARNING: Receiving inline protocol from master, master stream corruption? ' +
        'Closing the master connection and discarding the cached master.',
    )
  }
  log(turn, 'warning', `Protocol error (${reason}) from master ${r.master.host}:${r.master.port}`)
  loseMaster(r, false, turn)
  reconnect(r, turn)
}

function applied(event: StreamEvent & { kind: 'commands' }): Effect {
  const { bytes, start, end, db } = event
  return { kind: 'apply', bytes, start, end, db }
}
