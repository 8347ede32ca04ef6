/**
 * PSYNC and SYNC, the master's side: can this replica go on where it was, or does it need a snapshot?
 */
import { historyLength, holds } from './backlog.js'
import { type LinkId, log, send, type Turn } from './effects.js'
import { attach, isReplica, linkOf, refreshGoodReplicas, replicaName } from './links.js'
import { unsetMaster } from './role.js'
import { joinSnapshot } from './snapshot.js'
import { isMaster, type ReplicaLink, type Replication } from './state.js'
import { ascii, readInteger, sameWord, wordOf } from './wire.js'

/** Who asks, as the server knows it. */
export interface Asker {
  id: LinkId
  peerIp: string
  /** Its line in CLIENT LIST, for the log. */
  client: string
  /** Replies to earlier commands have not been sent yet. */
  hasPendingReplies: boolean
}

/**
 * `PSYNC <replid> <offset> [FAILOVER]` or `SYNC`; `args` with the command's name. What the replica gets comes as
 * effects; a text is an error to be replied (it begins with its code); null: nothing else is to be replied.
 */
export function psync(r: Replication, asker: Asker, args: readonly Uint8Array[], turn: Turn): string | null {
  if (isReplica(r, asker.id)) return null
  const isPsync = sameWord(wordOf(args[0]!), 'psync')
  if (isPsync && args.length > 3 && sameWord(wordOf(args[3]!), 'failover')) {
    const error = takeOver(r, asker, wordOf(args[1]!), turn)
    if (error !== null) return error
  }
  if (r.failover.state !== 'none') return "NOMASTERLINK Can't SYNC while failing over"
  if (!isMaster(r) && r.master.state !== 'connected') {
    return "NOMASTERLINK Can't SYNC while not connected with my master"
  }
  if (asker.hasPendingReplies) return 'ERR SYNC and PSYNC are invalid with pending output'
  const link = linkOf(r, asker.id, asker.peerIp)
  if ((link.excludeData || link.excludeFunctions) && !link.capaEof) {
    return 'ERR Filtered replica requires EOF capability'
  }
  log(turn, 'notice', `Replica ${replicaName(link)} asks for synchronization`)
  if (isPsync) {
    const offset = readInteger(wordOf(args[2]!))
    if (offset === null) {
      log(turn, 'warning', `Replica ${replicaName(link)} asks for synchronization but with a wrong offset`)
      return 'ERR value is not an integer or out of range'
    }
    const replid = wordOf(args[1]!)
    if (canContinue(r, link, replid, offset, turn)) {
      continueWith(r, link, offset, turn)
      return null
    }
    if (!replid.startsWith('?')) r.stats.syncPartialErr++
  } else link.oldSync = true
  r.stats.syncFull++
  link.state = 'waitStart'
  attach(r, link, turn)
  joinSnapshot(r, link, turn)
  return null
}

/** A master that fails over to us asks, in our common history, to become our replica. */
function takeOver(r: Replication, asker: Asker, replid: string, turn: Turn): string | null {
  log(turn, 'notice', `Failover request received for replid ${replid}.`)
  if (isMaster(r)) return "ERR PSYNC FAILOVER can't be sent to a master."
  if (!sameWord(replid, r.replid)) return 'ERR PSYNC FAILOVER replid must match my replid.'
  unsetMaster(r, turn)
  log(turn, 'notice', `MASTER MODE enabled (failover request from '${asker.client}')`)
  return null
}

/** Whether we are, or were, in the history `replid`, as far as `offset`, and still have the stream from there. */
function canContinue(r: Replication, link: ReplicaLink, replid: string, offset: number, turn: Turn): boolean {
  const name = replicaName(link)
  if (!sameWord(replid, r.replid)) {
    const isSecond = sameWord(replid, r.replid2)
    if (!isSecond || offset > r.secondReplidOffset) {
      if (replid.startsWith('?')) {
        log(turn, 'notice', `Full resync requested by replica ${name}`)
      } else if (!isSecond) {
        log(
          turn,
          'notice',
          `Partial resynchronization not accepted: Replication ID mismatch (Replica asked for '${replid}', ` +
            `my replication IDs are '${r.replid}' and '${r.replid2}')`,
        )
      } else {
        log(
          turn,
          'notice',
          `Partial resynchronization not accepted: Requested offset for second ID was ${offset}, ` +
            `but I can reply up to ${r.secondReplidOffset}`,
        )
      }
      return false
    }
  }
  if (r.backlog !== null && holds(r.backlog, offset)) return true
  log(
    turn,
    'notice',
    `Unable to partial resync with replica ${name} for lack of backlog (Replica request was: ${offset}).`,
  )
  if (offset > r.offset) {
    log(
      turn,
      'warning',
      `Warning: replica ${name} tried to PSYNC with an offset that is greater than the master replication offset.`,
    )
  }
  return false
}

function continueWith(r: Replication, link: ReplicaLink, offset: number, turn: Turn): void {
  link.state = 'online'
  link.ackAt_ms = turn.now_ms
  link.position = offset - 1
  link.streaming = true
  attach(r, link, turn)
  send(turn, link.id, ascii(link.capaPsync2 ? `+CONTINUE ${r.replid}\r\n` : '+CONTINUE\r\n'))
  const backlog = r.backlog!
  const count = historyLength(backlog) === 0 ? 0 : backlog.last - offset + 1
  log(
    turn,
    'notice',
    `Partial resynchronization request from ${replicaName(link)} accepted. ` +
      `Sending ${count} bytes of backlog starting from offset ${offset}.`,
  )
  r.stats.syncPartialOk++
  refreshGoodReplicas(r, turn.now_ms)
}
