/** OBJECT: how a value is kept, and when it was last used. */

import { parseInteger } from '../../bytes/ascii.js'
import { INT } from '../../keyspace/entries.js'
import { frequencyOf } from '../../keyspace/frequency.js'
import type { Args } from '../../resp/args.js'
import type { Call } from '../call.js'
import { command, container, KEY_RO, keyAt, LOADING, READONLY, STALE } from '../command.js'
import { encodingName } from '../types.js'

const CLOCK_MASK = 0xffffff
/** Redis keeps the integers below this once for all keys, and says so. */
const SHARED_INTEGERS = 10_000
const SHARED_REFCOUNT = 2 ** 31 - 1
const SWITCHING =
  'Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.'

/** The entry of argument 2, or 0: neither touched nor told to listeners, but counted. */
function look(call: Call, args: Args): number {
  const handle = call.db.find(args.buf, args.start(2), args.end(2))
  if (handle === 0) call.keyspace.misses++
  else call.keyspace.hits++
  return handle
}

const COMMON = {
  arity: 3,
  flags: READONLY,
  since: '2.2.3',
  group: 'generic',
  complexity: 'O(1)',
  syntax: 'key',
  keys: keyAt(2, KEY_RO),
  categories: ['keyspace'],
  tips: ['nondeterministic_output'],
} as const

const encoding = command(
  { ...COMMON, name: 'ENCODING', summary: 'Says in which form the value of a key is kept.' },
  (call, args, reply) => {
    const handle = look(call, args)
    if (handle === 0) reply.nil()
    else reply.bulkText(encodingName(call.db.entries.encoding(handle)))
  },
)

const refcount = command(
  { ...COMMON, name: 'REFCOUNT', summary: 'Says how many keys share the value of a key.' },
  (call, args, reply) => {
    const handle = look(call, args)
    if (handle === 0) reply.nil()
    else reply.int(isShared(call, handle) ? SHARED_REFCOUNT : 1)
  },
)

function isShared(call: Call, handle: number): boolean {
  const { entries } = call.db
  if (entries.encoding(handle) !== INT || call.keyspace.evictsByClock) return false
  const at = entries.valueStart(handle)
  const value = parseInteger(entries.bytes(handle), at, at + entries.valueLength(handle))
  return value >= 0 && value < SHARED_INTEGERS
}

const idletime = command(
  { ...COMMON, name: 'IDLETIME', summary: 'Says for how many seconds nobody has used a key.' },
  (call, args, reply) => {
    const handle = look(call, args)
    if (handle === 0) {
      reply.nil()
    } else if (call.keyspace.lfu) {
      reply.error(`ERR An LFU maxmemory policy is selected, idle time not tracked. ${SWITCHING}`)
    } else {
      const idle = call.keyspace.lruClock - call.db.entries.access(handle)
      reply.int(idle >= 0 ? idle : idle + CLOCK_MASK)
    }
  },
)

const freq = command(
  {
    ...COMMON,
    name: 'FREQ',
    since: '4.0.0',
    summary: 'Says how often a key is used, on a scale that is about logarithmic.',
  },
  (call, args, reply) => {
    const handle = look(call, args)
    if (handle === 0) {
      reply.nil()
    } else if (!call.keyspace.lfu) {
      reply.error(`ERR An LFU maxmemory policy is not selected, access frequency not tracked. ${SWITCHING}`)
    } else {
      reply.int(frequencyOf(call.keyspace, call.db.entries.access(handle)))
    }
  },
)

const HELP = [
  'OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'ENCODING <key>',
  '    In which form the value of <key> is kept.',
  'FREQ <key>',
  '    How often <key> is used: a counter that grows ever more slowly and falls with time.',
  'IDLETIME <key>',
  '    For how many seconds, about, nobody has used <key>.',
  'REFCOUNT <key>',
  '    How many references there are to the value of <key>.',
  'HELP',
  '    This text.',
]

const help = command(
  {
    name: 'HELP',
    arity: 2,
    flags: LOADING | STALE,
    since: '6.2.0',
    group: 'generic',
    summary: 'Lists the subcommands.',
    complexity: 'O(1)',
    categories: ['keyspace'],
  },
  (_call, _args, reply) => {
    reply.array(HELP.length)
    for (const line of HELP) reply.simple(line)
  },
)

export const object = container(
  {
    name: 'OBJECT',
    arity: -2,
    flags: 0,
    since: '2.2.3',
    group: 'generic',
    summary: 'How values are kept and used.',
    complexity: 'Depends on subcommand.',
  },
  [encoding, freq, help, idletime, refcount],
)

export const OBJECT_FAMILY = [object]
