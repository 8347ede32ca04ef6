/** CLUSTER: its subcommands are inputs of the cluster's state machine; those about keys are answered here. */

import { keySlot, SLOTS } from '../../bytes/crc16.js'
import {
  ADMIN,
  type Command,
  container,
  type Declaration,
  LOADING,
  NO_ASYNC_LOADING,
  NOSCRIPT,
  STALE,
} from '../../commands/command.js'
import { NOT_AN_INTEGER } from '../../commands/errors.js'
import { nearInteger } from '../../commands/int64.js'
import { countKeysInSlot, keysInSlot } from '../cluster/keys.js'
import { printReply } from '../cluster/print.js'
import { type ServerHandler, serverCommand } from '../server-command.js'
import { declare } from './declare.js'
import { slotStats } from './slot-stats.js'

const DISABLED = 'ERR This instance has cluster support disabled'

/** Hands the subcommand and its arguments to the state machine. */
const toCluster: ServerHandler = (node, client, args, reply) => {
  if (node.cluster === null) {
    reply.error(DISABLED)
    return
  }
  const texts: string[] = []
  for (let i = 1; i < args.count; i++) texts.push(args.quoted(i))
  printReply(node.cluster.command(texts, client), reply)
}

/** A key may be of any length: it never becomes text. */
const keySlotOf: ServerHandler = (node, _client, args, reply) => {
  if (node.cluster === null) reply.error(DISABLED)
  else reply.int(keySlot(args.buf, args.start(2), args.end(2)))
}

const countKeys: ServerHandler = (node, _client, args, reply) => {
  const slot = nearInteger(args, 2)
  if (node.cluster === null) reply.error(DISABLED)
  else if (Number.isNaN(slot)) reply.error(NOT_AN_INTEGER)
  else if (slot < 0 || slot >= SLOTS) reply.error('ERR Invalid slot')
  else reply.int(countKeysInSlot(node, slot))
}

const getKeys: ServerHandler = (node, _client, args, reply) => {
  const slot = nearInteger(args, 2)
  const count = nearInteger(args, 3)
  if (node.cluster === null) reply.error(DISABLED)
  else if (Number.isNaN(slot) || Number.isNaN(count)) reply.error(NOT_AN_INTEGER)
  else if (slot < 0 || slot >= SLOTS || count < 0) reply.error('ERR Invalid slot or number of keys')
  else {
    const keys = keysInSlot(node, slot, count)
    reply.array(keys.length)
    for (const key of keys) reply.bulk(key)
  }
}

function sub(
  name: string,
  arity: number,
  flags: number,
  since: string,
  summary: string,
  syntax = '',
  more: Partial<Declaration> = {},
  handler: ServerHandler = toCluster,
): Command {
  return serverCommand(declare('cluster', name, arity, flags, since, summary, { syntax, ...more }), handler)
}

const CHANGE = NO_ASYNC_LOADING | ADMIN | STALE
const PER_NODE = { complexity: 'O(N) where N is the total number of nodes in the cluster' }
const PER_SLOT = { complexity: 'O(N) where N is the number of slots named' }
const VARIES = { tips: ['nondeterministic_output'] }

const subcommands: readonly Command[] = [
  sub('ADDSLOTS', -3, CHANGE, '3.0.0', 'Takes slots that nobody owns.', 'slot [slot ...]', PER_SLOT),
  sub(
    'ADDSLOTSRANGE',
    -4,
    CHANGE,
    '7.0.0',
    'Takes ranges of slots that nobody owns.',
    'start-slot end-slot [start-slot end-slot ...]',
    PER_SLOT,
  ),
  sub('BUMPEPOCH', 2, CHANGE, '3.0.0', "Raises the node's config epoch.", '', VARIES),
  sub(
    'COUNT-FAILURE-REPORTS',
    3,
    ADMIN | STALE,
    '3.0.0',
    'Counts the masters that report a node as failing.',
    'node-id',
    VARIES,
  ),
  sub('COUNTKEYSINSLOT', 3, STALE, '3.0.0', "Counts a slot's keys.", 'slot', {}, countKeys),
  sub('DELSLOTS', -3, CHANGE, '3.0.0', "Makes slots nobody's.", 'slot [slot ...]', PER_SLOT),
  sub(
    'DELSLOTSRANGE',
    -4,
    CHANGE,
    '7.0.0',
    "Makes ranges of slots nobody's.",
    'start-slot end-slot [start-slot end-slot ...]',
    PER_SLOT,
  ),
  sub('FAILOVER', -2, CHANGE, '3.0.0', "Has a replica take its master's place.", '[FORCE | TAKEOVER]'),
  sub('FLUSHSLOTS', 2, CHANGE, '3.0.0', 'Gives up all slots of this node.'),
  sub('FORGET', 3, CHANGE, '3.0.0', 'Removes a node from the table.', 'node-id'),
  sub(
    'GETKEYSINSLOT',
    4,
    STALE,
    '3.0.0',
    "Lists some of a slot's keys.",
    'slot count',
    { complexity: 'O(N) where N is the number of keys asked for', ...VARIES },
    getKeys,
  ),
  sub('HELP', 2, LOADING | STALE, '5.0.0', 'Tells the subcommands.'),
  sub('INFO', 2, STALE, '3.0.0', 'Tells the state of the cluster as this node sees it.', '', VARIES),
  sub(
    'KEYSLOT',
    3,
    STALE,
    '3.0.0',
    'Tells the slot of a key.',
    'key',
    { complexity: 'O(N) where N is the number of bytes in the key' },
    keySlotOf,
  ),
  sub('LINKS', 2, STALE, '7.0.0', 'Lists the connections to other nodes.', '', { ...PER_NODE, ...VARIES }),
  sub('MEET', -4, CHANGE, '3.0.0', 'Has this node join the one at an address.', 'ip port [cluster-bus-port]'),
  sub('MYID', 2, STALE, '3.0.0', "Tells the node's id."),
  sub('MYSHARDID', 2, STALE, '7.2.0', "Tells the id of the node's shard.", '', VARIES),
  sub('NODES', 2, STALE, '3.0.0', 'Lists all nodes as this one sees them.', '', { ...PER_NODE, ...VARIES }),
  sub('REPLICAS', 3, ADMIN | STALE, '5.0.0', "Lists a master's replicas.", 'node-id', VARIES),
  sub('REPLICATE', 3, CHANGE, '3.0.0', 'Makes this node a replica of a master.', 'node-id'),
  sub(
    'RESET',
    -2,
    ADMIN | STALE | NOSCRIPT,
    '3.0.0',
    'Forgets all nodes and slots.',
    '[HARD | SOFT]',
    PER_NODE,
  ),
  sub('SAVECONFIG', 2, CHANGE, '3.0.0', 'Writes nodes.conf.'),
  sub('SET-CONFIG-EPOCH', 3, CHANGE, '3.0.0', "Sets a new node's config epoch.", 'config-epoch'),
  sub(
    'SETSLOT',
    -4,
    CHANGE,
    '3.0.0',
    'Moves a slot from node to node.',
    'slot <IMPORTING node-id | MIGRATING node-id | NODE node-id | STABLE>',
  ),
  sub('SHARDS', 2, LOADING | STALE, '7.0.0', 'Lists the shards with their slots and nodes.', '', {
    ...PER_NODE,
    ...VARIES,
  }),
  sub('SLAVES', 3, ADMIN | STALE, '3.0.0', "Lists a master's replicas.", 'node-id', {
    deprecated: { since: '5.0.0', replacedBy: '`CLUSTER REPLICAS`' },
    ...VARIES,
  }),
  sub(
    'SLOT-STATS',
    -4,
    LOADING | STALE,
    '8.0.0',
    "Tells how many keys the shard's slots have, and what their commands cost.",
    '<SLOTSRANGE start-slot end-slot | ORDERBY metric [LIMIT limit] [ASC | DESC]>',
    { complexity: 'O(N) where N is the number of slots, O(N*log(N)) with ORDERBY', ...VARIES },
    slotStats,
  ),
  sub('SLOTS', 2, LOADING | STALE, '3.0.0', 'Lists ranges of slots with their nodes.', '', {
    ...PER_NODE,
    deprecated: { since: '7.0.0', replacedBy: '`CLUSTER SHARDS`' },
    ...VARIES,
  }),
]

export const clusterCommands: readonly Command[] = [
  container(
    declare('cluster', 'CLUSTER', -2, 0, '3.0.0', 'Commands about the cluster.', {
      complexity: 'Depends on subcommand.',
    }),
    subcommands,
  ),
]
