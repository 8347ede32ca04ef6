/**
 * What commands that work on any key (TYPE, OBJECT, COPY, RENAME, DUMP …) must know of each type of value. A type registers
 * here once; nothing else changes when one is added. A type's number is Redis's.
 */

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

export interface ValueKind {
  /** As TYPE replies and SCAN TYPE takes it. */
  readonly name: string
  /**
   * Copies what the entry's value owns beyond its own block: called with the entry `made` that is a copy, byte for byte, of
   * `from` and is in its database already. Absent where a value owns nothing.
   */
  readonly copyOwned?: (db: Database, from: number, made: number) => void
}

/** By number; a type that is missing here is not held yet. */
const KINDS: ReadonlyMap<number, ValueKind> = new Map<number, ValueKind>([[STRING, { name: 'string' }]])

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
