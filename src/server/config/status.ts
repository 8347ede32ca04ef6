/**
 * Which directives do something in this version. The others are read, checked, shown and kept like these,
 * so that a redis.conf written for Redis starts a node, but nothing looks at their values.
 *
 * Kept by hand, beside nothing else, because it is a statement about the rest of the node: whoever makes a
 * directive work adds its name here, and docs/compatibility.md is made from it. status.test.ts looks for
 * the readers of every name.
 */

import type { DirectiveName } from './table.js'

export type Status = 'works' | 'accepted'

const WORKS: ReadonlySet<DirectiveName> = new Set<DirectiveName>([
  'bind',
  'bind-source-addr',
  'port',
  'tcp-backlog',
  'tcp-keepalive',
  'timeout',
  'protected-mode',
  'unixsocket',
  'unixsocketperm',
  'maxclients',
  'enable-protected-configs',
  'enable-debug-command',
  'daemonize',
  'pidfile',
  'loglevel',
  'logfile',
  'databases',
  'hz',
  'shutdown-timeout',
  'dir',
  'save',
  'stop-writes-on-bgsave-error',
  'rdbcompression',
  'rdbchecksum',
  'dbfilename',
  'appendonly',
  'appendfilename',
  'appenddirname',
  'appendfsync',
  'no-appendfsync-on-rewrite',
  'auto-aof-rewrite-percentage',
  'auto-aof-rewrite-min-size',
  'aof-load-truncated',
  'aof-use-rdb-preamble',
  'aof-timestamp-enabled',
  'aof-disable-auto-gc',
  'replicaof',
  'masterauth',
  'masteruser',
  'replica-serve-stale-data',
  'replica-read-only',
  'repl-diskless-sync',
  'repl-diskless-sync-delay',
  'repl-diskless-sync-max-replicas',
  'repl-diskless-load',
  'repl-ping-replica-period',
  'repl-timeout',
  'repl-disable-tcp-nodelay',
  'repl-backlog-size',
  'repl-backlog-ttl',
  'replica-priority',
  'replica-announced',
  'replica-announce-ip',
  'replica-announce-port',
  'min-replicas-to-write',
  'min-replicas-max-lag',
  'requirepass',
  'aclfile',
  'acl-pubsub-default',
  'acllog-max-len',
  'lazyfree-lazy-expire',
  'lazyfree-lazy-server-del',
  'lazyfree-lazy-user-flush',
  'cluster-enabled',
  'cluster-config-file',
  'cluster-node-timeout',
  'cluster-port',
  'cluster-replica-validity-factor',
  'cluster-replica-no-failover',
  'cluster-migration-barrier',
  'cluster-allow-replica-migration',
  'cluster-require-full-coverage',
  'cluster-allow-reads-when-down',
  'cluster-allow-pubsubshard-when-down',
  'cluster-link-sendbuf-limit',
  'cluster-announce-ip',
  'cluster-announce-port',
  'cluster-announce-tls-port',
  'cluster-announce-bus-port',
  'cluster-announce-hostname',
  'cluster-announce-human-nodename',
  'client-output-buffer-limit',
  'client-query-buffer-limit',
  'proto-max-bulk-len',
  'notify-keyspace-events',
  'slowlog-log-slower-than',
  'slowlog-max-len',
])

/** All directives that do something. */
export const WORKING: readonly DirectiveName[] = [...WORKS]

export function statusOf(name: DirectiveName): Status {
  return WORKS.has(name) ? 'works' : 'accepted'
}
