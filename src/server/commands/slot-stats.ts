/** CLUSTER SLOT-STATS (Valkey 8, Redis 8.2): keys, processor time and traffic of the slots of this node's shard. */

import { SLOTS } from '../../bytes/crc16.js'
import { SYNTAX } from '../../commands/errors.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import { countKeysInSlot } from '../cluster/keys.js'
import type { ServerNode } from '../node.js'
import type { ServerHandler } from '../server-command.js'

const DISABLED = 'ERR This instance has cluster support disabled'
const OPTION = 2
const USAGE = "ERR unknown subcommand or wrong number of arguments for 'slot-stats'. Try CLUSTER HELP."

/** Metrics by name; all but the number of keys need cluster-slot-stats-enabled. */
const METRICS = ['key-count', 'cpu-usec', 'network-bytes-in', 'network-bytes-out'] as const
type Metric = (typeof METRICS)[number]

function metricOf(node: ServerNode, slot: number, metric: Metric): number {
  const { slotStats } = node
  switch (metric) {
    case 'key-count':
      return countKeysInSlot(node, slot)
    case 'cpu-usec':
      return Math.round(slotStats?.cpu_us[slot] ?? 0)
    case 'network-bytes-in':
      return slotStats?.bytesIn[slot] ?? 0
    case 'network-bytes-out':
      return slotStats?.bytesOut[slot] ?? 0
  }
}

const shownMetrics = (node: ServerNode): readonly Metric[] =>
  node.slotStats === null ? METRICS.slice(0, 1) : METRICS

function replySlots(node: ServerNode, slots: readonly number[], reply: Reply): void {
  const metrics = shownMetrics(node)
  reply.array(slots.length)
  for (const slot of slots) {
    reply.array(2)
    reply.int(slot)
    reply.map(metrics.length)
    for (const metric of metrics) {
      reply.bulkText(metric)
      reply.int(metricOf(node, slot, metric))
    }
  }
}

/** The slots of this node's shard from `first` to `last`. */
function ownSlots(node: ServerNode, first: number, last: number): number[] {
  const { slotOwner, myself } = node.cluster!.state
  const master = myself.master ?? myself
  const slots: number[] = []
  for (let slot = first; slot <= last; slot++) if (slotOwner[slot] === master) slots.push(slot)
  return slots
}

function replyRange(node: ServerNode, args: Args, reply: Reply): void {
  const first = args.integer(OPTION + 1)
  const last = args.integer(OPTION + 2)
  const isSlot = (slot: number) => slot >= 0 && slot < SLOTS
  if (!isSlot(first) || !isSlot(last)) reply.error('ERR Invalid or out of range slot')
  else if (first > last) {
    reply.error(`ERR Start slot number ${first} is greater than end slot number ${last}`)
  } else replySlots(node, ownSlots(node, first, last), reply)
}

interface Order {
  readonly metric: Metric
  limit: number
  descending: boolean
}

/** Reads `metric [LIMIT limit] [ASC | DESC]`; what is wrong, or the order. */
function readOrder(node: ServerNode, args: Args): Order | string {
  const metric = shownMetrics(node).find((one) => args.is(OPTION + 1, one))
  if (metric === undefined) return 'ERR Unrecognized sort metric for ORDERBY.'
  const order: Order = { metric, limit: SLOTS, descending: true }
  let limits = 0
  let directions = 0
  for (let i = OPTION + 2; i < args.count; i++) {
    if (args.is(i, 'limit') && i + 1 < args.count) {
      order.limit = args.integer(++i)
      if (!(order.limit >= 1 && order.limit <= SLOTS)) {
        return 'ERR Limit has to lie in between 1 and 16384 (maximum number of slots).'
      }
      limits++
    } else if (args.is(i, 'asc') || args.is(i, 'desc')) {
      order.descending = args.is(i, 'desc')
      directions++
    } else return SYNTAX
    if (limits > 1 || directions > 1) return 'ERR Multiple filters of the same type are disallowed.'
  }
  return order
}

function replyOrdered(node: ServerNode, args: Args, reply: Reply): void {
  const order = readOrder(node, args)
  if (typeof order === 'string') {
    reply.error(order)
    return
  }
  const slots = ownSlots(node, 0, SLOTS - 1)
  const values = new Map(slots.map((slot) => [slot, metricOf(node, slot, order.metric)]))
  const sign = order.descending ? -1 : 1
  slots.sort((a, b) => sign * (values.get(a)! - values.get(b)!) || a - b)
  replySlots(node, slots.slice(0, order.limit), reply)
}

export const slotStats: ServerHandler = (node, _client, args, reply) => {
  if (node.cluster === null) reply.error(DISABLED)
  else if (args.count === 5 && args.is(OPTION, 'slotsrange')) replyRange(node, args, reply)
  else if (args.is(OPTION, 'orderby')) replyOrdered(node, args, reply)
  else reply.error(USAGE)
}
