/**
 * What INFO tells of a node itself. Parts that may be missing (persistence, replication, the cluster) put in
 * their own lines. Field names are Redis's where the field means the same; what has no meaning here (forks,
 * defragmentation, scripts' caches) is left out rather than shown as a number that nobody counted.
 */

import { arch, release, type as systemName, totalmem } from 'node:os'
import type { Entry } from '../../commands/table.js'
import { processMemory, residentBytes } from '../../runtime/memory.js'
import { floatText } from '../config/numbers.js'
import { compareTexts } from '../config/text.js'
import type { InfoLine } from '../info.js'
import type { ServerNode } from '../node.js'
import { REDIS_VERSION, SHOAL_VERSION } from '../version.js'
import { allEntries } from './acl/categories.js'
import type { Admin } from './admin.js'
import { clientBytes } from './client-info.js'
import { LoopMeter } from './event-loop.js'
import { humanBytes, memoryUse } from './memory.js'

const SAMPLE_EVERY_MS = 100
const TTL_SAMPLES = 64
/** Most of them may be empty, just after many keys have expired. */
const TTL_BUCKETS_MAX = 256

const ratio = (a: number, b: number): string => (b === 0 ? 0 : a / b).toFixed(2)

function server(node: ServerNode): InfoLine[] {
  const values = node.config.values
  const now_ms = node.clock.now_ms()
  const uptime_s = Math.floor((now_ms - node.startedAt_ms) / 1000)
  const lines: InfoLine[] = [
    ['redis_version', REDIS_VERSION],
    ['redis_git_sha1', '00000000'],
    ['redis_git_dirty', 0],
    ['redis_build_id', 0],
    ['server_name', 'shoal'],
    ['shoal_version', SHOAL_VERSION],
    ['node_version', process.version],
    ['redis_mode', values['cluster-enabled'] ? 'cluster' : 'standalone'],
    ['os', `${systemName()} ${release()} ${arch()}`],
    ['arch_bits', 64],
    ['multiplexing_api', 'libuv'],
    ['process_id', process.pid],
    ['process_supervised', 'no'],
    ['run_id', node.runId],
    ['tcp_port', values.port],
    ['server_time_usec', now_ms * 1000],
    ['uptime_in_seconds', uptime_s],
    ['uptime_in_days', Math.floor(uptime_s / 86400)],
    ['hz', values.hz],
    ['configured_hz', values.hz],
    ['lru_clock', node.keyspace.lruClock],
    ['executable', process.argv[1] ?? process.execPath],
    ['config_file', node.config.file ?? ''],
    ['io_threads_active', 0],
  ]
  // A field of Valkey 8, from which clients learn which replicas are near.
  if (values['availability-zone'] !== '') lines.push(['availability_zone', values['availability-zone']])
  if (values.port !== 0) {
    const binds = values.bind.map((address) => `bind=${address},`).join('')
    lines.push(['listener0', `name=tcp,${binds}port=${values.port}`])
  }
  if (values.unixsocket !== '') {
    lines.push([`listener${values.port === 0 ? 0 : 1}`, `name=unix,bind=${values.unixsocket}`])
  }
  return lines
}

function clients(node: ServerNode): InfoLine[] {
  let connected = 0
  let blocked = 0
  let timed = 0
  let input = 0
  let output = 0
  for (const client of node.clients.all()) {
    if (client.kind !== 'replica') connected++
    // Whoever is held back by CLIENT PAUSE counts as blocked too.
    if (client.blocked !== null || client.paused) blocked++
    if (client.blocked !== null && client.blocked.deadline_ms > 0) timed++
    input = Math.max(input, client.pendingLength)
    output = Math.max(output, clientBytes(client))
  }
  return [
    ['connected_clients', connected],
    ['maxclients', node.config.values.maxclients],
    ['client_recent_max_input_buffer', input],
    ['client_recent_max_output_buffer', output],
    ['blocked_clients', blocked],
    ['tracking_clients', node.tracking?.count ?? 0],
    ['clients_in_timeout_table', timed],
    ['total_blocking_keys', node.waits.keys],
    ['total_blocking_keys_on_nokey', node.waits.keysOnNoKey],
  ]
}

function memory(node: ServerNode): InfoLine[] {
  const use = memoryUse(node)
  const { heapUsed_bytes, external_bytes } = processMemory()
  const rss = residentBytes()
  const values = node.config.values
  node.stats.peakMemory = Math.max(node.stats.peakMemory, use.total)
  const peak = node.stats.peakMemory
  const overhead = use.total - use.dataset
  const system = totalmem()
  const resident = use.dataset + use.spare
  return [
    ['used_memory', use.total],
    ['used_memory_human', humanBytes(use.total)],
    ['used_memory_rss', rss],
    ['used_memory_rss_human', humanBytes(rss)],
    ['used_memory_peak', peak],
    ['used_memory_peak_human', humanBytes(peak)],
    ['used_memory_peak_perc', `${ratio(use.total * 100, peak)}%`],
    ['used_memory_overhead', overhead],
    ['used_memory_startup', use.startup],
    ['used_memory_dataset', use.dataset],
    ['used_memory_dataset_perc', `${ratio(use.dataset * 100, use.total - use.startup)}%`],
    ['allocator_allocated', use.dataset],
    ['allocator_active', resident],
    ['allocator_resident', resident],
    ['total_system_memory', system],
    ['total_system_memory_human', humanBytes(system)],
    ['used_memory_js', heapUsed_bytes],
    ['used_memory_external', external_bytes],
    ['maxmemory', values.maxmemory],
    ['maxmemory_human', humanBytes(values.maxmemory)],
    ['maxmemory_policy', values['maxmemory-policy']],
    ['allocator_frag_ratio', ratio(resident, use.dataset)],
    ['allocator_frag_bytes', use.spare],
    ['allocator_rss_ratio', ratio(resident, resident)],
    ['allocator_rss_bytes', 0],
    ['rss_overhead_ratio', ratio(rss, resident)],
    ['rss_overhead_bytes', rss - resident],
    ['mem_fragmentation_ratio', ratio(rss, use.total)],
    ['mem_fragmentation_bytes', rss - use.total],
    ['mem_not_counted_for_evict', use.notEvictable],
    ['mem_clients_normal', use.clients],
    ['mem_aof_buffer', use.aofBuffer],
    ['mem_allocator', 'byteheap'],
    ['active_defrag_running', node.defrag?.percent ?? 0],
    ['lazyfree_pending_objects', node.keyspace.graveyard.pending],
    ['lazyfreed_objects', node.keyspace.graveyard.freed],
  ]
}

/**
 * Commands carried out since the start or the last CONFIG RESETSTAT. Sampled ten times a second, also in an idle node, so
 * it allocates nothing: a generator over the table would fill the young generation every two seconds.
 */
function commandCount(node: ServerNode): number {
  let count = 0
  const { entries } = node.table
  for (let i = 0; i < entries.length; i++) {
    const { calls, subcommands } = entries[i]!
    count += calls
    for (let j = 0; j < subcommands.length; j++) count += subcommands[j]!.calls
  }
  return count
}

function commandTime_us(node: ServerNode): number {
  let sum = 0
  for (const entry of allEntries(node.table)) sum += entry.usec
  return sum
}

function stats(node: ServerNode, admin: Admin, loop: LoopMeter): InfoLine[] {
  const { stats: counted, keyspace, pubsub } = node
  return [
    ['total_connections_received', counted.connections],
    ['total_commands_processed', commandCount(node)],
    ['instantaneous_ops_per_sec', Math.round(counted.rate(0))],
    ['total_net_input_bytes', node.bytesIn],
    ['total_net_output_bytes', admin.bytesOut()],
    ['instantaneous_input_kbps', (counted.rate(1) / 1024).toFixed(2)],
    ['instantaneous_output_kbps', (counted.rate(2) / 1024).toFixed(2)],
    ['rejected_connections', counted.rejectedConnections],
    ['sync_full', counted.syncFull],
    ['sync_partial_ok', counted.syncPartialOk],
    ['sync_partial_err', counted.syncPartialErr],
    ['expired_subkeys', keyspace.expiredFields],
    ['expired_keys', keyspace.expiredKeys],
    ['evicted_keys', counted.evictedKeys],
    ['evicted_clients', counted.evictedClients],
    ['keyspace_hits', keyspace.hits],
    ['keyspace_misses', keyspace.misses],
    ['pubsub_channels', pubsub.channels.size],
    ['pubsub_patterns', pubsub.patterns.size],
    ['pubsubshard_channels', pubsub.shards.size],
    ['active_defrag_hits', node.defrag?.compaction.hits ?? 0],
    ['active_defrag_misses', node.defrag?.compaction.misses ?? 0],
    ['total_active_defrag_time', Math.round((node.defrag?.total_us ?? 0) / 1000)],
    ['slave_expires_tracked_keys', node.ownExpiry.size],
    ['latest_fork_usec', 0],
    ['total_forks', node.persistence?.runner.started ?? 0],
    ['tracking_total_keys', node.tracking?.keys ?? 0],
    ['tracking_total_items', node.tracking?.items ?? 0],
    ['tracking_total_prefixes', node.tracking?.prefixCount ?? 0],
    ['migrate_cached_sockets', node.migrations?.links ?? 0],
    ['total_error_replies', counted.errorReplies],
    ...loop.lines(node.clock.now_ms(), commandTime_us(node)),
    ['acl_access_denied_auth', admin.denied.auth],
    ['acl_access_denied_cmd', admin.denied.command],
    ['acl_access_denied_key', admin.denied.key],
    ['acl_access_denied_channel', admin.denied.channel],
  ]
}

function cpu(): InfoLine[] {
  const { user, system } = process.cpuUsage()
  return [
    ['used_cpu_sys', (system / 1e6).toFixed(6)],
    ['used_cpu_user', (user / 1e6).toFixed(6)],
    ['used_cpu_sys_children', '0.000000'],
    ['used_cpu_user_children', '0.000000'],
  ]
}

function commandStats(node: ServerNode): InfoLine[] {
  const line = (entry: Entry): InfoLine => {
    const usec = Math.round(entry.usec)
    const each = entry.calls === 0 ? 0 : entry.usec / entry.calls
    const numbers =
      `calls=${entry.calls},usec=${usec},usec_per_call=${each.toFixed(2)},` +
      `rejected_calls=${entry.rejected},failed_calls=${entry.failed}`
    return [`cmdstat_${entry.fullName}`, numbers]
  }
  const used = [...allEntries(node.table)].filter((e) => e.calls + e.rejected + e.failed > 0)
  return used.map(line)
}

/** The percentiles of latency-tracking-info-percentiles, in microseconds, of each command that was used. */
function latencyStats(node: ServerNode): InfoLine[] {
  if (node.times === null) return []
  const percents = node.config.values['latency-tracking-info-percentiles']
  return [...node.times.all()].map(([entry, histogram]) => {
    const told = percents.map(
      (percent) => `p${floatText(percent)}=${(histogram.percentile(percent) / 1000).toFixed(3)}`,
    )
    return [`latency_percentiles_usec_${entry.fullName}`, told.join(',')]
  })
}

function errorStats(node: ServerNode): InfoLine[] {
  const errors = [...node.stats.errors].sort(([a], [b]) => compareTexts(a, b))
  return errors.map(([code, count]) => [
    `errorstat_${code.replace(/[^\x21-\x7e]|[:,]/g, '_')}`,
    `count=${count}`,
  ])
}

/** The average time to live of some of the keys that have one. */
function averageTtl(node: ServerNode, index: number): number {
  const db = node.keyspace.databases[index]!
  let sum_ms = 0
  let scanned = 0
  let count = 0
  let cursor = 0
  do {
    cursor = db.scanExpiring(cursor, (handle) => {
      sum_ms += Math.max(0, db.entries.expiry(handle) - node.keyspace.now_ms)
      count++
    })
  } while (cursor !== 0 && count < TTL_SAMPLES && ++scanned < TTL_BUCKETS_MAX)
  return count === 0 ? 0 : Math.round(sum_ms / count)
}

function keyspace(node: ServerNode): InfoLine[] {
  return node.keyspace.databases.flatMap((db, index): InfoLine[] => {
    if (db.size === 0 && db.expiring === 0) return []
    const keys = `keys=${db.size},expires=${db.expiring},avg_ttl=${averageTtl(node, index)}`
    // Only Redis 7.4 and later know of hashes with fields that expire, and always tell.
    const hashes = node.keyspace.fieldTimes.count(db)
    return [[`db${index}`, hashes === 0 ? keys : `${keys},subexpiry=${hashes}`]]
  })
}

/** Puts these sections into the node's INFO, and takes the samples that its rates need. */
export function addSections(node: ServerNode, admin: Admin): void {
  const { info } = node
  const loop = new LoopMeter()
  info.section('server', () => server(node))
  info.section('clients', () => clients(node))
  info.section('memory', () => memory(node))
  info.section('stats', () => stats(node, admin, loop))
  info.section('cpu', cpu)
  info.section('modules', () => [])
  info.section('commandstats', () => commandStats(node))
  info.section('errorstats', () => errorStats(node))
  info.section('latencystats', () => latencyStats(node))
  info.section('cluster', () => [['cluster_enabled', node.config.values['cluster-enabled'] ? 1 : 0]])
  info.section('keyspace', () => keyspace(node))
  let sampledAt_ms = 0
  node.regulars.push({
    cron(now_ms) {
      if (now_ms - sampledAt_ms < SAMPLE_EVERY_MS) return
      sampledAt_ms = now_ms
      loop.sample(now_ms)
      node.stats.sample(now_ms, commandCount(node), node.bytesIn, admin.bytesOut())
      const { heap } = node.keyspace
      if (admin.startupBytes + heap.usedBytes > node.stats.peakMemory)
        node.stats.peakMemory = memoryUse(node).total
    },
  })
}
