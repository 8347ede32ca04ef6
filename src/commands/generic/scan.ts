/** KEYS, SCAN, RANDOMKEY, DBSIZE: which keys there are. */

import { parseInteger, wholeTextToZero } from '../../bytes/ascii.js'
import { globMatch } from '../../bytes/glob.js'
import { NUMBER_BYTES_MAX } from '../../bytes/text-limits.js'
import { EXPIRE_DELETE } from '../../keyspace/expiry.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { command, FAST, READONLY, TOUCHES_ARBITRARY_KEYS } from '../command.js'
import { NOT_AN_INTEGER, SYNTAX } from '../errors.js'
import { nearInteger } from '../int64.js'
import { typeName } from '../types.js'

const DEFAULT_COUNT = 10
/** Buckets that a SCAN may look at, for each key that was asked for: a sparse table must not hold it up. */
export const BUCKETS_A_KEY = 10
/** How often RANDOMKEY tries again when it finds a key that has expired but may not be removed here. */
const RANDOM_TRIES_MAX = 100
const CURSOR_MAX = 2n ** 64n - 1n
const STAR = 0x2a

export const keys = command(
  {
    name: 'KEYS',
    arity: 2,
    flags: READONLY,
    since: '1.0.0',
    group: 'generic',
    summary: 'Returns all keys that match a pattern.',
    complexity: 'O(N) with N keys in the database',
    syntax: 'pattern',
    categories: ['keyspace', 'dangerous'],
    tips: ['request_policy:all_shards', 'nondeterministic_output_order'],
  },
  (call, args, reply) => {
    const { db } = call
    const entries = db.entries
    const { buf } = args
    const start = args.start(1)
    const end = args.end(1)
    const all = end - start === 1 && buf[start] === STAR
    const mark = reply.length
    let count = 0
    db.forEach((handle) => {
      const bytes = entries.bytes(handle)
      const from = entries.keyStart(handle)
      const to = from + entries.keyLength(handle)
      if (!all && !globMatch(buf, start, end, bytes, from, to)) return
      if (db.hasExpired(handle)) return
      reply.bulkRange(bytes, from, to)
      count++
    })
    reply.arrayAt(mark, count)
  },
)

export interface ScanOptions {
  readonly count: number
  /** Index of the argument with the pattern, 0 for none or one that takes everything. */
  readonly match: number
  /** The type's name in lower case, '' for none. */
  readonly type: string
  /** HSCAN: fields alone. */
  readonly noValues: boolean
}

/**
 * The options of SCAN and its kin from argument `from` on, or null after an error was replied. Only SCAN knows TYPE, only
 * HSCAN NOVALUES.
 */
export function readScanOptions(
  args: Args,
  from: number,
  also: 'type' | 'novalues' | 'nothing',
  reply: Reply,
): ScanOptions | null {
  let count = DEFAULT_COUNT
  let match = 0
  let type = ''
  let noValues = false
  for (let i = from; i < args.count; i += 2) {
    const more = i + 1 < args.count
    if (more && args.is(i, 'count')) {
      count = nearInteger(args, i + 1)
      if (!(count >= 1)) {
        reply.error(Number.isNaN(count) ? NOT_AN_INTEGER : SYNTAX)
        return null
      }
    } else if (more && args.is(i, 'match')) {
      const all = args.length(i + 1) === 1 && args.buf[args.start(i + 1)] === STAR
      match = all ? 0 : i + 1
    } else if (more && also === 'type' && args.is(i, 'type')) {
      type = args.word(i + 1)
    } else if (also === 'novalues' && args.is(i, 'novalues')) {
      noValues = true
      i--
    } else {
      reply.error(SYNTAX)
      return null
    }
  }
  return { count, match, type, noValues }
}

/**
 * The cursor in argument `index`: any unsigned 64-bit number as strtoul reads it, its low 32 bits, which is what our
 * tables look at; or null after an error was replied.
 */
export function readCursor(args: Args, index: number, reply: Reply): number | null {
  const plain = parseInteger(args.buf, args.start(index), args.end(index))
  if (plain >= 0) return plain >>> 0
  const digits = wholeTextToZero(args.buf, args.start(index), args.end(index), NUMBER_BYTES_MAX)
  const found = digits === null ? null : /^([+-]?)(\d*)$/.exec(digits)
  const value = found === null ? null : BigInt(found[2] === '' ? 0 : found[2]!)
  // A sign alone is no number, but nothing at all counts as 0.
  if (value === null || value > CURSOR_MAX || (found![2] === '' && found![1] !== '')) {
    reply.error('ERR invalid cursor')
    return null
  }
  return Number(BigInt.asUintN(32, found![1] === '-' ? -value : value))
}

export const scan = command(
  {
    name: 'SCAN',
    arity: -2,
    flags: READONLY | TOUCHES_ARBITRARY_KEYS,
    since: '2.8.0',
    group: 'generic',
    summary: 'Returns some of the keys and where to go on: walks through all of them in several calls.',
    complexity: 'O(1) for each call, O(N) for a whole walk over N keys',
    syntax: 'cursor [MATCH pattern] [COUNT count] [TYPE type]',
    categories: ['keyspace'],
    tips: ['nondeterministic_output', 'request_policy:special', 'response_policy:special'],
    history: [['6.0.0', 'Knows `TYPE`.']],
  },
  (call, args, reply) => {
    const cursor = readCursor(args, 1, reply)
    if (cursor === null) return
    const options = readScanOptions(args, 2, 'type', reply)
    if (options !== null) scanDatabase(call, args, cursor, options, reply)
  },
)

function scanDatabase(call: Call, args: Args, from: number, options: ScanOptions, reply: Reply): void {
  const { db, keyspace } = call
  const entries = db.entries
  const { count, match, type } = options
  const pattern = match === 0 ? 0 : args.start(match)
  const patternEnd = match === 0 ? 0 : args.end(match)
  const found: number[] = []
  const expired: Uint8Array[] = []
  let seen = 0
  const visit = (handle: number): void => {
    seen++
    const bytes = entries.bytes(handle)
    const start = entries.keyStart(handle)
    const end = start + entries.keyLength(handle)
    if (match !== 0 && !globMatch(args.buf, pattern, patternEnd, bytes, start, end)) return
    if (db.hasExpired(handle)) expired.push(bytes.slice(start, end))
    else found.push(handle)
  }
  let cursor = from
  let buckets = count * BUCKETS_A_KEY
  do cursor = db.scan(cursor, visit)
  while (cursor !== 0 && buckets-- > 0 && seen < count)
  const wanted = type === '' ? found : found.filter((handle) => typeName(entries.type(handle)) === type)
  if (type !== '') {
    // To look at a key's type counts as reading it.
    keyspace.hits += found.length
    keyspace.misses += expired.length
  }
  reply.array(2)
  reply.bulkInt(cursor)
  reply.array(wanted.length)
  for (const handle of wanted) {
    const start = entries.keyStart(handle)
    reply.bulkRange(entries.bytes(handle), start, start + entries.keyLength(handle))
  }
  // Removed only now, when no handle is needed any more.
  for (const key of expired) db.find(key, 0, key.length)
}

export const randomkey = command(
  {
    name: 'RANDOMKEY',
    arity: 1,
    flags: READONLY | TOUCHES_ARBITRARY_KEYS,
    since: '1.0.0',
    group: 'generic',
    summary: 'Returns a key at random.',
    complexity: 'O(1)',
    categories: ['keyspace'],
    tips: ['request_policy:all_shards', 'response_policy:special', 'nondeterministic_output'],
  },
  (call, _args, reply) => {
    const { db, keyspace } = call
    for (let tries = 1; ; tries++) {
      const handle = db.randomEntry()
      if (handle === 0) {
        reply.nil()
        return
      }
      // A replica that holds nothing but expired keys shows one of them in the end.
      if (!db.hasExpired(handle) || (keyspace.expiry !== EXPIRE_DELETE && tries >= RANDOM_TRIES_MAX)) {
        reply.bulk(db.entries.key(handle))
        return
      }
      if (keyspace.expiry === EXPIRE_DELETE) {
        const key = db.entries.key(handle).slice()
        db.find(key, 0, key.length)
      }
    }
  },
)

export const dbsize = command(
  {
    name: 'DBSIZE',
    arity: 1,
    flags: READONLY | FAST,
    since: '1.0.0',
    group: 'server',
    summary: 'Counts the keys of the database.',
    complexity: 'O(1)',
    categories: ['keyspace'],
    tips: ['request_policy:all_shards', 'response_policy:agg_sum'],
  },
  (call, _args, reply) => reply.int(call.db.size),
)

export const SCAN_FAMILY = [keys, scan, randomkey, dbsize]
