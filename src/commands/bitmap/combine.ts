/** BITOP: strings combined bit by bit; a shorter one counts as having zeros behind its end. */

import type { BitOperation } from '../../bytes/bit-combine.js'
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

function readOperation(args: Args, reply: Reply): BitOperation | null {
  const sources = args.count - FIRST_SOURCE
  for (const operation of OPERATIONS) {
    if (!args.is(1, operation)) continue
    if (operation === 'not' && sources !== 1) {
      reply.error('ERR BITOP NOT must be called with a single source key.')
    } else if (sources < 2 && NEEDS_TWO.includes(operation)) {
      reply.error(`ERR BITOP ${operation.toUpperCase()} must be called with at least two source keys.`)
    } else return operation
    return null
  }
  reply.error(SYNTAX)
  return null
}

/** Adds the strings to the call's combiner, where they lie now; false after an error was replied. */
function addSources(call: Call, args: Args, reply: Reply): boolean {
  const { bits } = call
  const { entries } = call.db
  for (let i = FIRST_SOURCE; i < args.count; i++) {
    const handle = readKey(call, args, i)
    // What is not there is a string without bytes.
    if (handle === 0) bits.add(args.buf, 0, 0)
    else if (entries.type(handle) === STRING) {
      bits.add(entries.bytes(handle), entries.valueStart(handle), entries.valueLength(handle))
    } else {
      reply.error(WRONGTYPE)
      return false
    }
  }
  return true
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

function store(call: Call, args: Args, operation: BitOperation): void {
  const { bits, db } = call
  const { length } = bits
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
    bits.combine(operation, entries.bytes(handle), entries.valueStart(handle))
    db.changed(buf, start, end)
  } else {
    // What stood there may be a source, and goes: first the result, then its place.
    const result = new Uint8Array(length)
    bits.combine(operation, result, 0)
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
    const { bits } = call
    const known = addSources(call, args, reply)
    const { length } = bits
    if (known && length > 0) store(call, args, operation)
    else if (known && call.db.delete(args.buf, args.start(2), args.end(2))) {
      call.notify(NOTIFY_GENERIC, 'del', args.buf, args.start(2), args.end(2))
      call.dirty++
    }
    bits.clear()
    if (known) reply.int(length)
  },
)

export const BIT_COMBINE_FAMILY = [bitop]
