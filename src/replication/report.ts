/**
 * What INFO and ROLE say about replication.
 */
import { historyLength } from './backlog.js'
import { refreshGoodReplicas, replicaIp } from './links.js'
import { isMaster, type ReplicaLink, type Replication } from './state.js'
import { unappliedBytes } from './stream.js'

const FAILOVER_STATES = {
  none: 'no-failover',
  waitSync: 'waiting-for-sync',
  inProgress: 'failover-in-progress',
} as const

const REPLICA_STATES = {
  candidate: '',
  waitStart: 'wait_bgsave',
  waitEnd: 'wait_bgsave',
  sendBulk: 'send_bulk',
  online: 'online',
  rdbSent: '',
} as const

function seconds(since_ms: number, now_ms: number): number {
  return Math.max(0, Math.floor((now_ms - since_ms) / 1000))
}

/** The fields of INFO's section Replication, in order, each `name:value`. */
export function infoReplication(r: Replication, now_ms: number): string[] {
  const { options, backlog } = r
  const lines = [`role:${isMaster(r) ? 'master' : 'slave'}`]
  if (!isMaster(r)) lines.push(...infoMaster(r, now_ms))
  lines.push(`connected_slaves:${r.replicas.length}`)
  if (options.minReplicasToWrite > 0 && options.minReplicasMaxLag_s > 0) {
    refreshGoodReplicas(r, now_ms)
    lines.push(`min_slaves_good_slaves:${r.goodReplicas}`)
  }
  let number = 0
  for (const link of r.replicas) {
    const line = infoReplica(link, now_ms)
    if (line !== '') lines.push(`slave${number++}:${line}`)
  }
  lines.push(
    `master_failover_state:${FAILOVER_STATES[r.failover.state]}`,
    `master_replid:${r.replid}`,
    `master_replid2:${r.replid2}`,
    `master_repl_offset:${r.offset}`,
    `second_repl_offset:${r.secondReplidOffset}`,
    `repl_backlog_active:${backlog === null ? 0 : 1}`,
    `repl_backlog_size:${options.replBacklogSize}`,
    `repl_backlog_first_byte_offset:${backlog === null ? 0 : backlog.first}`,
    `repl_backlog_histlen:${backlog === null ? 0 : historyLength(backlog)}`,
  )
  return lines
}

/** '' for a replica that has no address or no state worth telling. */
function infoReplica(link: ReplicaLink, now_ms: number): string {
  const state = REPLICA_STATES[link.state]
  const ip = replicaIp(link)
  if (state === '' || ip === '') return ''
  const lag = link.state === 'online' ? seconds(link.ackAt_ms, now_ms) : 0
  return `ip=${ip},port=${link.listeningPort},state=${state},offset=${link.ackOffset},lag=${lag}`
}

function infoMaster(r: Replication, now_ms: number): string[] {
  const { master, options } = r
  const up = master.state === 'connected'
  const known = master.stream !== null || master.cached !== null
  const applied = known ? r.offset : 1
  // Also what waits until commands are no more held back.
  const read = applied + (master.stream === null ? 0 : unappliedBytes(master.stream) + master.held_bytes)
  const lines = [
    `master_host:${master.host}`,
    `master_port:${master.port}`,
    `master_link_status:${up ? 'up' : 'down'}`,
    `master_last_io_seconds_ago:${up ? seconds(master.lastIo_ms, now_ms) : -1}`,
    `master_sync_in_progress:${master.state === 'transfer' ? 1 : 0}`,
    `slave_read_repl_offset:${read}`,
    `slave_repl_offset:${applied}`,
  ]
  const { transfer } = master
  if (master.state === 'transfer' && transfer !== null) {
    // As in Redis: -1 before the transfer has begun, 0 when its length is not known.
    const total = !transfer.begun ? -1 : Math.max(transfer.size, 0)
    const percent = total === 0 ? 0 : (transfer.read / total) * 100
    lines.push(
      `master_sync_total_bytes:${total}`,
      `master_sync_read_bytes:${transfer.read}`,
      `master_sync_left_bytes:${total - transfer.read}`,
      `master_sync_perc:${percent.toFixed(2)}`,
      `master_sync_last_io_seconds_ago:${seconds(master.lastIo_ms, now_ms)}`,
    )
  }
  if (!up) {
    const down = master.downSince_ms === 0 ? -1 : seconds(master.downSince_ms, now_ms)
    lines.push(`master_link_down_since_seconds:${down}`)
  }
  lines.push(
    // This dataset belongs to no history: 0 keeps a Sentinel from making a master of it.
    `slave_priority:${r.incomplete ? 0 : options.replicaPriority}`,
    `slave_read_only:${options.replicaReadOnly ? 1 : 0}`,
    `replica_announced:${options.replicaAnnounced ? 1 : 0}`,
  )
  return lines
}

export type RoleReport =
  | { role: 'master'; offset: number; replicas: { ip: string; port: number; offset: number }[] }
  | { role: 'slave'; host: string; port: number; state: string; offset: number }

/** What ROLE answers, as data. Replicas' ports and offsets go out as bulk strings, all other numbers as integers. */
export function roleReport(r: Replication): RoleReport {
  const { master } = r
  if (master.host === null) {
    const replicas = r.replicas
      .filter((link) => link.state === 'online' && replicaIp(link) !== '')
      .map((link) => ({ ip: replicaIp(link), port: link.listeningPort, offset: link.ackOffset }))
    return { role: 'master', offset: r.offset, replicas }
  }
  return {
    role: 'slave',
    host: master.host,
    port: master.port,
    state: roleState(r),
    offset: master.state === 'connected' ? r.offset : -1,
  }
}

function roleState(r: Replication): string {
  switch (r.master.state) {
    case 'none':
    case 'connect':
    case 'connecting':
    case 'connected':
      return r.master.state
    case 'transfer':
      return 'sync'
    default:
      return 'handshake'
  }
}

/**
 * How long, in ms, what this replica has may be out of date: since the last word of its master, or since the link
 * is down. Infinity if it never had any. Elections in a cluster ask.
 */
export function dataAge(r: Replication, now_ms: number): number {
  const { master } = r
  if (r.incomplete || r.foreign) return Number.POSITIVE_INFINITY
  if (master.state === 'connected') return Math.max(0, now_ms - master.lastIo_ms)
  return master.downSince_ms === 0 ? Number.POSITIVE_INFINITY : Math.max(0, now_ms - master.downSince_ms)
}

/**
 * Whether what this replica holds is not its master's dataset of any time: a synchronisation has not ended, broke off,
 * or never was, also where the data of a former master are still here. `empty`: there are no keys.
 */
export function lacksDataset(r: Replication, empty: boolean, now_ms: number): boolean {
  return (
    r.incomplete || r.foreign || (!isMaster(r) && empty && dataAge(r, now_ms) === Number.POSITIVE_INFINITY)
  )
}

/**
 * Whether a replica that is not linked with its master refuses commands: as replica-serve-stale-data says, and always
 * for what a synchronisation that broke off has left, which is not even stale data. While one is `loading`, clients
 * hear of that instead.
 */
export function refusesStale(r: Replication, loading: boolean): boolean {
  const refuses = (r.incomplete && !loading) || !r.options.replicaServeStaleData
  return refuses && !isMaster(r) && r.master.state !== 'connected'
}
