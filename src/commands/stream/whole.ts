/** XLEN, XRANGE, XREVRANGE, XDEL, XSETID: a stream's entries, and what it knows of itself. */

import { StreamId } from '../../keyspace/collections/stream-id.js'
import { STREAM } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { collectionChanged, collectionToChange, WRONG } from '../collection.js'
import {
  type Command,
  command,
  DENYOOM,
  FAST,
  firstKey,
  KEY_ACCESS,
  KEY_DELETE,
  KEY_RO,
  KEY_RW,
  KEY_UPDATE,
  READONLY,
  WRITE,
} from '../command.js'
import { NO_SUCH_KEY, NOT_AN_INTEGER, SYNTAX } from '../errors.js'
import { NOTIFY_STREAM } from '../host.js'
import { nearInteger } from '../int64.js'
import { readId, readRangeEnd, readRangeStart, replyEntries } from './ids.js'
import { readInt64, streamToRead } from './lookup.js'

export const xlen = command(
  {
    name: 'XLEN',
    arity: 2,
    flags: READONLY | FAST,
    since: '5.0.0',
    group: 'stream',
    summary: 'Says how many entries a stream has.',
    complexity: 'O(1)',
    syntax: 'key',
    keys: firstKey(KEY_RO),
  },
  (call, args, reply) => {
    const stream = streamToRead(call, args, 1, reply)
    if (stream !== WRONG) reply.int(stream?.length ?? 0)
  },
)

function range(call: Call, args: Args, backwards: boolean, reply: Reply): void {
  const from = new StreamId()
  const to = new StreamId()
  if (!readRangeStart(args, backwards ? 3 : 2, from, reply)) return
  if (!readRangeEnd(args, backwards ? 2 : 3, to, reply)) return
  let count = Number.POSITIVE_INFINITY
  for (let i = 4; i < args.count; i += 2) {
    if (!args.is(i, 'count') || i + 1 >= args.count) {
      reply.error(SYNTAX)
      return
    }
    count = nearInteger(args, i + 1)
    if (Number.isNaN(count)) {
      reply.error(NOT_AN_INTEGER)
      return
    }
  }
  const stream = streamToRead(call, args, 1, reply)
  if (stream === WRONG) return
  if (stream === null) reply.array(0)
  else if (count <= 0) reply.nilArray()
  else {
    const { walk } = call.keyspace.streams
    replyEntries(reply, walk.start(stream, from, to, backwards), stream, count)
  }
}

function rangeCommand(backwards: boolean): Command {
  return command(
    {
      name: backwards ? 'XREVRANGE' : 'XRANGE',
      arity: -4,
      flags: READONLY,
      since: '5.0.0',
      group: 'stream',
      summary: `Returns the entries of a stream with IDs in a range${backwards ? ', the highest first' : ''}.`,
      complexity: 'O(N) with N entries returned',
      syntax: `key ${backwards ? 'end start' : 'start end'} [COUNT count]`,
      keys: firstKey(KEY_RO | KEY_ACCESS),
      history: [['6.2.0', 'Takes bounds that are left out themselves.']],
    },
    (call, args, reply) => range(call, args, backwards, reply),
  )
}

export const xrange = rangeCommand(false)
export const xrevrange = rangeCommand(true)

export const xdel = command(
  {
    name: 'XDEL',
    arity: -3,
    flags: WRITE | FAST,
    since: '5.0.0',
    group: 'stream',
    summary: 'Removes entries from a stream; says how many there were.',
    complexity: 'O(1) for each entry',
    syntax: 'key id [id ...]',
    keys: firstKey(KEY_RW | KEY_DELETE),
  },
  (call, args, reply) => {
    const handle = collectionToChange(call, args, 1, STREAM, reply)
    if (handle === WRONG) return
    if (handle === 0) {
      reply.int(0)
      return
    }
    const id = new StreamId()
    // All or nothing: a bad ID is found before anything is removed.
    for (let i = 2; i < args.count; i++) if (!readId(args, i, id, reply)) return
    const stream = call.keyspace.streams.of(handle)
    let removed = 0
    let first = false
    for (let i = 2; i < args.count; i++) {
      readId(args, i, id, reply)
      if (!stream.delete(id)) continue
      if (id.equals(stream.first)) first = true
      if (id.compare(stream.deleted) > 0) stream.deleted.set(id)
      removed++
    }
    if (first || stream.length === 0) stream.settleFirst()
    if (removed > 0) collectionChanged(call, args, 1, NOTIFY_STREAM, 'xdel', removed)
    reply.int(removed)
  },
)

/** XSETID's options; null after an error was replied. */
function readState(args: Args, last: StreamId, reply: Reply) {
  const state = { added: null as ReturnType<typeof readInt64>, deleted: new StreamId() }
  for (let i = 3; i < args.count; i += 2) {
    const more = i + 1 < args.count
    if (args.is(i, 'entriesadded') && more) {
      state.added = readInt64(args, i + 1, reply)
      if (state.added === null) return null
      if (state.added >= 0) continue
      reply.error('ERR entries_added must be positive')
      return null
    }
    if (!args.is(i, 'maxdeletedid') || !more) {
      reply.error(SYNTAX)
      return null
    }
    if (!readId(args, i + 1, state.deleted, reply)) return null
    if (last.compare(state.deleted) < 0) {
      reply.error('ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id')
      return null
    }
  }
  return state
}

export const xsetid = command(
  {
    name: 'XSETID',
    arity: -3,
    flags: WRITE | DENYOOM | FAST,
    since: '5.0.0',
    group: 'stream',
    summary: 'Sets the last ID of a stream, and what else it knows: how replicas and files are told of it.',
    complexity: 'O(1)',
    syntax: 'key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]',
    keys: firstKey(KEY_RW | KEY_UPDATE),
    history: [['7.0.0', 'Knows `ENTRIESADDED` and `MAXDELETEDID`.']],
  },
  (call, args, reply) => {
    const last = new StreamId()
    if (!readId(args, 2, last, reply)) return
    const state = readState(args, last, reply)
    if (state === null) return
    const handle = collectionToChange(call, args, 1, STREAM, reply)
    if (handle === WRONG) return
    if (handle === 0) {
      reply.error(NO_SUCH_KEY)
      return
    }
    const stream = call.keyspace.streams.of(handle)
    if (last.compare(stream.deleted) < 0) {
      reply.error('ERR The ID specified in XSETID is smaller than current max_deleted_entry_id')
      return
    }
    const highest = new StreamId()
    if (stream.edge(true, highest) && last.compare(highest) < 0) {
      reply.error('ERR The ID specified in XSETID is smaller than the target stream top item')
      return
    }
    if (stream.length > 0 && state.added !== null && state.added < stream.length) {
      reply.error('ERR The entries_added specified in XSETID is smaller than the target stream length')
      return
    }
    stream.last.set(last)
    if (state.added !== null) stream.added = state.added
    if (!state.deleted.isZero) stream.deleted.set(state.deleted)
    reply.ok()
    call.dirty++
    call.notify(NOTIFY_STREAM, 'xsetid', args.buf, args.start(1), args.end(1))
  },
)

export const STREAM_FAMILY = [xlen, xrange, xrevrange, xdel, xsetid]
