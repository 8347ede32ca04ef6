/** MEMORY: where a node's memory goes. */

import { CHUNK_BYTES } from '../../bytes/heap.js'
import { type Command, container, KEY_RO, keyAt, READONLY } from '../../commands/command.js'
import { NOT_AN_INTEGER, SYNTAX } from '../../commands/errors.js'
import { nearInteger } from '../../commands/int64.js'
import { ownedBytes } from '../../keyspace/collections/memory.js'
import type { Reply } from '../../resp/reply.js'
import { residentBytes } from '../../runtime/memory.js'
import { memoryUse } from '../admin/memory.js'
import type { ServerNode } from '../node.js'
import { serverCommand } from '../server-command.js'
import { declare, helpCommand } from './declare.js'

const SHARDS = ['nondeterministic_output', 'request_policy:all_shards', 'response_policy:special']
/** What a table needs for a key, on average: a fingerprint and a handle in buckets that are not full. */
const SLOT_BYTES = 8
/** Elements of a collection that MEMORY USAGE looks at where it is not told how many. */
const DEFAULT_SAMPLES = 5

const usage = serverCommand(
  declare('server', 'USAGE', -3, READONLY, '4.0.0', 'Returns how many bytes a key with its value takes.', {
    complexity: 'O(N) where N is the number of samples.',
    syntax: 'key [SAMPLES count]',
    keys: keyAt(2, KEY_RO),
  }),
  (_node, _client, args, reply, call) => {
    let samples = DEFAULT_SAMPLES
    for (let i = 3; i < args.count; i += 2) {
      if (!args.is(i, 'samples') || i + 1 >= args.count) return reply.error(SYNTAX)
      samples = nearInteger(args, i + 1)
      if (Number.isNaN(samples)) return reply.error(NOT_AN_INTEGER)
      if (samples < 0) return reply.error(SYNTAX)
    }
    const handle = call.db.peek(args.buf, args.start(2), args.end(2))
    if (handle === 0) reply.nil()
    else {
      const { keyspace } = call
      reply.int(keyspace.heap.sizeOf(handle) + SLOT_BYTES + ownedBytes(keyspace, handle, samples))
    }
  },
)

/** A line of MEMORY STATS: a number, or a ratio that is shown with its fraction. */
type Line = readonly [name: string, value: number, isRatio?: boolean]

/** The lines in Redis's order; where Redis tells of its allocator's arenas, the byte heap's chunks are meant. */
function totals(node: ServerNode): [before: Line[], after: Line[]] {
  const use = memoryUse(node)
  const peak = Math.max(node.stats.peakMemory, use.total)
  const keys = node.keyspace.size
  const net = Math.max(1, use.total - use.startup)
  const reserved = use.dataset + use.spare
  const resident = residentBytes()
  return [
    [
      ['peak.allocated', peak],
      ['total.allocated', use.total],
      ['startup.allocated', use.startup],
      ['replication.backlog', use.backlog],
      ['clients.slaves', use.replicas],
      ['clients.normal', use.clients],
      ['cluster.links', use.clusterLinks],
      ['aof.buffer', use.aofBuffer],
      ['lua.caches', 0],
      ['functions.caches', 0],
    ],
    [
      ['overhead.total', use.total - use.dataset],
      ['keys.count', keys],
      ['keys.bytes-per-key', keys === 0 ? 0 : Math.floor((use.total - use.startup) / keys)],
      ['dataset.bytes', use.dataset],
      ['dataset.percentage', (use.dataset * 100) / net, true],
      ['peak.percentage', peak === 0 ? 0 : (use.total * 100) / peak, true],
      ['allocator.allocated', use.dataset],
      ['allocator.active', reserved],
      ['allocator.resident', reserved],
      ['allocator-fragmentation.ratio', use.dataset === 0 ? 1 : reserved / use.dataset, true],
      ['allocator-fragmentation.bytes', use.spare],
      ['allocator-rss.ratio', 1, true],
      ['allocator-rss.bytes', 0],
      ['rss-overhead.ratio', resident / Math.max(1, reserved), true],
      ['rss-overhead.bytes', resident - reserved],
      ['fragmentation', resident / use.total, true],
      ['fragmentation.bytes', resident - use.total],
    ],
  ]
}

function statistics(node: ServerNode, reply: Reply): void {
  const [before, after] = totals(node)
  const filled = node.keyspace.databases.filter((db) => db.size > 0)
  const write = ([name, value, isRatio]: Line): void => {
    reply.bulkText(name)
    if (isRatio === true) reply.double(value)
    else reply.int(value)
  }
  reply.map(before.length + after.length + filled.length)
  for (const line of before) write(line)
  for (const db of filled) {
    reply.bulkText(`db.${db.index}`)
    reply.map(3)
    write(['overhead.hashtable.main', db.tableBytes - db.expiringTableBytes])
    write(['overhead.hashtable.expires', db.expiringTableBytes])
    write(['overhead.hashtable.slot-to-keys', 0])
  }
  for (const line of after) write(line)
}

/** MALLOC-STATS: the byte heap in words. */
function heapReport(node: ServerNode): string {
  const { heap, graveyard, large } = node.keyspace
  const chunks = heap.u8.filter((chunk) => chunk.length > 0)
  const own = chunks.filter((chunk) => chunk.length !== CHUNK_BYTES)
  const ownBytes = own.reduce((sum, chunk) => sum + chunk.length, 0)
  const { hits = 0, running = false } = node.defrag?.compaction ?? {}
  return [
    '___ Byte heap ___',
    `Blocks in use: ${heap.usedBytes} bytes`,
    `Chunks: ${chunks.length - own.length} of ${CHUNK_BYTES} bytes`,
    `Large blocks of their own: ${own.length}, ${ownBytes} bytes`,
    `Taken from the system: ${heap.reservedBytes} bytes`,
    `Large collections: ${large.size}, ${large.bytes} bytes of tables`,
    `Waiting to be freed: ${graveyard.pending} objects`,
    `Blocks moved by defragmentation: ${hits}${running ? ', which is under way' : ''}`,
    '',
  ].join('\n')
}

function doctor(node: ServerNode): string {
  const use = memoryUse(node)
  if (use.dataset < 5 * 1024 * 1024) {
    return (
      'This instance is empty or nearly so: there is nothing to say about the memory of so small a dataset. ' +
      'Ask again when it holds more than 5 MB.'
    )
  }
  const advice: string[] = []
  if (node.stats.peakMemory > use.total * 1.5) {
    advice.push(
      ' * Peak: it once used more than 150% of what it uses now. The system may not get all of that back.',
    )
  }
  if (use.spare > use.dataset * 0.4) {
    advice.push(
      ' * Spare: more than 40% of what the byte heap holds is not in use. New keys will fill it first.',
    )
  }
  if (use.clients > use.dataset * 0.1 && use.clients > 10 * 1024 * 1024) {
    advice.push(' * Clients: their buffers hold more than a tenth of the memory. See CLIENT LIST, tot-mem.')
  }
  if (advice.length === 0) return 'No problem was found with the memory of this instance.'
  return `This is what was found:\n\n${advice.join('\n')}\n`
}

export const memoryCommand: Command = container(
  declare('server', 'MEMORY', -2, 0, '4.0.0', 'A container for commands about memory.', {
    complexity: 'Depends on subcommand.',
  }),
  [
    usage,
    serverCommand(
      declare('server', 'STATS', 2, 0, '4.0.0', 'Tells where the memory goes, in numbers.', { tips: SHARDS }),
      (node, _client, _args, reply) => statistics(node, reply),
    ),
    serverCommand(
      declare('server', 'DOCTOR', 2, 0, '4.0.0', 'Tells what is odd about the use of memory.', {
        tips: SHARDS,
      }),
      (node, _client, _args, reply) => reply.verbatim(doctor(node)),
    ),
    serverCommand(
      declare('server', 'PURGE', 2, 0, '4.0.0', 'Gives back memory that is not in use.', {
        complexity: 'Depends on how much memory is allocated, could be slow',
        tips: ['request_policy:all_shards', 'response_policy:all_succeeded'],
      }),
      // The byte heap gives a chunk back to the system as soon as nothing is left in it: sparse ones are emptied.
      (node, _client, _args, reply) => {
        node.defrag?.purge()
        reply.ok()
      },
    ),
    serverCommand(
      declare('server', 'MALLOC-STATS', 2, 0, '4.0.0', 'Tells what the byte heap holds.', {
        complexity: 'Depends on how much memory is allocated, could be slow',
        tips: SHARDS,
      }),
      (node, _client, _args, reply) => reply.verbatim(heapReport(node)),
    ),
    helpCommand('server', 'MEMORY', '4.0.0', [
      'DOCTOR',
      '    Return memory problems reports.',
      'MALLOC-STATS',
      '    Return internal statistics report from the memory allocator.',
      'PURGE',
      '    Attempt to purge dirty pages for reclamation by the allocator.',
      'STATS',
      '    Return information about the memory usage of the server.',
      'USAGE <key> [SAMPLES <count>]',
      '    Return memory in bytes used by <key> and its value. Nested values are',
      '    sampled up to <count> times (default: 5, 0 means sample all).',
    ]),
  ],
)
