/**
 * Fills a keyspace from RDB data: the visitor for a file at start, the base of an append-only file, and a replica's full
 * synchronisation. What the node cannot hold ends the loading with a reason; nothing is left out in silence, but for
 * two things that Redis leaves out too, and which are counted: keys that have expired, on a master, and collections
 * without elements.
 */

import { text } from '../bytes/ascii.js'
import { QUOTED_BYTES_MAX, WORD_BYTES_MAX } from '../bytes/text-limits.js'
import { attach } from '../keyspace/collections/value.js'
import type { Database } from '../keyspace/database.js'
import { NO_EXPIRY } from '../keyspace/entries.js'
import type { Keyspace } from '../keyspace/keyspace.js'
import { TYPE_STRING, VALUE_TYPES } from './rdb/format.js'
import { notSupportedYet, type RdbEntry, type RdbVisitor, type Verdict } from './rdb/reader.js'
import { decimal, quoted } from './text.js'
import { BAD_VALUE, EMPTY_VALUE, UNKNOWN_VALUE } from './values/codec.js'
import { codecForRdb } from './values/index.js'

/** No entry of a file takes less: type, key, value. Bounds the room that a file can ask for. */
const ENTRY_BYTES_MIN = 3
/** Room made for keys at most when the size of the data is not known. */
const KEYS_UNKNOWN_MAX = 100_000
/** Lines in the log about empty collections. */
const EMPTY_LINES_MAX = 10

/** The state of the replication stream that the data belongs to. */
export interface LoadedReplication {
  db: number
  id: string
  offset: number
}

export interface LoadOptions {
  keyspace: Keyspace
  /** What is filled instead of the keyspace's own databases. */
  databases?: readonly Database[]
  /** Keys that expire before this are left out: the time on a master reading its own file, else -Infinity. */
  dropExpiredBefore_ms: number
  /** Hears of each key that was left out: its replicas still have it. The range holds during the call. */
  onExpired?(db: number, key: Uint8Array, start: number, end: number): void
  /** Size of the data, -1 when not known. */
  size_bytes: number
  now_ms: number
  /** Entries keep how often they are used (`maxmemory-policy` …-lfu) instead of when they were last. */
  lfu?: boolean
  log(level: 'debug' | 'notice' | 'warning', line: string): void
  /** A function library's source; absent: its being there is an error. A text rejects it. */
  onFunction?(code: Uint8Array): Verdict
}

/** Of an auxiliary field's value that the log shows. */
const AUX_SHOWN_BYTES_MAX = 1024

export class KeyspaceLoader implements RdbVisitor {
  loaded = 0
  expired = 0
  empty = 0
  replication: Partial<LoadedReplication> = {}
  private readonly options: LoadOptions
  private readonly databases: readonly Database[]
  private db = 0

  constructor(options: LoadOptions) {
    this.options = options
    this.databases = options.databases ?? options.keyspace.databases
  }

  onAux(key: { buf: Uint8Array; start: number; end: number }, value: typeof key): Verdict {
    const { log, now_ms } = this.options
    const name = text(key.buf, key.start, key.end, WORD_BYTES_MAX)
    const number = decimal(value.buf, value.start, value.end)
    const shown = () => text(value.buf, value.start, value.end, AUX_SHOWN_BYTES_MAX)
    const lower = name.toLowerCase()
    if (name.startsWith('%')) log('notice', `RDB '${name}': ${shown()}`)
    else if (lower === 'repl-stream-db') this.replication.db = number ?? 0
    else if (lower === 'repl-id') {
      if (value.end - value.start === 40) this.replication.id = shown()
    } else if (lower === 'repl-offset') this.replication.offset = number ?? 0
    else if (lower === 'redis-ver') log('notice', `Loading RDB produced by version ${shown()}`)
    else if (lower === 'ctime') {
      log('notice', `RDB age ${Math.max(0, Math.floor(now_ms / 1000) - (number ?? 0))} seconds`)
    } else if (lower === 'used-mem') {
      log('notice', `RDB memory usage when created ${((number ?? 0) / 1048576).toFixed(2)} Mb`)
    } else if (lower === 'aof-preamble') {
      if (number !== 0) log('notice', 'RDB has an AOF tail')
    } else if (lower === 'aof-base') {
      if (number !== 0) log('notice', 'RDB is base AOF')
    } else if (lower !== 'redis-bits' && lower !== 'lua') {
      log('debug', `Unrecognized RDB AUX field: '${name}'`)
    }
    return undefined
  }

  onSelectDb(db: number): Verdict {
    const databases = this.databases.length
    if (db >= databases) {
      return (
        `FATAL: Data file was created with a Redis server configured to handle more than ${databases} ` +
        'databases. Exiting'
      )
    }
    this.db = db
    return undefined
  }

  onResizeDb(keys: number, expires: number): Verdict {
    const { size_bytes } = this.options
    const most = size_bytes < 0 ? KEYS_UNKNOWN_MAX : Math.floor(size_bytes / ENTRY_BYTES_MIN)
    this.databases[this.db]!.reserve(Math.min(keys, most), Math.min(expires, most))
    return undefined
  }

  onFunction(code: Uint8Array, start: number, end: number): Verdict {
    if (this.options.onFunction !== undefined) return this.options.onFunction(code.slice(start, end))
    return `Function libraries are not supported yet: ${quoted(code, start, end)}`
  }

  onModuleAux(name: string): Verdict {
    return `The RDB file contains AUX module data I can't load: no matching module '${name}'`
  }

  onEntry(entry: RdbEntry): Verdict {
    const { keyspace } = this.options
    if (entry.empty) return this.skipEmpty(entry)
    const codec = entry.type === TYPE_STRING ? undefined : codecForRdb(entry.type)
    if (codec === undefined && entry.type !== TYPE_STRING) return notSupportedYet(entry)
    const expires = entry.expireAt_ms !== -1
    if (expires && entry.expireAt_ms < this.options.dropExpiredBefore_ms) {
      this.expired++
      this.options.onExpired?.(this.db, entry.key, entry.keyStart, entry.keyEnd)
      return undefined
    }
    const db = this.databases[this.db]!
    const before = db.size
    const { key, keyStart, keyEnd, value, valueStart, valueEnd } = entry
    const expiry_ms = expires ? entry.expireAt_ms : NO_EXPIRY
    let handle: number
    if (codec === undefined) {
      handle = db.setString(key, keyStart, keyEnd, value, valueStart, valueEnd, expiry_ms)
    } else {
      const bare = codec.read(keyspace, entry.type, value, valueStart, valueEnd, false)
      if (bare === EMPTY_VALUE) return this.skipEmpty(entry)
      if (bare === UNKNOWN_VALUE) return notSupportedYet(entry)
      if (bare === BAD_VALUE) return damaged(entry)
      handle = attach(db, key, keyStart, keyEnd, bare, expiry_ms)
    }
    if (db.size === before) {
      return `RDB has duplicated key '${text(key, keyStart, keyEnd, QUOTED_BYTES_MAX)}' in DB ${this.db}`
    }
    this.setAccess(handle, entry)
    this.loaded++
    return undefined
  }

  private skipEmpty(entry: RdbEntry): Verdict {
    if (this.empty++ < EMPTY_LINES_MAX) {
      const key = text(entry.key, entry.keyStart, entry.keyEnd, QUOTED_BYTES_MAX)
      this.options.log('notice', `rdbLoadObject skipping empty key: ${key}`)
    }
    return undefined
  }

  private setAccess(handle: number, entry: RdbEntry): void {
    const { keyspace, lfu, now_ms } = this.options
    if (lfu) {
      const now_min = Math.floor(now_ms / 60_000) & 0xffff
      if (entry.frequency >= 0) keyspace.entries.setAccess(handle, (now_min << 8) | entry.frequency)
    } else if (entry.idle_s >= 0) {
      keyspace.entries.setAccess(handle, (keyspace.lruClock - entry.idle_s) & 0xffffff)
    }
  }

  /** The line that Redis logs when all is loaded. */
  summary(): string {
    const skipped = this.empty > 0 ? `, empty keys skipped: ${this.empty}` : ''
    return `Done loading RDB, keys loaded: ${this.loaded}, keys expired: ${this.expired}${skipped}.`
  }
}

function damaged(entry: RdbEntry): string {
  const what = VALUE_TYPES.get(entry.type)
  const name = `${what?.name ?? 'value'} (${what?.encoding ?? entry.type})`
  return `Internal error in RDB: damaged ${name}: key ${quoted(entry.key, entry.keyStart, entry.keyEnd)}`
}
