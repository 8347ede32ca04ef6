/** What redis.conf says about replication, as the state machines below the line take it. */

import type { ReplicationOptions } from '../../replication/state.js'
import { ascii } from '../../replication/wire.js'
import type { ConfigValues, DirectiveName } from '../config/table.js'

/** The directives that `readOptions` reads. */
export const REPLICATION_DIRECTIVES = [
  'repl-backlog-size',
  'repl-backlog-ttl',
  'repl-diskless-sync',
  'repl-diskless-sync-delay',
  'repl-diskless-sync-max-replicas',
  'repl-diskless-load',
  'repl-timeout',
  'repl-ping-replica-period',
  'client-output-buffer-limit',
  'min-replicas-to-write',
  'min-replicas-max-lag',
  'masterauth',
  'masteruser',
  'port',
  'replica-announce-ip',
  'replica-announce-port',
  'replica-announced',
  'replica-priority',
  'replica-read-only',
  'replica-serve-stale-data',
  'appendonly',
] as const satisfies readonly DirectiveName[]

export function readOptions(values: ConfigValues): ReplicationOptions {
  const limit = values['client-output-buffer-limit'].replica
  const optional = (text: string): Uint8Array | null => (text === '' ? null : ascii(text))
  return {
    replBacklogSize: values['repl-backlog-size'],
    replBacklogTtl_s: values['repl-backlog-ttl'],
    replDisklessSync: values['repl-diskless-sync'],
    replDisklessSyncDelay_s: values['repl-diskless-sync-delay'],
    replDisklessSyncMaxReplicas: values['repl-diskless-sync-max-replicas'],
    replDisklessLoad: values['repl-diskless-load'],
    replTimeout_s: values['repl-timeout'],
    replPingReplicaPeriod_s: values['repl-ping-replica-period'],
    outputHardLimit: limit.hard,
    outputSoftLimit: limit.soft,
    outputSoftLimit_s: limit.seconds,
    minReplicasToWrite: values['min-replicas-to-write'],
    minReplicasMaxLag_s: values['min-replicas-max-lag'],
    masterauth: optional(values.masterauth),
    masteruser: optional(values.masteruser),
    port: values.port,
    replicaAnnounceIp: values['replica-announce-ip'],
    replicaAnnouncePort: values['replica-announce-port'],
    replicaAnnounced: values['replica-announced'],
    replicaPriority: values['replica-priority'],
    replicaReadOnly: values['replica-read-only'],
    replicaServeStaleData: values['replica-serve-stale-data'],
    appendonly: values.appendonly,
    clusterEnabled: values['cluster-enabled'],
  }
}
