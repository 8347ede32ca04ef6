/** The commands of replication: REPLICAOF, SLAVEOF, SYNC, PSYNC, REPLCONF, ROLE, WAIT, WAITAOF, FAILOVER. */

import { NAME_BYTES_MAX } from '../../bytes/text-limits.js'
import {
  ADMIN,
  ALLOW_BUSY,
  type Command,
  FAST,
  LOADING,
  NO_ASYNC_LOADING,
  NO_MULTI,
  NOSCRIPT,
  SENTINEL,
  STALE,
} from '../../commands/command.js'
import { NOT_AN_INTEGER } from '../../commands/errors.js'
import { nearInteger, readTimeoutMs } from '../../commands/int64.js'
import {
  countAcks,
  countAofAcks,
  forgetWait,
  type WaitOutcome,
  wait,
  waitAof,
} from '../../replication/acks.js'
import { isReplica } from '../../replication/links.js'
import { psync } from '../../replication/psync.js'
import { type Answer, replconf } from '../../replication/replconf.js'
import { roleReport } from '../../replication/report.js'
import { failover, replicaof } from '../../replication/role.js'
import { isMaster } from '../../replication/state.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Client } from '../client.js'
import type { ServerNode } from '../node.js'
import type { ReplicationPart } from '../replication/index.js'
import { type ServerHandler, serverCommand } from '../server-command.js'
import { declare } from './declare.js'

type Handler = (part: ReplicationPart, client: Client, args: Args, reply: Reply, node: ServerNode) => void

/** Every node of a server has the part; only a bare one in a test may not. */
function withPart(handler: Handler): ServerHandler {
  return (node, client, args, reply) => {
    if (node.replication === null) reply.error('ERR This instance has replication disabled')
    else handler(node.replication, client, args, reply, node)
  }
}

function views(args: Args): Uint8Array[] {
  return Array.from({ length: args.count }, (_, i) => args.view(i))
}

function answer(reply: Reply, what: Answer | { status: string }): void {
  if (what === null) return
  if ('error' in what) reply.error(what.error)
  else if ('status' in what) reply.simple(what.status)
  else reply.ok()
}

/** How the log calls a client. */
function describe(client: Client): string {
  return `id=${client.id} addr=${client.address} laddr=${client.localAddress} name=${client.name} user=${client.user}`
}

const synchronize = withPart((part, client, args, reply) => {
  const asker = {
    id: client.id,
    peerIp: client.link?.remoteAddress ?? '',
    client: describe(client),
    // What it was replied so far stands before what it gets now, in one and the same buffer.
    hasPendingReplies: false,
  }
  const was = isReplica(part.r, client.id)
  const error = part.run((r, turn) => {
    const error = psync(r, asker, views(args), turn)
    return error
  })
  if (error !== null) reply.error(error)
  else if (!was) part.welcome(client)
})

const SYNC_FLAGS = NO_ASYNC_LOADING | ADMIN | NO_MULTI | NOSCRIPT

const sync = serverCommand(
  declare('server', 'SYNC', 1, SYNC_FLAGS, '1.0.0', 'Asks for a snapshot and all changes after it.'),
  synchronize,
)

const psyncCommand = serverCommand(
  declare('server', 'PSYNC', -3, SYNC_FLAGS, '2.8.0', 'Asks for all changes from an offset on.', {
    syntax: 'replicationid offset',
  }),
  synchronize,
)

const replconfCommand = serverCommand(
  declare(
    'server',
    'REPLCONF',
    -1,
    ADMIN | NOSCRIPT | LOADING | STALE | ALLOW_BUSY,
    '3.0.0',
    'What master and replica tell each other about their link.',
  ),
  withPart((part, client, args, reply) => {
    // From our master's stream: GETACK, which was answered before it came here.
    if (client.trusted) return
    const ip = client.link?.remoteAddress ?? ''
    answer(
      reply,
      part.run((r, turn) => replconf(r, client.id, ip, views(args), turn)),
    )
  }),
)

function follow(name: string, since: string, more: Parameters<typeof declare>[6]): Command {
  return serverCommand(
    declare(
      'server',
      name,
      3,
      NO_ASYNC_LOADING | ADMIN | NOSCRIPT | STALE,
      since,
      'Follows a master, or nobody.',
      {
        syntax: '<host port | NO ONE>',
        ...more,
      },
    ),
    withPart((part, client, args, reply) => {
      const host = args.wholeText(1, NAME_BYTES_MAX)
      if (host === null) return reply.error('ERR Invalid master host')
      const port = args.numeral(2)
      answer(
        reply,
        part.run((r, turn) => replicaof(r, client.id, describe(client), host, port, turn)),
      )
    }),
  )
}

const role = serverCommand(
  declare(
    'server',
    'ROLE',
    1,
    NOSCRIPT | LOADING | STALE | FAST | SENTINEL,
    '2.8.12',
    'Tells whether this is a master or a replica, and of whom.',
    { categories: ['admin', 'dangerous'] },
  ),
  withPart((part, _client, _args, reply) => {
    const report = roleReport(part.r)
    if (report.role === 'master') {
      reply.array(3)
      reply.bulkText('master')
      reply.int(report.offset)
      reply.array(report.replicas.length)
      for (const { ip, port, offset } of report.replicas) {
        reply.array(3)
        reply.bulkText(ip)
        reply.bulkText(String(port))
        reply.bulkText(String(offset))
      }
      return
    }
    reply.array(5)
    reply.bulkText('slave')
    reply.bulkText(report.host)
    reply.int(report.port)
    reply.bulkText(report.state)
    reply.int(report.offset)
  }),
)

const WAIT_MORE = {
  categories: ['connection'],
  tips: ['request_policy:all_shards', 'response_policy:agg_min'],
}
/** Writes what a wait came to, or blocks the client until it comes to something. */
function answerWait(
  part: ReplicationPart,
  client: Client,
  reply: Reply,
  outcome: WaitOutcome,
  write: (reply: Reply, local: number, replicas: number) => void,
  sofar: () => [number, number],
): void {
  const { node } = part
  if (outcome === 'waiting') {
    client.blocked = {
      timeout: () => write(node.turn.outOf(client), ...sofar()),
      cancel: () => forgetWait(part.r, client.id),
      fail: (error) => node.turn.outOf(client).error(error),
      deadline_ms: 0, // the state machine looks after the time
      kind: 'wait',
    }
    node.turn.schedule()
  } else if ('error' in outcome) reply.error(outcome.error)
  else write(reply, outcome.local, outcome.replicas)
}

const waitCommand = serverCommand(
  declare('generic', 'WAIT', 3, 0, '3.0.0', 'Waits until so many replicas have all writes up to now.', {
    syntax: 'numreplicas timeout',
    ...WAIT_MORE,
  }),
  withPart((part, client, args, reply) => {
    const replicas = nearInteger(args, 1)
    const timeout_ms = readTimeoutMs(args, 2, part.node.keyspace.now_ms)
    if (isMaster(part.r)) {
      if (Number.isNaN(replicas)) return reply.error(NOT_AN_INTEGER)
      if (typeof timeout_ms === 'string') return reply.error(timeout_ms)
    }
    // The writes of other clients up to now are waited for too: at worst a moment longer than needed.
    const { offset } = part.r
    const block = !client.denyBlocking && !client.trusted
    const outcome = part.run((r, turn) =>
      wait(r, client.id, offset, replicas, Number(timeout_ms), block, turn),
    )
    answerWait(
      part,
      client,
      reply,
      outcome,
      (out, _local, count) => out.int(count),
      () => [0, countAcks(part.r, offset)],
    )
  }),
)

const waitAofCommand = serverCommand(
  declare(
    'generic',
    'WAITAOF',
    4,
    NOSCRIPT,
    '7.2.0',
    'Waits until all writes up to now are on the disk, here and on so many replicas.',
    { syntax: 'numlocal numreplicas timeout', ...WAIT_MORE },
  ),
  withPart((part, client, args, reply) => {
    const [local, replicas] = [nearInteger(args, 1), nearInteger(args, 2)]
    const timeout_ms = readTimeoutMs(args, 3, part.node.keyspace.now_ms)
    if (Number.isNaN(local)) return reply.error(NOT_AN_INTEGER)
    if (local !== 0 && local !== 1)
      return reply.error('ERR value is out of range, value must between 0 and 1')
    if (Number.isNaN(replicas)) return reply.error(NOT_AN_INTEGER)
    if (replicas < 0) return reply.error('ERR value is out of range, must be positive')
    if (typeof timeout_ms === 'string') return reply.error(timeout_ms)
    const { offset } = part.r
    const block = !client.denyBlocking && !client.trusted
    const outcome = part.run((r, turn) =>
      waitAof(r, client.id, offset, local, replicas, timeout_ms, block, turn),
    )
    answerWait(
      part,
      client,
      reply,
      outcome,
      (out, here, count) => {
        out.array(2)
        out.int(here)
        out.int(count)
      },
      () => [part.r.fsyncedOffset >= offset ? 1 : 0, countAofAcks(part.r, offset)],
    )
  }),
)

const failoverCommand = serverCommand(
  declare('server', 'FAILOVER', -1, ADMIN | NOSCRIPT | STALE, '6.2.0', 'Changes places with a replica.', {
    syntax: '[TO host port [FORCE]] [ABORT] [TIMEOUT milliseconds]',
  }),
  withPart((part, _client, args, reply, node) => {
    const words = Array.from({ length: args.count - 1 }, (_, i) => args.quoted(i + 1))
    answer(
      reply,
      part.run((r, turn) => failover(r, words, turn)),
    )
    node.turn.schedule()
  }),
)

export const replicationCommands: readonly Command[] = [
  sync,
  psyncCommand,
  replconfCommand,
  follow('REPLICAOF', '5.0.0', {}),
  follow('SLAVEOF', '1.0.0', { deprecated: { since: '5.0.0', replacedBy: '`REPLICAOF`' } }),
  role,
  waitCommand,
  waitAofCommand,
  failoverCommand,
]
