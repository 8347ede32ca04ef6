/** XADD and XTRIM: entries are added at the end of a stream, and taken away at its beginning. */

import { ascii } from '../../bytes/ascii.js'
import { STREAM_ENTRY_BYTES_MAX, type Stream, type Trimming } from '../../keyspace/collections/stream.js'
import { StreamId } from '../../keyspace/collections/stream-id.js'
import { STREAM } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { collectionChanged, collectionToChange, putNew, WRONG } from '../collection.js'
import { command, DENYOOM, FAST, firstKey, KEY_DELETE, KEY_RW, KEY_UPDATE, WRITE } from '../command.js'
import { NOT_AN_INTEGER, SYNTAX } from '../errors.js'
import { NOTIFY_STREAM } from '../host.js'
import { integerBytes, nearInteger } from '../int64.js'
import { BAD_ID, INVALID_ID, isCharacter, OPEN_ID, parseId, readId, replyNextId } from './ids.js'

const STAR = 0x2a
const EQUALS = ascii('=')
const OPEN_RULES = { open: true }
/** Approximate trimming without LIMIT removes no more than so many listpacks' entries, and these bounds hold. */
const LIMIT_NODES = 100
const LIMIT_WITHOUT_NODES = 10_000
const LIMIT_MAX = 1_000_000

/** What stands between the key and the fields. */
interface Options {
  /** Where the ID stands. */
  idAt: number
  auto: boolean
  /** `ms-*`. */
  open: boolean
  readonly id: StreamId
  mayCreate: boolean
  /** How the stream is to be trimmed, null for not at all; and where the threshold stands. */
  trimming: { length: number; readonly minId: StreamId; approximate: boolean; limit: number } | null
  thresholdAt: number
}

/** Reads the options of XADD (`adding`) or XTRIM; null after an error was replied. */
function readOptions(call: Call, args: Args, adding: boolean, reply: Reply): Options | null {
  const options: Options = {
    idAt: 2,
    auto: false,
    open: false,
    id: call.keyspace.streams.given,
    mayCreate: true,
    trimming: null,
    thresholdAt: 0,
  }
  let limit = 0
  let limited = false
  let i = 2
  for (; i < args.count; i++) {
    const more = args.count - 1 - i
    if (adding && isCharacter(args, i, STAR)) {
      options.auto = true
      break
    }
    const byLength = args.is(i, 'maxlen')
    if ((byLength || args.is(i, 'minid')) && more > 0) {
      i = readTrimming(args, i, byLength, options, reply)
      if (i < 0) return null
    } else if (args.is(i, 'limit') && more > 0) {
      i++
      limit = nearInteger(args, i)
      if (!(limit >= 0)) {
        reply.error(Number.isNaN(limit) ? NOT_AN_INTEGER : 'ERR The LIMIT argument must be >= 0.')
        return null
      }
      limited = true
    } else if (adding && args.is(i, 'nomkstream')) {
      options.mayCreate = false
    } else if (adding) {
      const read = parseId(args.buf, args.start(i), args.end(i), OPEN_RULES, options.id)
      if (read === BAD_ID) {
        reply.error(INVALID_ID)
        return null
      }
      options.open = read === OPEN_ID
      break
    } else {
      reply.error(SYNTAX)
      return null
    }
  }
  options.idAt = i
  return settleLimit(call, options, limit, limited, adding, reply) ? options : null
}

/** Reads `MAXLEN` or `MINID`, which stands at `at`; where the threshold stands, -1 after an error was replied. */
function readTrimming(args: Args, at: number, byLength: boolean, options: Options, reply: Reply): number {
  if (options.trimming !== null) {
    reply.error('ERR syntax error, MAXLEN and MINID options at the same time are not compatible')
    return -1
  }
  let i = at + 1
  const trimming = { length: Number.NaN, minId: new StreamId(), approximate: false, limit: 0 }
  if (i + 1 < args.count && isCharacter(args, i, 0x7e)) {
    trimming.approximate = true
    i++
  } else if (i + 1 < args.count && isCharacter(args, i, 0x3d)) i++
  if (byLength) {
    trimming.length = nearInteger(args, i)
    if (!(trimming.length >= 0)) {
      reply.error(Number.isNaN(trimming.length) ? NOT_AN_INTEGER : 'ERR The MAXLEN argument must be >= 0.')
      return -1
    }
  } else if (!readId(args, i, trimming.minId, reply)) return -1
  options.trimming = trimming
  options.thresholdAt = i
  return i
}

/** Says how much may be trimmed at once; false after an error was replied. */
function settleLimit(
  call: Call,
  options: Options,
  limit: number,
  limited: boolean,
  adding: boolean,
  reply: Reply,
): boolean {
  const { trimming } = options
  if (trimming === null) {
    if (limit === 0 && adding) return true
    reply.error(
      limit === 0
        ? 'ERR syntax error, XTRIM must be called with a trimming strategy'
        : 'ERR syntax error, LIMIT cannot be used without specifying a trimming strategy',
    )
    return false
  }
  // What a master or a file says was made exact by whoever wrote it.
  if (call.caller.trusted) return true
  if (limited && !trimming.approximate) {
    reply.error('ERR syntax error, LIMIT cannot be used without the special ~ option')
    return false
  }
  if (limited) trimming.limit = limit
  else if (trimming.approximate) {
    const nodes = LIMIT_NODES * call.keyspace.limit('stream-node-max-entries')
    trimming.limit = Math.min(nodes > 0 ? nodes : LIMIT_WITHOUT_NODES, LIMIT_MAX)
  }
  return true
}

/** Makes the ID of an entry that is added now; false where it would not be above the last. */
function nextId(call: Call, stream: Stream, id: StreamId): boolean {
  const { last } = stream
  id.setTime(call.keyspace.now_ms)
  if (id.msHigh > last.msHigh || (id.msHigh === last.msHigh && id.msLow > last.msLow)) return true
  return id.set(last).increment()
}

/** Completes the ID that was given; false where it would not be above the last. */
function chooseId(stream: Stream, options: Options): boolean {
  const { id } = options
  const { last } = stream
  if (options.open && id.sameTime(last)) {
    if (last.hasMaxSequence) return false
    id.set(last).increment()
  }
  return id.compare(last) > 0
}

/** What goes out instead of the command: with the ID that was made, and with the trimming as it was carried out. */
function propagateAdded(call: Call, args: Args, stream: Stream, idAt: number, options: Options | null): void {
  const trimming = options?.trimming
  const exactTrim = trimming?.approximate === true
  const newId = options === null || options.auto || options.open
  if (!exactTrim && !newId) return
  const replaced: (Uint8Array | undefined)[] = []
  if (exactTrim) {
    replaced[options!.thresholdAt - 1] = EQUALS
    replaced[options!.thresholdAt] = exactThreshold(stream, trimming)
  }
  if (newId) {
    const { digits, given, givenDigits } = call.keyspace.streams
    replaced[idAt] = digits.subarray(0, givenDigits.write(given, digits, 0))
  }
  call.propagateWith(args, replaced)
}

/** What an approximate trimming has come to. */
function exactThreshold(stream: Stream, trimming: Trimming): Uint8Array {
  if (!Number.isNaN(trimming.length)) return integerBytes(stream.length)
  const first = new StreamId()
  stream.firstMarked(first)
  return first.bytes()
}

/** XADD with the ID in argument `idAt`; without options it is `*`. */
function add(call: Call, args: Args, idAt: number, options: Options | null, reply: Reply): void {
  const first = idAt + 1
  const strings = args.count - first
  if (strings < 2 || strings % 2 === 1) {
    reply.error("ERR wrong number of arguments for 'xadd' command")
    return
  }
  const { streams } = call.keyspace
  const id = streams.given
  if (options !== null && !options.auto && !options.open && id.isZero) {
    reply.error('ERR The ID specified in XADD must be greater than 0-0')
    return
  }
  let handle = collectionToChange(call, args, 1, STREAM, reply)
  if (handle === WRONG) return
  if (handle === 0) {
    if (options?.mayCreate === false) {
      reply.nil()
      return
    }
    handle = putNew(call, args, 1, streams.create())
  }
  const stream = streams.of(handle)
  if (stream.last.isMax) {
    reply.error('ERR The stream has exhausted the last possible ID, unable to add more items')
    return
  }
  if (!(options === null || options.auto ? nextId(call, stream, id) : chooseId(stream, options))) {
    reply.error('ERR The ID specified in XADD is equal or smaller than the target stream top item')
    return
  }
  const bytes = bytesFrom(args, first)
  if (bytes > STREAM_ENTRY_BYTES_MAX) {
    reply.error('ERR Elements are too large to be stored')
    return
  }
  stream.append(id, args.buf, args.ranges, first, strings >>> 1, bytes)
  replyNextId(reply, id, streams.givenDigits)
  collectionChanged(call, args, 1, NOTIFY_STREAM, 'xadd', 1)
  if (options !== null && options.trimming !== null && stream.trim(options.trimming) > 0) {
    call.notify(NOTIFY_STREAM, 'xtrim', args.buf, args.start(1), args.end(1))
  }
  if (call.isHeard) propagateAdded(call, args, stream, idAt, options)
  call.host.keyReady(call.db, args.buf, args.start(1), args.end(1))
}

function bytesFrom(args: Args, first: number): number {
  let bytes = 0
  for (let i = first; i < args.count; i++) bytes += args.length(i)
  return bytes
}

export const xadd = command(
  {
    name: 'XADD',
    arity: -5,
    flags: WRITE | DENYOOM | FAST,
    since: '5.0.0',
    group: 'stream',
    summary: 'Adds an entry at the end of a stream, which is made if it is not there.',
    complexity: 'O(1), and O(N) with N entries trimmed',
    syntax:
      'key [NOMKSTREAM] [<MAXLEN | MINID> [= | ~] threshold [LIMIT count]] <* | id> field value [field value ...]',
    keys: firstKey(KEY_RW | KEY_UPDATE),
    tips: ['nondeterministic_output'],
    history: [
      ['6.2.0', 'Knows `NOMKSTREAM`, `MINID` and `LIMIT`.'],
      ['7.0.0', 'Takes IDs of the form `<ms>-*`.'],
    ],
  },
  (call, args, reply) => {
    // Nearly always the ID follows the key, and it is `*`.
    if (isCharacter(args, 2, STAR)) {
      add(call, args, 2, null, reply)
      return
    }
    const options = readOptions(call, args, true, reply)
    if (options !== null) add(call, args, options.idAt, options, reply)
  },
)

export const xtrim = command(
  {
    name: 'XTRIM',
    arity: -4,
    flags: WRITE,
    since: '5.0.0',
    group: 'stream',
    summary: 'Removes entries from the beginning of a stream.',
    complexity: 'O(N) with N entries removed',
    syntax: 'key <MAXLEN | MINID> [= | ~] threshold [LIMIT count]',
    keys: firstKey(KEY_RW | KEY_DELETE),
    tips: ['nondeterministic_output'],
    history: [['6.2.0', 'Knows `MINID` and `LIMIT`.']],
  },
  (call, args, reply) => {
    const options = readOptions(call, args, false, reply)
    if (options === null) return
    const handle = collectionToChange(call, args, 1, STREAM, reply)
    if (handle === WRONG) return
    if (handle === 0) {
      reply.int(0)
      return
    }
    const stream = call.keyspace.streams.of(handle)
    const removed = stream.trim(options.trimming!)
    if (removed > 0) {
      collectionChanged(call, args, 1, NOTIFY_STREAM, 'xtrim', removed)
      if (call.isHeard) propagateAdded(call, args, stream, options.idAt, options)
    }
    reply.int(removed)
  },
)

export const STREAM_ADD_FAMILY = [xadd, xtrim]
