/** XGROUP: groups and consumers come and go. */

import type { Stream } from '../../keyspace/collections/stream.js'
import { READ_UNKNOWN, type StreamGroup } from '../../keyspace/collections/stream-group.js'
import { type Int64, StreamId } from '../../keyspace/collections/stream-id.js'
import { STREAM } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { collectionToChange, putNew, WRONG } from '../collection.js'
import {
  command,
  container,
  DENYOOM,
  KEY_DELETE,
  KEY_INSERT,
  KEY_RW,
  KEY_UPDATE,
  keyAt,
  LOADING,
  STALE,
  WRITE,
} from '../command.js'
import { replyError } from '../errors.js'
import { NOTIFY_STREAM } from '../host.js'
import { isCharacter, readId } from './ids.js'
import { groupOf, readInt64, shown } from './lookup.js'

const KEY = 2
const GROUP = 3
const NO_KEY =
  'ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option ' +
  'to create an empty stream automatically.'

function wrongUse(args: Args, reply: Reply): void {
  replyError(
    reply,
    `ERR unknown subcommand or wrong number of arguments for '${shown(args, 1).slice(0, 128)}'. Try XGROUP HELP.`,
  )
}

function tell(call: Call, args: Args, event: string): void {
  call.dirty++
  call.notify(NOTIFY_STREAM, event, args.buf, args.start(KEY), args.end(KEY))
}

/** The options of CREATE and SETID; null after an error was replied. */
function readOptions(args: Args, creating: boolean, reply: Reply): { make: boolean; read: Int64 } | null {
  const options: { make: boolean; read: Int64 } = { make: false, read: READ_UNKNOWN }
  for (let i = 5; i < args.count; i++) {
    if (creating && args.is(i, 'mkstream')) options.make = true
    else if (args.is(i, 'entriesread') && i + 1 < args.count) {
      const read = readInt64(args, ++i, reply)
      if (read === null) return null
      if (read < 0 && read !== READ_UNKNOWN) {
        reply.error('ERR value for ENTRIESREAD must be positive or -1')
        return null
      }
      options.read = read
    } else {
      wrongUse(args, reply)
      return null
    }
  }
  return options
}

/** The stream, which must be there; null after an error was replied. */
function streamToChange(call: Call, args: Args, reply: Reply): Stream | null {
  const handle = collectionToChange(call, args, KEY, STREAM, reply)
  if (handle === 0) reply.error(NO_KEY)
  return handle > 0 ? call.keyspace.streams.of(handle) : null
}

/** The group, which must be there, as must the stream; null after an error was replied. */
function groupToChange(call: Call, args: Args, reply: Reply): { stream: Stream; group: StreamGroup } | null {
  const stream = streamToChange(call, args, reply)
  if (stream === null) return null
  const group = groupOf(stream, args, GROUP)
  if (group !== undefined) return { stream, group }
  replyError(
    reply,
    `NOGROUP No such consumer group '${shown(args, GROUP)}' for key name '${shown(args, KEY)}'`,
  )
  return null
}

const COMMON = { since: '5.0.0', group: 'stream', complexity: 'O(1)' } as const

const create = command(
  {
    ...COMMON,
    name: 'CREATE',
    arity: -5,
    flags: WRITE | DENYOOM,
    summary: 'Makes a group that begins behind an ID.',
    syntax: 'key group <id | $> [MKSTREAM] [ENTRIESREAD entries-read]',
    keys: keyAt(KEY, KEY_RW | KEY_INSERT),
    history: [['7.0.0', 'Knows `ENTRIESREAD`.']],
  },
  (call, args, reply) => {
    const options = readOptions(args, true, reply)
    if (options === null) return
    let handle = collectionToChange(call, args, KEY, STREAM, reply)
    if (handle === WRONG) return
    if (handle === 0 && !options.make) {
      reply.error(NO_KEY)
      return
    }
    if (args.count > 8) {
      wrongUse(args, reply)
      return
    }
    const { streams } = call.keyspace
    const id = new StreamId()
    if (isCharacter(args, 4, 0x24)) {
      if (handle !== 0) id.set(streams.of(handle).last)
    } else if (!readId(args, 4, id, reply)) return
    if (handle === 0) handle = putNew(call, args, KEY, streams.create())
    const { buf } = args
    if (
      streams.of(handle).createGroup(buf, args.start(GROUP), args.end(GROUP), id, options.read) === undefined
    ) {
      reply.error('BUSYGROUP Consumer Group name already exists')
      return
    }
    reply.ok()
    tell(call, args, 'xgroup-create')
  },
)

const setid = command(
  {
    ...COMMON,
    name: 'SETID',
    arity: -5,
    flags: WRITE,
    summary: 'Sets the last ID that a group was given.',
    syntax: 'key group <id | $> [ENTRIESREAD entries-read]',
    keys: keyAt(KEY, KEY_RW | KEY_UPDATE),
    history: [['7.0.0', 'Knows `ENTRIESREAD`.']],
  },
  (call, args, reply) => {
    const options = readOptions(args, false, reply)
    if (options === null) return
    const found = groupToChange(call, args, reply)
    if (found === null) return
    if (args.count !== 5 && args.count !== 7) {
      wrongUse(args, reply)
      return
    }
    const id = new StreamId()
    if (isCharacter(args, 4, 0x24)) id.set(found.stream.last)
    else if (!readId(args, 4, id, reply, { ends: true })) return
    found.group.last.set(id)
    found.group.read = options.read
    reply.ok()
    tell(call, args, 'xgroup-setid')
  },
)

const destroy = command(
  {
    ...COMMON,
    name: 'DESTROY',
    arity: 4,
    flags: WRITE,
    summary: 'Removes a group.',
    complexity: 'O(N) with N pending entries of the group',
    syntax: 'key group',
    keys: keyAt(KEY, KEY_RW | KEY_DELETE),
  },
  (call, args, reply) => {
    const stream = streamToChange(call, args, reply)
    if (stream === null) return
    const group = groupOf(stream, args, GROUP)
    if (group === undefined) {
      reply.int(0)
      return
    }
    stream.destroyGroup(group)
    reply.int(1)
    tell(call, args, 'xgroup-destroy')
    // Whoever waits in the group must hear that it is gone.
    call.host.keyReady(call.db, args.buf, args.start(KEY), args.end(KEY))
  },
)

const createconsumer = command(
  {
    ...COMMON,
    name: 'CREATECONSUMER',
    arity: 5,
    flags: WRITE | DENYOOM,
    since: '6.2.0',
    summary: 'Makes a consumer in a group.',
    syntax: 'key group consumer',
    keys: keyAt(KEY, KEY_RW | KEY_INSERT),
  },
  (call, args, reply) => {
    const found = groupToChange(call, args, reply)
    if (found === null) return
    const { now_ms } = call.keyspace
    const made = found.group.createConsumer(args.buf, args.start(4), args.end(4), now_ms)
    if (made !== undefined) tell(call, args, 'xgroup-createconsumer')
    reply.int(made === undefined ? 0 : 1)
  },
)

const delconsumer = command(
  {
    ...COMMON,
    name: 'DELCONSUMER',
    arity: 5,
    flags: WRITE,
    summary: 'Removes a consumer of a group, and what was pending with it; says how much that was.',
    syntax: 'key group consumer',
    keys: keyAt(KEY, KEY_RW | KEY_DELETE),
  },
  (call, args, reply) => {
    const found = groupToChange(call, args, reply)
    if (found === null) return
    const consumer = found.group.consumer(args.buf, args.start(4), args.end(4))
    const pending = consumer?.pending.size ?? 0
    if (consumer !== undefined) {
      found.group.deleteConsumer(consumer)
      tell(call, args, 'xgroup-delconsumer')
    }
    reply.int(pending)
  },
)

const HELP = [
  'XGROUP <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'CREATE <key> <groupname> <id|$> [option]',
  '    A new group. Options are:',
  '    * MKSTREAM',
  '      Make an empty stream if there is none.',
  '    * ENTRIESREAD entries_read',
  '      How many entries the group has read (internal use).',
  'CREATECONSUMER <key> <groupname> <consumer>',
  '    A new consumer in the group.',
  'DELCONSUMER <key> <groupname> <consumer>',
  '    Remove the consumer.',
  'DESTROY <key> <groupname>',
  '    Remove the group.',
  'SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]',
  '    Set the last ID that the group was given, and how many entries it has read.',
  'HELP',
  '    This text.',
]

const help = command(
  { ...COMMON, name: 'HELP', arity: 2, flags: LOADING | STALE, summary: 'Lists the subcommands.' },
  (_call, _args, reply) => {
    reply.array(HELP.length)
    for (const line of HELP) reply.simple(line)
  },
)

export const xgroup = container(
  {
    ...COMMON,
    name: 'XGROUP',
    arity: -2,
    flags: 0,
    summary: 'Groups of consumers of a stream.',
    complexity: 'Depends on subcommand.',
  },
  [create, createconsumer, delconsumer, destroy, help, setid],
)

export const STREAM_GROUP_FAMILY = [xgroup]
