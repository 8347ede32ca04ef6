/** RENAME, RENAMENX, COPY, MOVE: a value comes under another key or into another database, its expiry with it. */

import { sameBytes } from '../../bytes/ascii.js'
import type { Database } from '../../keyspace/database.js'
import { STRING } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import {
  command,
  DENYOOM,
  FAST,
  firstKey,
  KEY_ACCESS,
  KEY_DELETE,
  KEY_INSERT,
  KEY_OW,
  KEY_RO,
  KEY_RW,
  KEY_UPDATE,
  keyAt,
  WRITE,
} from '../command.js'
import { NO_SUCH_KEY, SYNTAX } from '../errors.js'
import { NOTIFY_GENERIC, NOTIFY_NEW } from '../host.js'
import { findKey, readKey } from '../lookup.js'
import { copyEntry } from '../types.js'
import { readInt32 } from './database-index.js'

const SAME_OBJECT = 'ERR source and destination objects are the same'
const NO_SUCH_DATABASE = 'ERR DB index is out of range'

/** Listeners hear of an event in a database that may not be the caller's. */
function notifyIn(call: Call, kind: number, event: string, db: Database, args: Args, key: number): void {
  if ((call.notifyMask & kind) === 0) return
  call.host.notify(kind, event, db, args.buf, args.start(key), args.end(key))
}

/** A value has come under the key in argument `key`: clients may wait for one of its type. */
function arrived(call: Call, db: Database, made: number, args: Args, key: number): void {
  notifyIn(call, NOTIFY_NEW, 'new', db, args, key)
  if (db.entries.type(made) !== STRING) call.host.keyReady(db, args.buf, args.start(key), args.end(key))
}

function sameKey(args: Args): boolean {
  return sameBytes(args.buf, args.start(1), args.end(1), args.buf, args.start(2), args.end(2))
}

function renameKey(call: Call, args: Args, reply: Reply, onlyNew: boolean): void {
  const { db } = call
  const from = findKey(call, args, 1)
  if (from === 0) {
    reply.error(NO_SUCH_KEY)
    return
  }
  const same = sameKey(args)
  if (same || (onlyNew && findKey(call, args, 2) !== 0)) {
    if (onlyNew) reply.int(0)
    else reply.ok()
    return
  }
  // A key that has expired goes for itself before another takes its name.
  findKey(call, args, 2)
  db.willChange(from)
  const made = copyEntry(db, from, args.buf, args.start(2), args.end(2), true)
  db.delete(args.buf, args.start(1), args.end(1))
  call.dirty++
  arrived(call, db, made, args, 2)
  call.notify(NOTIFY_GENERIC, 'rename_from', args.buf, args.start(1), args.end(1))
  call.notify(NOTIFY_GENERIC, 'rename_to', args.buf, args.start(2), args.end(2))
  if (onlyNew) reply.int(1)
  else reply.ok()
}

export const rename = command(
  {
    name: 'RENAME',
    arity: 3,
    flags: WRITE,
    since: '1.0.0',
    group: 'generic',
    summary: 'Gives a key another name; a key that has that name already is replaced.',
    complexity: 'O(1)',
    syntax: 'key newkey',
    keys: [...firstKey(KEY_RW | KEY_ACCESS | KEY_DELETE), ...keyAt(2, KEY_OW | KEY_UPDATE)],
    categories: ['keyspace'],
  },
  (call, args, reply) => renameKey(call, args, reply, false),
)

export const renamenx = command(
  {
    name: 'RENAMENX',
    arity: 3,
    flags: WRITE | FAST,
    since: '1.0.0',
    group: 'generic',
    summary: 'Gives a key another name if no key has that name.',
    complexity: 'O(1)',
    syntax: 'key newkey',
    keys: [...firstKey(KEY_RW | KEY_ACCESS | KEY_DELETE), ...keyAt(2, KEY_OW | KEY_INSERT)],
    categories: ['keyspace'],
    history: [['3.2.0', 'The same name twice is no error any more.']],
  },
  (call, args, reply) => renameKey(call, args, reply, true),
)

interface CopyOptions {
  readonly db: number
  readonly replace: boolean
}

/** The options, or null after an error was replied. */
function readCopyOptions(call: Call, args: Args, reply: Reply): CopyOptions | null {
  let db = call.db.index
  let replace = false
  for (let i = 3; i < args.count; i++) {
    if (args.is(i, 'replace')) {
      replace = true
    } else if (args.is(i, 'db') && i + 1 < args.count) {
      db = readInt32(args, ++i, reply)
      if (Number.isNaN(db)) return null
      if (call.keyspace.databases[db] === undefined) {
        reply.error(NO_SUCH_DATABASE)
        return null
      }
    } else {
      reply.error(SYNTAX)
      return null
    }
  }
  return { db, replace }
}

export const copy = command(
  {
    name: 'COPY',
    arity: -3,
    flags: WRITE | DENYOOM,
    since: '6.2.0',
    group: 'generic',
    summary: 'Copies the value of a key, with its expiry, to another key or database.',
    complexity: 'O(N) with N elements of a collection, O(1) for a string',
    syntax: 'source destination [DB destination-db] [REPLACE]',
    keys: [...firstKey(KEY_RO | KEY_ACCESS), ...keyAt(2, KEY_OW | KEY_UPDATE)],
    categories: ['keyspace'],
  },
  (call, args, reply) => {
    const options = readCopyOptions(call, args, reply)
    if (options === null) return
    if (call.keyspace.cluster && (call.db.index !== 0 || options.db !== 0)) {
      reply.error('ERR Copying to another database is not allowed in cluster mode')
      return
    }
    const to = call.keyspace.databases[options.db]!
    if (to === call.db && sameKey(args)) {
      reply.error(SAME_OBJECT)
      return
    }
    const from = readKey(call, args, 1)
    if (from === 0 || (to.find(args.buf, args.start(2), args.end(2)) !== 0 && !options.replace)) {
      reply.int(0)
      return
    }
    const made = copyEntry(to, from, args.buf, args.start(2), args.end(2), false)
    call.dirty++
    arrived(call, to, made, args, 2)
    notifyIn(call, NOTIFY_GENERIC, 'copy_to', to, args, 2)
    reply.int(1)
  },
)

export const move = command(
  {
    name: 'MOVE',
    arity: 3,
    flags: WRITE | FAST,
    since: '1.0.0',
    group: 'generic',
    summary: 'Moves a key to another database.',
    complexity: 'O(1)',
    syntax: 'key db',
    keys: firstKey(KEY_RW | KEY_ACCESS | KEY_UPDATE),
    categories: ['keyspace'],
  },
  (call, args, reply) => {
    if (call.keyspace.cluster) {
      reply.error('ERR MOVE is not allowed in cluster mode')
      return
    }
    const index = readInt32(args, 2, reply)
    if (Number.isNaN(index)) return
    const to = call.keyspace.databases[index]
    if (to === undefined || to === call.db) {
      reply.error(to === undefined ? NO_SUCH_DATABASE : SAME_OBJECT)
      return
    }
    const start = args.start(1)
    const end = args.end(1)
    const from = findKey(call, args, 1)
    if (from === 0 || to.find(args.buf, start, end) !== 0) {
      reply.int(0)
      return
    }
    call.db.willChange(from)
    const made = copyEntry(to, from, args.buf, start, end, true)
    call.db.delete(args.buf, start, end)
    call.dirty++
    arrived(call, to, made, args, 1)
    call.notify(NOTIFY_GENERIC, 'move_from', args.buf, start, end)
    notifyIn(call, NOTIFY_GENERIC, 'move_to', to, args, 1)
    reply.int(1)
  },
)

export const RENAME_FAMILY = [rename, renamenx, copy, move]
