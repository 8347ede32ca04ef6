/**
 * What commands that work on any key (TYPE, OBJECT, COPY, RENAME, DUMP …) must know of each type of value. A type registers
 * here once; nothing else changes when one is added. A type's number is Redis's.
 */

import { LISTPACK_EX } from '../keyspace/collections/field-times.js'
import { setRef } from '../keyspace/collections/value.js'
import type { Database } from '../keyspace/database.js'
import {
  EMBSTR,
  HASH,
  HASHTABLE,
  INT,
  INTSET,
  LIST,
  LISTPACK,
  QUICKLIST,
  RAW,
  SET,
  SKIPLIST,
  STREAM,
  STREAM_ENCODING,
  STRING,
  ZSET,
} from '../keyspace/entries.js'
import type { Keyspace } from '../keyspace/keyspace.js'
import type { DumpWriter } from '../persistence/rdb/dump.js'
import { RDB_VERSION_WRITTEN, TYPE_STRING } from '../persistence/rdb/format.js'
import { codecOf } from '../persistence/values/index.js'

export interface ValueKind {
  /** As TYPE replies and SCAN TYPE takes it. */
  readonly name: string
  /**
   * For a type whose value owns blocks of the heap. `made` is an entry with the same value bytes as `from`; afterwards it
   * owns blocks of its own (COPY).
   */
  readonly copyOwned?: (keyspace: Keyspace, from: number, made: number) => void
  /** Makes the payload of DUMP and MIGRATE. */
  readonly dump: (writer: DumpWriter, keyspace: Keyspace, handle: number, compress: boolean) => void
}

const STRING_KIND: ValueKind = {
  name: 'string',
  dump: (writer, keyspace, handle, compress) => {
    const { entries } = keyspace
    const at = entries.valueStart(handle)
    writer.begin(TYPE_STRING, compress).string(entries.bytes(handle), at, at + entries.valueLength(handle))
    writer.end()
  },
}

function collection(name: string, copyOwned: NonNullable<ValueKind['copyOwned']>): ValueKind {
  return {
    name,
    copyOwned,
    dump: (writer, keyspace, handle, compress) => {
      const codec = codecOf(keyspace.entries.type(handle))!
      const type = codec.rdbType(keyspace, handle, RDB_VERSION_WRITTEN)
      codec.write(writer.begin(type, compress), keyspace, handle)
      writer.end()
    },
  }
}

/** By number; a type that is missing here is not held yet. */
const KINDS: ReadonlyMap<number, ValueKind> = new Map([
  [STRING, STRING_KIND],
  [LIST, collection('list', (keyspace, from, made) => keyspace.lists.copyOwned(from, made))],
  [SET, collection('set', (keyspace, from, made) => keyspace.sets.copyOwned(from, made))],
  [ZSET, collection('zset', (keyspace, from, made) => keyspace.zsets.copyOwned(from, made))],
  [HASH, collection('hash', (keyspace, from, made) => keyspace.hashes.copyOwned(from, made))],
  [STREAM, collection('stream', (keyspace, from, made) => keyspace.streams.copyOwned(from, made))],
])

/** Names of all types that Redis has, for SCAN TYPE and for types of which only the name is known. */
const NAMES: ReadonlyMap<number, string> = new Map([
  [STRING, 'string'],
  [LIST, 'list'],
  [SET, 'set'],
  [ZSET, 'zset'],
  [HASH, 'hash'],
  [STREAM, 'stream'],
])

const ENCODINGS: ReadonlyMap<number, string> = new Map([
  [RAW, 'raw'],
  [INT, 'int'],
  [EMBSTR, 'embstr'],
  [HASHTABLE, 'hashtable'],
  [INTSET, 'intset'],
  [SKIPLIST, 'skiplist'],
  [QUICKLIST, 'quicklist'],
  [STREAM_ENCODING, 'stream'],
  [LISTPACK, 'listpack'],
  [LISTPACK_EX, 'listpackex'],
])

export function typeName(type: number): string {
  return NAMES.get(type) ?? 'unknown'
}

export function encodingName(encoding: number): string {
  return ENCODINGS.get(encoding) ?? 'unknown'
}

export function kindOf(type: number): ValueKind | undefined {
  return KINDS.get(type)
}

/**
 * Puts a copy of the entry `from` under a key of `db`, whatever stood there. With `move` the value's blocks become the
 * copy's: `from`, which a snapshot must have seen (`willChange`), must be removed next; else they are copied too. `from`
 * stays valid. Returns the new entry.
 */
export function copyEntry(
  db: Database,
  from: number,
  key: Uint8Array,
  start: number,
  end: number,
  move: boolean,
): number {
  const { entries, keyspace } = db
  const type = entries.type(from)
  const length = entries.valueLength(from)
  const made = db.set(type, entries.encoding(from), key, start, end, length, entries.exactExpiry(from))
  const at = entries.valueStart(from)
  entries.bytes(made).set(entries.bytes(from).subarray(at, at + length), entries.valueStart(made))
  const kind = kindOf(type)
  if (move) {
    // The old entry owns nothing any more, so that its release leaves the blocks to the new one.
    if (type !== STRING) setRef(entries, from, 0)
    entries.setAccess(made, keyspace.accessNow(entries.access(from)))
  } else kind?.copyOwned?.(keyspace, from, made)
  if (type === HASH) keyspace.hashes.enroll(db, made)
  return made
}
