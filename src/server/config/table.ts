/**
 * Every directive of Redis 7.2, with its kind, start value, range, flags and older name. The names of 3.0
 * are either here as an alias or among DEPRECATED, so that a redis.conf from then still starts a node.
 *
 * Facts (names, ranges, defaults, flags) are those of Redis 7.2.4, src/config.c. What a directive does is
 * not told here: whoever reads `config.values[name]` does it; status.ts says whether anybody does.
 */

import type { Directive, ValueOf } from './directive.js'
import { int, octal, oneOf, optionalText, size, sizeOrPercent, someOf, text, yesNo } from './kinds.js'
import { NEWER, NEWER_ALIASES } from './newer.js'
import { INT_MAX, INT_MIN, LONG_MAX, UINT_MAX, ULONG_MAX } from './numbers.js'
import * as special from './special.js'
import { lower } from './text.js'

type Group = Readonly<Record<string, Directive>>

const MB = 1024 * 1024
const SHUTDOWN = ['default', 'save', 'nosave', 'now', 'force'] as const

function saveOrNot(chosen: readonly string[]): string | undefined {
  const both = chosen.includes('save') && chosen.includes('nosave')
  return both ? "shutdown options SAVE and NOSAVE can't be used simultaneously" : undefined
}

const baseName =
  (name: string, what = 'filename') =>
  (value: string): string | undefined =>
    /[/\\]/.test(value) ? `${name} can't be a path, just a ${what}` : undefined

const nonEmptyBaseName = (name: string, what: string) => (value: string) =>
  value === '' ? `${name} can't be empty` : baseName(name, what)(value)

const HOST_CHARS_MAX = 255

function hostName(value: string): string | undefined {
  if (value.length > HOST_CHARS_MAX) return 'Hostnames must be less than 256 characters'
  if (/^[A-Za-z0-9.-]*$/.test(value)) return undefined
  return 'Hostnames may only contain alphanumeric characters, hyphens or dots'
}

function nodeName(value: string): string | undefined {
  // These separate or quote something in nodes.conf.
  const bad = /[!#$%&()*+:;<>?@[\]^{|}~]/.test(value)
  return bad ? 'Announced human node name contained invalid character' : undefined
}

const TITLE_VARIABLES = /\{(title|listen-addr|server-mode|config-file|port|tls-port|unixsocket)\}/g

function titleTemplate(value: string): string | undefined {
  const filled = value
    .replaceAll('{{', '\0')
    .replaceAll(TITLE_VARIABLES, (_, name: string) =>
      name === 'title' || name === 'server-mode' || name === 'unixsocket' ? '' : '-',
    )
  const wrong = filled.includes('{') || /^ *$/.test(filled)
  return wrong ? 'template format is invalid or contains unknown variables' : undefined
}

const network = {
  bind: special.bind,
  'bind-source-addr': optionalText(),
  port: int(6379, 0, 65535),
  'tcp-backlog': int(511, 0, INT_MAX, { flags: ['immutable'] }),
  'tcp-keepalive': int(300, 0, INT_MAX),
  timeout: int(0, 0, INT_MAX),
  'protected-mode': yesNo(true),
  unixsocket: optionalText({ flags: ['immutable'] }),
  unixsocketperm: octal(0, 0, 0o777, { flags: ['immutable'], unsigned: true }),
  'socket-mark-id': int(0, 0, UINT_MAX, { flags: ['immutable'], unsigned: true }),
  maxclients: int(10000, 1, UINT_MAX, { unsigned: true }),
  'enable-protected-configs': oneOf(['no', 'yes', 'local'], 'no', { flags: ['immutable'] }),
  'enable-debug-command': oneOf(['no', 'yes', 'local'], 'no', { flags: ['immutable'] }),
  'enable-module-command': oneOf(['no', 'yes', 'local'], 'no', { flags: ['immutable'] }),
} satisfies Group

const tls = {
  'tls-port': int(0, 0, 65535),
  'tls-cert-file': optionalText({ flags: ['volatile'] }),
  'tls-key-file': optionalText({ flags: ['volatile'] }),
  'tls-key-file-pass': optionalText(),
  'tls-client-cert-file': optionalText({ flags: ['volatile'] }),
  'tls-client-key-file': optionalText({ flags: ['volatile'] }),
  'tls-client-key-file-pass': optionalText(),
  'tls-dh-params-file': optionalText({ flags: ['volatile'] }),
  'tls-ca-cert-file': optionalText({ flags: ['volatile'] }),
  'tls-ca-cert-dir': optionalText({ flags: ['volatile'] }),
  'tls-auth-clients': oneOf(['no', 'yes', 'optional'], 'yes'),
  'tls-replication': yesNo(false),
  'tls-cluster': yesNo(false),
  'tls-protocols': optionalText(),
  'tls-ciphers': optionalText(),
  'tls-ciphersuites': optionalText(),
  'tls-prefer-server-ciphers': yesNo(false),
  'tls-session-caching': yesNo(true),
  'tls-session-cache-size': int(20 * 1024, 0, INT_MAX),
  'tls-session-cache-timeout': int(300, 0, INT_MAX),
} satisfies Group

const processes = {
  daemonize: yesNo(false, { flags: ['immutable'] }),
  supervised: oneOf(['upstart', 'systemd', 'auto', 'no'], 'no', { flags: ['immutable'] }),
  pidfile: optionalText({ flags: ['immutable'] }),
  loglevel: oneOf(['debug', 'verbose', 'notice', 'warning', 'nothing'], 'notice'),
  logfile: text('', { flags: ['immutable'] }),
  'syslog-enabled': yesNo(false, { flags: ['immutable'] }),
  'syslog-ident': text('redis', { flags: ['immutable'] }),
  'syslog-facility': oneOf(
    ['user', 'local0', 'local1', 'local2', 'local3', 'local4', 'local5', 'local6', 'local7'],
    'local0',
    { flags: ['immutable'] },
  ),
  'crash-log-enabled': yesNo(true),
  'crash-memcheck-enabled': yesNo(true),
  'use-exit-on-panic': yesNo(false, { flags: ['hidden'] }),
  'watchdog-period': int(0, 0, INT_MAX, { flags: ['hidden'] }),
  databases: int(16, 1, INT_MAX, { flags: ['immutable'] }),
  'always-show-logo': yesNo(false, { flags: ['immutable'] }),
  'set-proc-title': yesNo(true, { flags: ['immutable'] }),
  'proc-title-template': text('{title} {listen-addr} {server-mode}', { check: titleTemplate }),
  'locale-collate': text(''),
  'ignore-warnings': text(''),
  hz: int(10, 0, INT_MAX),
  'dynamic-hz': yesNo(true),
  activerehashing: yesNo(true),
  'shutdown-timeout': int(10, 0, INT_MAX),
  'shutdown-on-sigint': someOf(SHUTDOWN, { check: saveOrNot }),
  'shutdown-on-sigterm': someOf(SHUTDOWN, { check: saveOrNot }),
  'oom-score-adj': oneOf(['no', 'yes', 'absolute'], 'no', { synonyms: { relative: 'yes' } }),
  'oom-score-adj-values': special.oomScoreAdjValues,
  'disable-thp': yesNo(true, { flags: ['immutable'] }),
  'io-threads': int(1, 1, 128, { flags: ['debug', 'immutable'] }),
  'io-threads-do-reads': yesNo(false, { flags: ['debug', 'immutable'] }),
  'jemalloc-bg-thread': yesNo(true),
  server_cpulist: optionalText({ flags: ['immutable'] }),
  bio_cpulist: optionalText({ flags: ['immutable'] }),
  aof_rewrite_cpulist: optionalText({ flags: ['immutable'] }),
  bgsave_cpulist: optionalText({ flags: ['immutable'] }),
} satisfies Group

const snapshot = {
  dir: special.dir,
  save: special.save,
  'stop-writes-on-bgsave-error': yesNo(true),
  rdbcompression: yesNo(true),
  rdbchecksum: yesNo(true, { flags: ['immutable'] }),
  'sanitize-dump-payload': oneOf(['no', 'yes', 'clients'], 'no', { flags: ['debug'] }),
  dbfilename: text('dump.rdb', { flags: ['protected'], check: baseName('dbfilename') }),
  'rdb-del-sync-files': yesNo(false),
  'rdb-save-incremental-fsync': yesNo(true),
  'rdb-key-save-delay': int(0, INT_MIN, INT_MAX, { flags: ['hidden'] }),
  'key-load-delay': int(0, INT_MIN, INT_MAX, { flags: ['hidden'] }),
  'loading-process-events-interval-bytes': int(2 * MB, 1024, INT_MAX, { flags: ['hidden'] }),
} satisfies Group

const aof = {
  appendonly: yesNo(false, { flags: ['deny-loading'] }),
  appendfilename: text('appendonly.aof', {
    flags: ['immutable'],
    check: nonEmptyBaseName('appendfilename', 'filename'),
  }),
  appenddirname: text('appendonlydir', {
    flags: ['immutable'],
    check: nonEmptyBaseName('appenddirname', 'dirname'),
  }),
  appendfsync: oneOf(['everysec', 'always', 'no'], 'everysec'),
  'no-appendfsync-on-rewrite': yesNo(false),
  'auto-aof-rewrite-percentage': int(100, 0, INT_MAX),
  'auto-aof-rewrite-min-size': size(64 * MB, 0, LONG_MAX),
  'aof-load-truncated': yesNo(true),
  'aof-use-rdb-preamble': yesNo(true),
  'aof-timestamp-enabled': yesNo(false),
  'aof-rewrite-incremental-fsync': yesNo(true),
  'aof-disable-auto-gc': yesNo(false, { flags: ['hidden'] }),
} satisfies Group

const replication = {
  replicaof: special.replicaof,
  masterauth: optionalText({ flags: ['sensitive'], binary: true }),
  masteruser: optionalText({ flags: ['sensitive'] }),
  'replica-serve-stale-data': yesNo(true, { alias: 'slave-serve-stale-data' }),
  'replica-read-only': yesNo(true, { flags: ['debug'], alias: 'slave-read-only' }),
  'repl-diskless-sync': yesNo(true, { flags: ['debug'] }),
  'repl-diskless-sync-delay': int(5, 0, INT_MAX),
  'repl-diskless-sync-max-replicas': int(0, 0, INT_MAX),
  'repl-diskless-load': oneOf(['disabled', 'on-empty-db', 'swapdb'], 'disabled', {
    flags: ['debug', 'deny-loading'],
  }),
  'repl-ping-replica-period': int(10, 1, INT_MAX, { alias: 'repl-ping-slave-period' }),
  'repl-timeout': int(60, 1, INT_MAX),
  'repl-disable-tcp-nodelay': yesNo(false),
  'repl-backlog-size': size(MB, 1, LONG_MAX),
  'repl-backlog-ttl': int(3600, 0, LONG_MAX),
  'replica-priority': int(100, 0, INT_MAX, { alias: 'slave-priority' }),
  'replica-announced': yesNo(true),
  'replica-announce-ip': optionalText({ alias: 'slave-announce-ip' }),
  'replica-announce-port': int(0, 0, 65535, { alias: 'slave-announce-port' }),
  'replica-ignore-maxmemory': yesNo(true, { alias: 'slave-ignore-maxmemory' }),
  'replica-lazy-flush': yesNo(false, { alias: 'slave-lazy-flush' }),
  'replica-ignore-disk-write-errors': yesNo(false),
  'min-replicas-to-write': int(0, 0, INT_MAX, { alias: 'min-slaves-to-write' }),
  'min-replicas-max-lag': int(10, 0, INT_MAX, { alias: 'min-slaves-max-lag' }),
  'propagation-error-behavior': oneOf(['ignore', 'panic', 'panic-on-replicas'], 'ignore'),
} satisfies Group

const security = {
  requirepass: optionalText({ flags: ['sensitive'], binary: true }),
  aclfile: text('', { flags: ['immutable'] }),
  'acl-pubsub-default': oneOf(['allchannels', 'resetchannels'], 'resetchannels'),
  'acllog-max-len': int(128, 0, LONG_MAX),
} satisfies Group

const memory = {
  maxmemory: size(0, 0, ULONG_MAX, { unsigned: true }),
  'maxmemory-policy': oneOf(
    [
      'volatile-lru',
      'volatile-lfu',
      'volatile-random',
      'volatile-ttl',
      'allkeys-lru',
      'allkeys-lfu',
      'allkeys-random',
      'noeviction',
    ],
    'noeviction',
  ),
  'maxmemory-samples': int(5, 1, INT_MAX),
  'maxmemory-eviction-tenacity': int(10, 0, 100),
  'maxmemory-clients': sizeOrPercent(0, -100, LONG_MAX),
  'active-expire-effort': int(1, 1, 10),
  'lfu-log-factor': int(10, 0, INT_MAX),
  'lfu-decay-time': int(1, 0, INT_MAX),
  'lazyfree-lazy-eviction': yesNo(false, { flags: ['debug'] }),
  'lazyfree-lazy-expire': yesNo(false, { flags: ['debug'] }),
  'lazyfree-lazy-server-del': yesNo(false, { flags: ['debug'] }),
  'lazyfree-lazy-user-del': yesNo(false, { flags: ['debug'] }),
  'lazyfree-lazy-user-flush': yesNo(false, { flags: ['debug'] }),
  activedefrag: yesNo(false, { flags: ['debug'] }),
  'active-defrag-ignore-bytes': size(100 * MB, 1, LONG_MAX, { unsigned: true }),
  'active-defrag-threshold-lower': int(10, 0, 1000),
  'active-defrag-threshold-upper': int(100, 0, 1000),
  'active-defrag-cycle-min': int(1, 1, 99),
  'active-defrag-cycle-max': int(25, 1, 99),
  'active-defrag-max-scan-fields': int(1000, 1, LONG_MAX),
} satisfies Group

const cluster = {
  'cluster-enabled': yesNo(false, { flags: ['immutable'] }),
  'cluster-config-file': text('nodes.conf', { flags: ['immutable'] }),
  'cluster-node-timeout': int(15000, 0, LONG_MAX),
  'cluster-port': int(0, 0, 65535, { flags: ['immutable'] }),
  'cluster-replica-validity-factor': int(10, 0, INT_MAX, { alias: 'cluster-slave-validity-factor' }),
  'cluster-replica-no-failover': yesNo(false, { alias: 'cluster-slave-no-failover' }),
  'cluster-migration-barrier': int(1, 0, INT_MAX),
  'cluster-allow-replica-migration': yesNo(true),
  'cluster-require-full-coverage': yesNo(true),
  'cluster-allow-reads-when-down': yesNo(false),
  'cluster-allow-pubsubshard-when-down': yesNo(true),
  'cluster-link-sendbuf-limit': size(0, 0, ULONG_MAX, { unsigned: true }),
  'cluster-ping-interval': int(0, 0, LONG_MAX, { flags: ['hidden'] }),
  'cluster-announce-ip': optionalText(),
  'cluster-announce-port': int(0, 0, 65535),
  'cluster-announce-tls-port': int(0, 0, 65535),
  'cluster-announce-bus-port': int(0, 0, 65535),
  'cluster-announce-hostname': optionalText({ check: hostName }),
  'cluster-announce-human-nodename': optionalText({ check: nodeName }),
  'cluster-preferred-endpoint-type': oneOf(['ip', 'hostname', 'unknown-endpoint'], 'ip'),
} satisfies Group

const clients = {
  'client-output-buffer-limit': special.clientOutputBufferLimit,
  'client-query-buffer-limit': size(1024 * MB, MB, LONG_MAX, { flags: ['debug'], unsigned: true }),
  'proto-max-bulk-len': size(512 * MB, MB, LONG_MAX, { flags: ['debug'] }),
  'tracking-table-max-keys': int(1000000, 0, LONG_MAX, { unsigned: true }),
  'busy-reply-threshold': int(5000, 0, LONG_MAX, { alias: 'lua-time-limit' }),
  'notify-keyspace-events': special.notifyKeyspaceEvents,
  'slowlog-log-slower-than': int(10000, -1, LONG_MAX),
  'slowlog-max-len': int(128, 0, LONG_MAX),
  'latency-monitor-threshold': int(0, 0, LONG_MAX),
  'latency-tracking': yesNo(true),
  'latency-tracking-info-percentiles': special.latencyTrackingInfoPercentiles,
} satisfies Group

const encoding = {
  'hash-max-listpack-entries': int(512, 0, LONG_MAX, { alias: 'hash-max-ziplist-entries', unsigned: true }),
  'hash-max-listpack-value': size(64, 0, LONG_MAX, { alias: 'hash-max-ziplist-value', unsigned: true }),
  'list-max-listpack-size': int(-2, INT_MIN, INT_MAX, { alias: 'list-max-ziplist-size' }),
  'list-compress-depth': int(0, 0, INT_MAX, { flags: ['debug'] }),
  'set-max-intset-entries': int(512, 0, LONG_MAX, { unsigned: true }),
  'set-max-listpack-entries': int(128, 0, LONG_MAX, { unsigned: true }),
  'set-max-listpack-value': int(64, 0, LONG_MAX, { unsigned: true }),
  'zset-max-listpack-entries': int(128, 0, LONG_MAX, { alias: 'zset-max-ziplist-entries', unsigned: true }),
  'zset-max-listpack-value': size(64, 0, LONG_MAX, { alias: 'zset-max-ziplist-value', unsigned: true }),
  'hll-sparse-max-bytes': size(3000, 0, LONG_MAX, { unsigned: true }),
  'stream-node-max-bytes': size(4096, 0, LONG_MAX, { unsigned: true }),
  'stream-node-max-entries': int(100, 0, LONG_MAX),
} satisfies Group

/** Every directive by its first name, by subject. */
export const DIRECTIVES = {
  ...network,
  ...tls,
  ...processes,
  ...snapshot,
  ...aof,
  ...replication,
  ...security,
  ...memory,
  ...cluster,
  ...clients,
  ...encoding,
  ...NEWER,
} satisfies Group

export type DirectiveName = keyof typeof DIRECTIVES

/** The current value of every directive. */
export type ConfigValues = { -readonly [N in DirectiveName]: ValueOf<(typeof DIRECTIVES)[N]> }

export const DIRECTIVE_NAMES = Object.keys(DIRECTIVES) as readonly DirectiveName[]

/** Older names, and what they are called now. */
export const ALIASES: ReadonlyMap<string, DirectiveName> = new Map(
  DIRECTIVE_NAMES.flatMap((name) => {
    const alias = directiveOf(name).alias
    return alias === undefined ? [] : [[alias, name] as const]
  }),
)

/** Directives of older versions that are read, with exactly one word, and mean nothing any more. */
export const DEPRECATED: readonly string[] = [
  'list-max-ziplist-entries',
  'list-max-ziplist-value',
  'lua-replicate-commands',
]

/** Directives that only a file or the command line can hold, and that CONFIG does not show. */
export const FILE_ONLY: readonly string[] = ['include', 'rename-command', 'user', 'loadmodule', 'sentinel']

/** The declaration behind a name. */
export function directiveOf(name: DirectiveName): Directive {
  return DIRECTIVES[name]
}

/** The directive that a name (any case, first or older) stands for. */
export function findDirective(given: string): DirectiveName | undefined {
  const name = lower(given)
  if (Object.hasOwn(DIRECTIVES, name)) return name as DirectiveName
  return ALIASES.get(name) ?? (NEWER_ALIASES.get(name) as DirectiveName | undefined)
}
