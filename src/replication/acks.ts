/**
 * Acknowledgements: what replicas say they have processed, and who waits for that: WAIT, WAITAOF,
 * min-replicas-to-write.
 */
import type { LinkId, Turn } from './effects.js'
import { refreshGoodReplicas } from './links.js'
import { isMaster, type Replication } from './state.js'

export const NOREPLICAS = 'NOREPLICAS Not enough good replicas to write.'

const WAIT_ON_REPLICA =
  'ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is ' +
  'configured to be writable (which is not the default) writes to replicas are just local and are not propagated.'
const WAITAOF_ON_REPLICA =
  'ERR WAITAOF cannot be used with replica instances. Please also note that writes to replicas are just local ' +
  'and are not propagated.'
const WAITAOF_WITHOUT_AOF = 'ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.'

/** REPLCONF ACK `offset` [FACK `aofOffset`]. It is also what opens the stream after a streamed snapshot. */
export function acknowledged(
  r: Replication,
  id: LinkId,
  offset: number,
  aofOffset: number | null,
  turn: Turn,
): void {
  const link = r.links.get(id)
  if (link === undefined || link.state === 'candidate') return
  link.ackOffset = Math.max(link.ackOffset, offset)
  if (aofOffset !== null) link.aofAckOffset = Math.max(link.aofAckOffset, aofOffset)
  link.ackAt_ms = turn.now_ms
  if (link.state === 'online') link.streaming = true
}

/** An empty line from a replica: it is busy loading, but alive. */
export function heardFrom(r: Replication, id: LinkId, turn: Turn): void {
  const link = r.links.get(id)
  if (link !== undefined) link.ackAt_ms = turn.now_ms
}

/** How many replicas have processed the stream up to `offset`. */
export function countAcks(r: Replication, offset: number): number {
  let count = 0
  for (const link of r.replicas) if (link.state === 'online' && link.ackOffset >= offset) count++
  return count
}

/** How many replicas have the stream up to `offset` on their disks. */
export function countAofAcks(r: Replication, offset: number): number {
  let count = 0
  for (const link of r.replicas) if (link.state === 'online' && link.aofAckOffset >= offset) count++
  return count
}

/** Whether a write may go ahead under min-replicas-to-write; if not, `NOREPLICAS` is the answer. */
export function enoughReplicas(r: Replication): boolean {
  const { minReplicasToWrite, minReplicasMaxLag_s } = r.options
  if (minReplicasToWrite === 0 || minReplicasMaxLag_s === 0 || !isMaster(r)) return true
  return r.goodReplicas >= minReplicasToWrite
}

/** After CONFIG SET of min-replicas-to-write or min-replicas-max-lag. */
export function minReplicasChanged(r: Replication, now_ms: number): void {
  refreshGoodReplicas(r, now_ms)
}

/** The outcome of a command that may have to wait: an error, an answer at once, or a `waitDone` effect later. */
export type WaitOutcome = { error: string } | { replicas: number; local: number } | 'waiting'

/**
 * WAIT: until `replicas` replicas have processed the stream up to `offset`, which is the offset after this client's
 * last write. `timeout_ms` 0: without limit. A client that may not block (`block` false) is answered at once.
 */
export function wait(
  r: Replication,
  client: LinkId,
  offset: number,
  replicas: number,
  timeout_ms: number,
  block: boolean,
  turn: Turn,
): WaitOutcome {
  if (!isMaster(r)) return { error: WAIT_ON_REPLICA }
  const acks = countAcks(r, offset)
  if (acks >= replicas || !block) return { replicas: acks, local: 0 }
  const until_ms = timeout_ms === 0 ? Number.POSITIVE_INFINITY : turn.now_ms + timeout_ms
  r.waits.push({ client, offset, replicas, local: 0, aof: false, until_ms })
  r.ackWanted = true
  return 'waiting'
}

/** WAITAOF: until the stream up to `offset` is on our disk (`local` 1) and on those of `replicas` replicas. */
export function waitAof(
  r: Replication,
  client: LinkId,
  offset: number,
  local: number,
  replicas: number,
  timeout_ms: number,
  block: boolean,
  turn: Turn,
): WaitOutcome {
  if (!isMaster(r)) return { error: WAITAOF_ON_REPLICA }
  if (local > 0 && !r.options.appendonly) return { error: WAITAOF_WITHOUT_AOF }
  const acks = countAofAcks(r, offset)
  const here = r.fsyncedOffset >= offset ? 1 : 0
  if ((acks >= replicas && here >= local) || !block) return { replicas: acks, local: here }
  const until_ms = timeout_ms === 0 ? Number.POSITIVE_INFINITY : turn.now_ms + timeout_ms
  r.waits.push({ client, offset, replicas, local, aof: true, until_ms })
  r.ackWanted = true
  return 'waiting'
}

/** The client has gone, or was unblocked otherwise. */
export function forgetWait(r: Replication, client: LinkId): void {
  if (r.waits.length > 0) r.waits = r.waits.filter((wait) => wait.client !== client)
}

/** Ends the waits that have got what they wait for, and those whose time is over. Once a turn of the event loop. */
export function settleWaits(r: Replication, turn: Turn): void {
  if (r.waits.length === 0) return
  r.waits = r.waits.filter((wait) => {
    const { client, offset, aof } = wait
    if (aof && wait.local > 0 && !r.options.appendonly) {
      turn.effects.push({ kind: 'waitFailed', client, error: WAITAOF_WITHOUT_AOF })
      return false
    }
    const replicas = aof ? countAofAcks(r, offset) : countAcks(r, offset)
    const local = aof && r.fsyncedOffset >= offset ? 1 : 0
    if ((replicas < wait.replicas || local < wait.local) && turn.now_ms < wait.until_ms) return true
    turn.effects.push({ kind: 'waitDone', client, replicas, local, aof })
    return false
  })
}
