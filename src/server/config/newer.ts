/**
 * Directives that came after Redis 7.2: those of Redis 7.4 to 8.4 and of Valkey 8 and 9. A file that was written for one
 * of these starts a node. What has a meaning here works; of each of the others one log line says what becomes of it.
 *
 * All are hidden: CONFIG GET shows them by their exact name, a pattern finds only the names of 7.2, which clients and
 * tools compare. Facts (names, ranges, defaults): src/config.c of Redis and Valkey, and their release notes.
 */

import { isIPv4, isIPv6 } from 'node:net'
import type { Directive, Flag } from './directive.js'
import { int, oneOf, optionalText, size, text, yesNo } from './kinds.js'
import { INT_MAX, LONG_MAX } from './numbers.js'

type Group = Readonly<Record<string, Directive>>

const MB = 1024 * 1024
const HIDDEN: readonly Flag[] = ['hidden']
const FILE_ONLY: readonly Flag[] = ['hidden', 'immutable']

const clientIpv4 = (value: string) => (value === '' || isIPv4(value) ? undefined : 'Invalid IPv4 address')
const clientIpv6 = (value: string) => (value === '' || isIPv6(value) ? undefined : 'Invalid IPv6 address')

/** What a node here does with them is the same as there. */
const working = {
  'availability-zone': text('', { flags: HIDDEN }),
  'cluster-announce-client-ipv4': optionalText({ flags: HIDDEN, check: clientIpv4 }),
  'cluster-announce-client-ipv6': optionalText({ flags: HIDDEN, check: clientIpv6 }),
  'cluster-blacklist-ttl': int(60, 0, INT_MAX, { flags: HIDDEN }),
  'cluster-manual-failover-timeout': int(5000, 1, INT_MAX, { flags: HIDDEN }),
  'cluster-slot-stats-enabled': yesNo(false, { flags: HIDDEN }),
  'hide-user-data-from-log': yesNo(false, { flags: HIDDEN }),
} satisfies Group

/** They are read, checked and kept, and change nothing. */
const idle = {
  'active-defrag-cycle-us': int(500, 0, 100_000, { flags: HIDDEN }),
  'cluster-compatibility-sample-ratio': int(0, 0, 100, { flags: HIDDEN }),
  'cluster-databases': int(1, 1, INT_MAX, { flags: FILE_ONLY }),
  'cluster-slot-migration-handoff-max-lag-bytes': size(MB, 0, LONG_MAX, { flags: HIDDEN }),
  'cluster-slot-migration-write-pause-timeout': int(10_000, 0, LONG_MAX, { flags: HIDDEN }),
  'commandlog-large-reply-max-len': int(128, 0, LONG_MAX, { flags: HIDDEN }),
  'commandlog-large-request-max-len': int(128, 0, LONG_MAX, { flags: HIDDEN }),
  'commandlog-reply-larger-than': int(MB, -1, LONG_MAX, { flags: HIDDEN }),
  'commandlog-request-larger-than': int(MB, -1, LONG_MAX, { flags: HIDDEN }),
  'debug-context': text('', { flags: HIDDEN }),
  'dual-channel-replication-enabled': yesNo(false, { flags: HIDDEN }),
  'enable-debug-assert': yesNo(false, { flags: FILE_ONLY }),
  'events-per-io-thread': int(2, 0, INT_MAX, { flags: HIDDEN }),
  'extended-redis-compatibility': yesNo(false, { flags: HIDDEN }),
  'hash-seed': optionalText({ flags: FILE_ONLY }),
  'import-mode': yesNo(false, { flags: HIDDEN }),
  'key-memory-histograms': yesNo(false, { flags: HIDDEN }),
  'log-format': oneOf(['legacy', 'logfmt'], 'legacy', { flags: HIDDEN }),
  'log-timestamp-format': oneOf(['legacy', 'iso8601', 'milliseconds'], 'legacy', { flags: HIDDEN }),
  lookahead: int(16, 1, INT_MAX, { flags: HIDDEN }),
  'lua-enable-deprecated-api': yesNo(false, { flags: FILE_ONLY }),
  'lua-enable-insecure-api': yesNo(false, { flags: HIDDEN }),
  'max-new-connections-per-cycle': int(10, 1, 1000, { flags: HIDDEN }),
  'max-new-tls-connections-per-cycle': int(1, 1, 1000, { flags: HIDDEN }),
  'min-io-threads-avoid-copy-reply': int(7, 0, INT_MAX, { flags: HIDDEN }),
  'min-string-size-avoid-copy-reply': int(16_384, 0, INT_MAX, { flags: HIDDEN }),
  'min-string-size-avoid-copy-reply-threaded': int(65_536, 0, INT_MAX, { flags: HIDDEN }),
  mptcp: yesNo(false, { flags: FILE_ONLY }),
  'prefetch-batch-max-size': int(16, 0, 128, { flags: HIDDEN }),
  'rdb-version-check': oneOf(['strict', 'relaxed'], 'strict', { flags: HIDDEN }),
  'rdma-bind': optionalText({ flags: FILE_ONLY }),
  'rdma-completion-vector': int(-1, -1, 1024, { flags: FILE_ONLY }),
  'rdma-port': int(0, 0, 65_535, { flags: FILE_ONLY }),
  'rdma-rx-size': size(MB, 64 * 1024, 16 * MB, { flags: FILE_ONLY }),
  'repl-mptcp': yesNo(false, { flags: HIDDEN }),
  'repl-rdb-channel': yesNo(false, { flags: HIDDEN }),
  'replica-full-sync-buffer-limit': size(0, 0, LONG_MAX, { flags: HIDDEN }),
  'slot-migration-log-max-len': int(1000, 0, LONG_MAX, { flags: HIDDEN }),
  'slot-migration-max-failover-repl-bytes': int(0, -1, LONG_MAX, { flags: HIDDEN }),
  unixsocketgroup: optionalText({ flags: FILE_ONLY }),
} satisfies Group

export const NEWER = { ...working, ...idle } satisfies Group

/** Names of Valkey for directives that 7.2 has under another one. */
export const NEWER_ALIASES: ReadonlyMap<string, string> = new Map([
  ['primaryauth', 'masterauth'],
  ['primaryuser', 'masteruser'],
  ['commandlog-execution-slower-than', 'slowlog-log-slower-than'],
  ['commandlog-slow-execution-max-len', 'slowlog-max-len'],
  ['server-cpulist', 'server_cpulist'],
  ['bio-cpulist', 'bio_cpulist'],
  ['aof-rewrite-cpulist', 'aof_rewrite_cpulist'],
  ['bgsave-cpulist', 'bgsave_cpulist'],
])

const THREADS = 'one thread carries out all commands'
const ONE_CHANNEL = 'a snapshot and the stream that follows it share one connection'
const ACCEPTING = 'connections are accepted as they come'
const RDMA = 'nodes listen on TCP and Unix sockets only'
const COMMAND_LOG = 'only slow commands are logged'
const COPYING = 'replies are always copied'
const SLOT_MIGRATION = 'slots move key by key'

/** Why an idle directive changes nothing, as a log line's second half. Also for 7.2's that concern threads. */
const REASONS: Readonly<Record<string, string>> = {
  'active-defrag-cycle-us': 'active-defrag-cycle-min and -max set the share of time',
  'cluster-compatibility-sample-ratio': 'nothing is sampled',
  'cluster-databases': 'a cluster has database 0 only',
  'cluster-slot-migration-handoff-max-lag-bytes': SLOT_MIGRATION,
  'cluster-slot-migration-write-pause-timeout': SLOT_MIGRATION,
  'commandlog-large-reply-max-len': COMMAND_LOG,
  'commandlog-large-request-max-len': COMMAND_LOG,
  'commandlog-reply-larger-than': COMMAND_LOG,
  'commandlog-request-larger-than': COMMAND_LOG,
  'debug-context': 'there are no crash reports to add it to',
  'dual-channel-replication-enabled': ONE_CHANNEL,
  'enable-debug-assert': 'there is no DEBUG ASSERT',
  'events-per-io-thread': THREADS,
  'extended-redis-compatibility': 'a node names itself as it does without it',
  'hash-seed': 'the order of keys is chosen at each start',
  'import-mode': 'keys expire as usual',
  'io-threads': THREADS,
  'io-threads-do-reads': THREADS,
  'key-memory-histograms': 'INFO has no histograms of key sizes',
  'log-format': 'the log has the format of Redis 7.2',
  'log-timestamp-format': 'the log has the format of Redis 7.2',
  lookahead: 'commands of a pipeline are always read ahead, up to 32',
  'lua-enable-deprecated-api': 'there are no scripts',
  'lua-enable-insecure-api': 'there are no scripts',
  'max-new-connections-per-cycle': ACCEPTING,
  'max-new-tls-connections-per-cycle': ACCEPTING,
  'min-io-threads-avoid-copy-reply': COPYING,
  'min-string-size-avoid-copy-reply': COPYING,
  'min-string-size-avoid-copy-reply-threaded': COPYING,
  mptcp: 'connections use plain TCP',
  'prefetch-batch-max-size': 'commands of a pipeline are always prefetched, up to 32',
  'rdb-version-check': 'files of RDB versions 1 to 12 are read, others are refused',
  'rdma-bind': RDMA,
  'rdma-completion-vector': RDMA,
  'rdma-port': RDMA,
  'rdma-rx-size': RDMA,
  'repl-mptcp': 'connections use plain TCP',
  'repl-rdb-channel': ONE_CHANNEL,
  'replica-full-sync-buffer-limit': ONE_CHANNEL,
  'slot-migration-log-max-len': SLOT_MIGRATION,
  'slot-migration-max-failover-repl-bytes': SLOT_MIGRATION,
  unixsocketgroup: 'the socket keeps the group of the process',
}

/** The log line about a directive that has been set and changes nothing; undefined where there is nothing to say. */
export function idleNotice(name: string): string | undefined {
  const reason = Object.hasOwn(REASONS, name) ? REASONS[name] : undefined
  return reason === undefined
    ? undefined
    : `The directive '${name}' is accepted, but has no effect: ${reason}.`
}

/** Directives of the modules that Redis 8 brings along: search, time series, Bloom and cuckoo filters. */
const MODULE_NAME = /^(search|ts|bf|cf)-[a-z0-9-]+$/

/** As `idleNotice`, for a directive of a bundled module, which a file may name though there are no modules. */
export function moduleNotice(name: string): string | undefined {
  return MODULE_NAME.test(name)
    ? `The directive '${name}' is accepted, but has no effect: there are no modules.`
    : undefined
}

/** Every directive that is accepted and idle has its reason (newer.test.ts). */
export const IDLE_NAMES: readonly string[] = Object.keys(idle)
export const WORKING_NEWER_NAMES: readonly string[] = Object.keys(working)
