/** BITOP: strings combined bit by bit; a shorter one counts as having zeros behind its end. */

import { type BitOperation, type BitSource, combineBits } from '../../bytes/bits.js'
import { byteOf } from '../../bytes/heap.js'
import { NO_EXPIRY, RAW, STRING } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import {
  command,
  DENYOOM,
  KEY_ACCESS,
  KEY_OW,
  KEY_RO,
  KEY_UPDATE,
  keyAt,
  keyRange,
  WRITE,
} from '../command.js'
import { SYNTAX, WRONGTYPE } from '../errors.js'
import { NOTIFY_GENERIC, NOTIFY_NEW, NOTIFY_STRING } from '../host.js'
import { findKey, readKey } from '../lookup.js'

const FIRST_SOURCE = 3
const OPERATIONS: readonly BitOperation[] = ['and', 'or', 'xor', 'not', 'diff', 'diff1', 'andor', 'one']
/** Those that treat the first source unlike the others. */
const NEEDS_TWO: readonly BitOperation[] = ['diff', 'diff1', 'andor']
const NOTHING = new Uint8Array(0)

function readOperation(args: Args, reply: Reply): BitOperation | null {
  const operation = OPERATIONS.find((name) => args.is(1, name))
  const sources = args.count - FIRST_SOURCE
  if (operation === undefined) reply.error(SYNTAX)
  else if (operation === 'not' && sources !== 1) {
    reply.error('ERR BITOP NOT must be called with a single source key.')
  } else if (NEEDS_TWO.includes(operation) && sources < 2) {
    reply.error(`ERR BITOP ${operation.toUpperCase()} must be called with at least two source keys.`)
  } else return operation
  return null
}

/** The strings' bytes, where they lie now; null after an error was replied. */
function readSources(call: Call, args: Args, reply: Reply): BitSource[] | null {
  const { entries } = call.db
  const sources: BitSource[] = []
  for (let i = FIRST_SOURCE; i < args.count; i++) {
    const handle = readKey(call, args, i)
    if (handle === 0) sources.push({ u8: NOTHING, start: 0, length: 0 })
    else if (entries.type(handle) !== STRING) {
      reply.error(WRONGTYPE)
      return null
    } else {
      sources.push({
        u8: entries.bytes(handle),
        start: entries.valueStart(handle),
        length: entries.valueLength(handle),
      })
    }
  }
  return sources
}

/**
 * The destination's entry, if it can take the result where it stands: a string of about that length without an expiry, which BITOP
 * would remove. 0 if not. A source may be the same entry.
 */
function entryInPlace(call: Call, args: Args, length: number): number {
  const { db } = call
  const { entries } = db
  const handle = findKey(call, args, 2)
  if (handle === 0 || entries.type(handle) !== STRING || entries.expiry(handle) !== NO_EXPIRY) return 0
  const offset = entries.valueStart(handle) - byteOf(handle)
  return entries.heap.fits(handle, offset + length) ? handle : 0
}

function store(call: Call, args: Args, operation: BitOperation, sources: BitSource[], length: number): void {
  const { db } = call
  const { entries } = db
  const { buf } = args
  const start = args.start(2)
  const end = args.end(2)
  const handle = entryInPlace(call, args, length)
  if (handle !== 0) {
    db.willChange(handle)
    entries.setEncoding(handle, RAW)
    entries.setAccess(handle, call.keyspace.accessNow(entries.access(handle)))
    entries.setValueLength(handle, length)
    combineBits(operation, sources, entries.bytes(handle), entries.valueStart(handle), length)
    db.changed(buf, start, end)
  } else {
    // What stood there may be a source, and goes: first the result, then its place.
    const result = new Uint8Array(length)
    combineBits(operation, sources, result, 0, length)
    const known = findKey(call, args, 2) !== 0
    const made = db.set(STRING, RAW, buf, start, end, length, NO_EXPIRY)
    entries.bytes(made).set(result, entries.valueStart(made))
    if (!known) call.notify(NOTIFY_NEW, 'new', buf, start, end)
  }
  call.notify(NOTIFY_STRING, 'set', buf, start, end)
  call.dirty++
}

export const bitop = command(
  {
    name: 'BITOP',
    arity: -4,
    flags: WRITE | DENYOOM,
    since: '2.6.0',
    group: 'bitmap',
    summary: 'Combines strings bit by bit and stores what comes out; replies with its length.',
    complexity: 'O(N) with N bytes of all strings',
    syntax: '<AND | OR | XOR | NOT | DIFF | DIFF1 | ANDOR | ONE> destkey key [key ...]',
    keys: [...keyAt(2, KEY_OW | KEY_UPDATE), ...keyRange(3, -1, 1, KEY_RO | KEY_ACCESS)],
    history: [['8.2.0', 'Knows `DIFF`, `DIFF1`, `ANDOR` and `ONE`.']],
  },
  (call, args, reply) => {
    const operation = readOperation(args, reply)
    if (operation === null) return
    const sources = readSources(call, args, reply)
    if (sources === null) return
    let length = 0
    for (const source of sources) length = Math.max(length, source.length)
    if (length > 0) store(call, args, operation, sources, length)
    else if (call.db.delete(args.buf, args.start(2), args.end(2))) {
      call.notify(NOTIFY_GENERIC, 'del', args.buf, args.start(2), args.end(2))
      call.dirty++
    }
    reply.int(length)
  },
)

export const BIT_COMBINE_FAMILY = [bitop]
