/** The cluster's configuration, out of the node's directives. */

import type { ClusterConfig } from '../../cluster/index.js'
import type { Config } from '../config/config.js'

/** Directives whose change the cluster must hear of. */
export const CLUSTER_DIRECTIVES = [
  'port',
  'tls-port',
  'tls-cluster',
  'tls-replication',
  'repl-ping-replica-period',
  'cluster-node-timeout',
  'cluster-replica-validity-factor',
  'cluster-replica-no-failover',
  'cluster-migration-barrier',
  'cluster-allow-replica-migration',
  'cluster-require-full-coverage',
  'cluster-allow-reads-when-down',
  'cluster-allow-pubsubshard-when-down',
  'cluster-announce-ip',
  'cluster-announce-port',
  'cluster-announce-tls-port',
  'cluster-announce-bus-port',
  'cluster-announce-hostname',
  'cluster-announce-human-nodename',
  'cluster-announce-client-ipv4',
  'cluster-announce-client-ipv6',
  'cluster-preferred-endpoint-type',
  'cluster-blacklist-ttl',
  'cluster-manual-failover-timeout',
] as const

export function readOptions(values: Config['values']): ClusterConfig {
  return {
    nodeTimeout_ms: values['cluster-node-timeout'],
    port: values.port,
    tlsPort: values['tls-port'],
    busPort: values['cluster-port'],
    tlsCluster: values['tls-cluster'],
    tlsReplication: values['tls-replication'],
    announceIp: values['cluster-announce-ip'] ?? '',
    announcePort: values['cluster-announce-port'],
    announceTlsPort: values['cluster-announce-tls-port'],
    announceBusPort: values['cluster-announce-bus-port'],
    announceHostname: values['cluster-announce-hostname'] ?? '',
    announceHumanNodename: values['cluster-announce-human-nodename'] ?? '',
    announceClientIpv4: values['cluster-announce-client-ipv4'] ?? '',
    announceClientIpv6: values['cluster-announce-client-ipv6'] ?? '',
    requireFullCoverage: values['cluster-require-full-coverage'],
    allowReadsWhenDown: values['cluster-allow-reads-when-down'],
    allowPubsubshardWhenDown: values['cluster-allow-pubsubshard-when-down'],
    allowReplicaMigration: values['cluster-allow-replica-migration'],
    migrationBarrier: values['cluster-migration-barrier'],
    replicaNoFailover: values['cluster-replica-no-failover'],
    replicaValidityFactor: values['cluster-replica-validity-factor'],
    replPingReplicaPeriod_s: values['repl-ping-replica-period'],
    preferredEndpointType: values[
      'cluster-preferred-endpoint-type'
    ] as ClusterConfig['preferredEndpointType'],
    forgetTtl_ms: values['cluster-blacklist-ttl'] * 1000,
    manualFailoverTimeout_ms: values['cluster-manual-failover-timeout'],
  }
}
