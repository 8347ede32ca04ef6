/**
 * One database: keys, which of them expire, and in cluster mode which slot they belong to. All that commands do to keys
 * goes through here, so that expiry, snapshots, watchers, slots and clocks are looked after in one place.
 *
 * Entries are named by handles. A handle is valid until the next call that writes; calls that may move an entry
 * return its new handle.
 */

import { assert } from '../bytes/assert.js'
import { chunkOf, wordOf } from '../bytes/heap.js'
import type { Int64 } from '../bytes/int64.js'
import { copyBlock } from './block.js'
import { type Entries, EXPIRES, LINKED, NO_EXPIRY, STRING, stringEncoding } from './entries.js'
import { EXPIRE_DELETE, EXPIRE_IGNORE } from './expiry.js'
import { NEVER_USED } from './frequency.js'
import type { Grave } from './graveyard.js'
import type { KeyBatch } from './key-batch.js'
import type { Keyspace } from './keyspace.js'
import { SlotIndex } from './slots.js'
import { FAR_MIN, Table } from './table.js'

/** A string that grows gets room for as much again, up to this many bytes more. */
const GROWTH_BYTES_MAX = 1024 * 1024

export class Database {
  index: number
  readonly keyspace: Keyspace
  readonly entries: Entries
  readonly slots: SlotIndex | null
  private readonly keys: Table
  private readonly expires: Table
  /** The hash of the key that was last looked for. */
  private hash = 0
  /** Where the next cycle of active expiry goes on. */
  private expireCursor = 0

  constructor(keyspace: Keyspace, index: number) {
    this.keyspace = keyspace
    this.entries = keyspace.entries
    this.index = index
    this.keys = new Table(keyspace.entries)
    this.expires = new Table(keyspace.entries)
    this.slots = keyspace.cluster ? new SlotIndex(keyspace.entries) : null
  }

  get size(): number {
    return this.keys.size
  }

  /** How many keys have an expiry. */
  get expiring(): number {
    return this.expires.size
  }

  /** Bytes of the tables. */
  get tableBytes(): number {
    return this.keys.bytes + this.expires.bytes
  }

  /** Brings near what look-ups of keys with these hashes are going to read; see Table.foresee. */
  foresee(hashes: Int32Array, count: number): number {
    return this.keys.foresee(hashes, count, this.keyspace.foreseen)
  }

  /** Bytes of the table of the keys that expire. */
  get expiringTableBytes(): number {
    return this.expires.bytes
  }

  /** The entry of a key whatever its expiry, or 0; statistics and clocks stay untouched. */
  peek(buf: Uint8Array, start: number, end: number): number {
    const again = this.keys.findAgain(buf, start, end)
    if (again !== 0) {
      this.hash = this.keys.hashFound
      return again
    }
    this.hash = this.entries.hash(buf, start, end)
    return this.keys.find(buf, start, end, this.hash)
  }

  /** The entry of a key that has not expired, or 0; statistics and clocks stay untouched. */
  find(buf: Uint8Array, start: number, end: number): number {
    const handle = this.peek(buf, start, end)
    if (handle === 0 || !this.hasExpired(handle)) return handle
    if (this.keyspace.expiry === EXPIRE_DELETE) this.expire(handle)
    return 0
  }

  /** As `find`, for reading: counts hit or miss and notes the time of access. */
  read(buf: Uint8Array, start: number, end: number): number {
    return this.readHashed(buf, start, end, this.entries.hash(buf, start, end))
  }

  /** As `read`, where the key's hash is known. */
  readHashed(buf: Uint8Array, start: number, end: number, hash: number): number {
    this.hash = hash
    return this.visit(this.keys.find(buf, start, end, hash))
  }

  /**
   * Hashes the first `count` keys of a batch and notes which entries they probably name, for `readBatch`; where the database is large,
   * what the look-ups are going to read is brought near. Returns a number that must be used, as Table.foresee does.
   */
  foreseeBatch(batch: KeyBatch, count: number): number {
    const { words, lengths, hashes, likely } = batch
    const step = batch.slotBytes >>> 2
    for (let i = 0, word = 0; i < count; i++, word += step) {
      hashes[i] = this.entries.hashWords(words, word, lengths[i]!)
    }
    batch.size = this.keys.size
    if (batch.size >= FAR_MIN) return this.keys.foresee(hashes, count, likely)
    this.keys.guess(hashes, count, likely)
    return 0
  }

  /**
   * Reads the keys `from` up to below `to` of a batch that has been foreseen, up to the first of which more must be known than that it
   * names a string that does not expire: returns its number, or `to`. Where the values lie stands in the batch. Nothing may have been
   * written since it was foreseen, but by reading.
   */
  readStrings(batch: KeyBatch, from: number, to: number): number {
    const { keyspace } = this
    // Where an entry has expired since, another key may have named the same one, which is gone.
    if (batch.size !== this.keys.size || keyspace.asksForClock) return from
    const end = this.entries.readStrings(batch, from, to, keyspace.lruClock)
    keyspace.hits += end - from
    return end
  }

  /** The entry that was found, 0 for none, is read: notes it, unless its time has come. Returns it, or 0. */
  private visit(handle: number): number {
    const { keyspace } = this
    if (handle !== 0) {
      const word = wordOf(handle)
      const u32 = this.entries.heap.u32[chunkOf(handle)]!
      if ((u32[word]! & (EXPIRES << 8)) === 0 || !this.hasExpired(handle)) {
        u32[word + 1] = keyspace.asksForClock ? keyspace.accessNow(u32[word + 1]!) : keyspace.lruClock
        keyspace.hits++
        return handle
      }
      if (keyspace.expiry === EXPIRE_DELETE) this.expire(handle)
    }
    keyspace.misses++
    return 0
  }

  /**
   * As `find`, for changing the value in place: a snapshot under way has saved the entry, its watchers have heard
   * of the change, its time of access is noted. Only for callers that then change it.
   */
  write(buf: Uint8Array, start: number, end: number): number {
    const handle = this.find(buf, start, end)
    if (handle !== 0) {
      this.willChange(handle)
      this.entries.setAccess(handle, this.keyspace.accessNow(this.entries.access(handle)))
    }
    this.changed(buf, start, end)
    return handle
  }

  /**
   * Sets a string, whatever stood there. `expiry_ms`: NO_EXPIRY for none (an old one goes), or the time. Returns the
   * entry. A value that spells a 64-bit integer gets the encoding INT, as in Redis.
   */
  setString(
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    value: Uint8Array,
    start: number,
    end: number,
    expiry_ms: Int64,
  ): number {
    const entries = this.entries
    this.hash = entries.hash(key, keyStart, keyEnd)
    let old = this.keys.find(key, keyStart, keyEnd, this.hash)
    if (old !== 0 && this.hasExpired(old) && this.keyspace.expiry === EXPIRE_DELETE) {
      this.expire(old)
      old = 0
    }
    const length = end - start
    const encoding = stringEncoding(value, start, end)
    const clock = this.keyspace.lfu ? this.nextAccess(old) : this.keyspace.lruClock
    let handle = old
    if (old !== 0) {
      this.willChange(old)
      const chunk = chunkOf(old)
      const word = wordOf(old)
      const u32 = entries.heap.u32[chunk]!
      const head = u32[word]!
      const inPlace =
        (head & 15) === STRING &&
        ((head & (EXPIRES << 8)) !== 0) === (expiry_ms !== NO_EXPIRY) &&
        (u32[word + 2] === length || entries.heap.fits(old, entries.valueStart(old) - (word << 2) + length))
      if (inPlace) {
        u32[word] = (head & ~0xf0) | (encoding << 4)
        u32[word + 2] = length
        if (expiry_ms !== NO_EXPIRY) entries.setExpiry(old, expiry_ms)
      } else {
        handle = this.replace(old, STRING, encoding, key, keyStart, keyEnd, length, expiry_ms)
      }
    } else {
      handle = this.insert(STRING, encoding, key, keyStart, keyEnd, length, expiry_ms)
    }
    const chunk = chunkOf(handle)
    entries.heap.u32[chunk]![wordOf(handle) + 1] = clock
    const u8 = entries.heap.u8[chunk]!
    const at = entries.valueStart(handle)
    if (length > 48) u8.set(value.subarray(start, end), at)
    else for (let i = 0; i < length; i++) u8[at + i] = value[start + i]!
    if (this.keyspace.watchers > 0) this.keyspace.hooks.changed(this, key, keyStart, keyEnd)
    return handle
  }

  /**
   * Puts an entry of any type under a key, whatever stood there, with room for `valueBytes` bytes of value, which the
   * caller writes. Returns the entry.
   */
  set(
    type: number,
    encoding: number,
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    valueBytes: number,
    expiry_ms: Int64,
  ): number {
    let old = this.peek(key, keyStart, keyEnd)
    if (old !== 0 && this.hasExpired(old) && this.keyspace.expiry === EXPIRE_DELETE) {
      this.expire(old)
      old = 0
    }
    const clock = this.nextAccess(old)
    let handle: number
    if (old !== 0) {
      this.willChange(old)
      handle = this.replace(old, type, encoding, key, keyStart, keyEnd, valueBytes, expiry_ms)
    } else {
      handle = this.insert(type, encoding, key, keyStart, keyEnd, valueBytes, expiry_ms)
    }
    this.entries.setAccess(handle, clock)
    this.changed(key, keyStart, keyEnd)
    return handle
  }

  /** The access clock of what takes the place of the entry `old`, or with 0 of something new. */
  private nextAccess(old: number): number {
    return this.keyspace.accessNow(old === 0 ? NEVER_USED : this.entries.access(old))
  }

  /** Removes a key; false where it is not there (any more). */
  delete(buf: Uint8Array, start: number, end: number): boolean {
    const handle = this.find(buf, start, end)
    if (handle === 0) return false
    this.willChange(handle)
    this.removeFound(handle)
    this.changed(buf, start, end)
    return true
  }

  /**
   * Sets when the key expires, or with NO_EXPIRY that it does not. `handle` must come from the look-up just before.
   * Returns the entry's handle, which may be another. Says nothing to watchers: the caller does.
   */
  setExpiry(handle: number, at_ms: Int64): number {
    const entries = this.entries
    const flags = entries.flags(handle)
    const had = (flags & EXPIRES) !== 0
    if (at_ms !== NO_EXPIRY && had) {
      this.willChange(handle)
      entries.setExpiry(handle, at_ms)
      return handle
    }
    if (at_ms === NO_EXPIRY && !had) return handle
    this.willChange(handle)
    // The optional field comes or goes, so the entry is made anew around the same key and value.
    const length = entries.valueLength(handle)
    const key = entries.keyStart(handle)
    const made = entries.create(
      entries.type(handle),
      entries.encoding(handle),
      flags ^ EXPIRES,
      entries.bytes(handle),
      key,
      key + entries.keyLength(handle),
      length,
    )
    const from = entries.valueStart(handle)
    entries.bytes(made).set(entries.bytes(handle).subarray(from, from + length), entries.valueStart(made))
    entries.setAccess(made, entries.access(handle))
    entries.setGeneration(made, entries.generation(handle))
    if (at_ms !== NO_EXPIRY) entries.setExpiry(made, at_ms)
    this.moved(handle, made, had, at_ms !== NO_EXPIRY)
    this.keyspace.heap.free(handle)
    return made
  }

  /**
   * Gives the value of a string room for `bytes` bytes, with some more to grow into, and sets its length; bytes beyond
   * the old length are undefined. `handle` must come from the look-up just before, which must have been `write`.
   */
  resizeValue(handle: number, bytes: number): number {
    const entries = this.entries
    if (bytes <= entries.valueCapacity(handle)) {
      entries.setValueLength(handle, bytes)
      return handle
    }
    const length = entries.valueLength(handle)
    const flags = entries.flags(handle)
    const room = bytes + Math.min(bytes, GROWTH_BYTES_MAX)
    const key = entries.keyStart(handle)
    const made = entries.create(
      entries.type(handle),
      entries.encoding(handle),
      flags,
      entries.bytes(handle),
      key,
      key + entries.keyLength(handle),
      room,
    )
    const from = entries.valueStart(handle)
    entries.bytes(made).set(entries.bytes(handle).subarray(from, from + length), entries.valueStart(made))
    entries.setValueLength(made, bytes)
    entries.setAccess(made, entries.access(handle))
    entries.setGeneration(made, entries.generation(handle))
    const expires = (flags & EXPIRES) !== 0
    if (expires) entries.setExpiry(made, entries.exactExpiry(handle))
    this.moved(handle, made, expires, expires)
    this.keyspace.heap.free(handle)
    return made
  }

  /** Puts the entry into another block, as it is; its handle becomes another. */
  relocate(handle: number): void {
    const { entries } = this
    this.hash = entries.hashOf(handle)
    assert(this.keys.findHandle(handle, this.hash), 'an entry that is in no table')
    const made = copyBlock(entries.heap, handle)
    const expires = (entries.flags(handle) & EXPIRES) !== 0
    this.moved(handle, made, expires, expires)
    entries.heap.free(handle)
  }

  /** Whether the entry's time has come. Without an expiry, or where expiry is ignored, it never has. */
  hasExpired(handle: number): boolean {
    const chunk = chunkOf(handle)
    if ((this.entries.heap.u32[chunk]![wordOf(handle)]! & (EXPIRES << 8)) === 0) return false
    if (this.keyspace.expiry === EXPIRE_IGNORE) return false
    return this.entries.expiry(handle) < this.keyspace.now_ms
  }

  /** Tells those who watch keys that this one has changed. */
  changed(key: Uint8Array, start: number, end: number): void {
    if (this.keyspace.watchers > 0) this.keyspace.hooks.changed(this, key, start, end)
  }

  /** Lets a snapshot under way save the entry before it changes. */
  willChange(handle: number): void {
    const { keyspace } = this
    keyspace.edits++
    const { snapshot } = keyspace
    if (snapshot === 0 || this.entries.generation(handle) === snapshot) return
    keyspace.hooks.beforeWrite(this, handle)
    this.entries.setGeneration(handle, snapshot)
  }

  /** Visits the entries of a part of the database and returns the next cursor; see Table.scan. */
  scan(cursor: number, visit: (handle: number) => void): number {
    return this.keys.scan(cursor, visit)
  }

  /** As `scan`, over the keys that have an expiry. */
  scanExpiring(cursor: number, visit: (handle: number) => void): number {
    return this.expires.scan(cursor, visit)
  }

  /** Visits all entries. `visit` must not change the database. */
  forEach(visit: (handle: number) => void): void {
    let cursor = 0
    do cursor = this.keys.scan(cursor, visit)
    while (cursor !== 0)
  }

  /** A random entry that may have expired, or 0. */
  randomEntry(): number {
    return this.keys.random(this.keyspace.random32)
  }

  /** Makes room for the keys that are about to be loaded. */
  reserve(keys: number, expiring: number): void {
    this.keys.reserve(keys)
    this.expires.reserve(expiring)
  }

  /**
   * Active expiry: looks at `buckets` buckets of the keys that expire and removes those whose time has come. Returns how
   * many it looked at and removed, so that the caller can go on while it is worth it.
   */
  expireSome(buckets: number, seen: { looked: number; removed: number }): void {
    seen.looked = 0
    seen.removed = 0
    for (let i = 0; i < buckets && this.expires.size > 0; i++) {
      this.expireCursor = this.expires.scan(this.expireCursor, (handle) => {
        seen.looked++
        if (!this.hasExpired(handle)) return
        const start = this.entries.keyStart(handle)
        this.hash = this.entries.hashOf(handle)
        this.keys.find(this.entries.bytes(handle), start, start + this.entries.keyLength(handle), this.hash)
        this.expire(handle)
        seen.removed++
      })
      if (this.expireCursor === 0) break
    }
  }

  /** Moves a bucket or so of tables that change their size; called while the node has nothing else to do. */
  resizeSome(steps: number): void {
    for (let i = 0; i < steps && this.keys.step(); i++);
    for (let i = 0; i < steps && this.expires.step(); i++);
  }

  get resizing(): boolean {
    return this.keys.resizing || this.expires.resizing
  }

  /** Removes all keys. With `later`, their memory is freed from the graveyard. Returns how many there were. */
  flush(later: boolean): number {
    const count = this.keys.size
    if (count === 0) return 0
    this.keyspace.edits++
    const old = this.keys.take()
    this.expires.clear()
    this.slots?.clear()
    this.keyspace.fieldTimes.flushed(this)
    const { keyspace } = this
    const { bytes } = old
    const grave = new Flushed(old, keyspace)
    if (later) {
      keyspace.large.bytes += bytes
      keyspace.graveyard.bury(grave, count, () => {
        keyspace.large.bytes -= bytes
      })
    } else while (grave.freeSome(1024));
    return count
  }

  /** Forgets all keys without freeing them: the heap is cleared as a whole by the keyspace. */
  forgetAll(): number {
    const count = this.keys.size
    this.keys.clear()
    this.expires.clear()
    this.slots?.clear()
    return count
  }

  /** The entry's time has come. The tables must just have found it. */
  private expire(handle: number): void {
    const { edits } = this.keyspace
    this.willChange(handle)
    const hash = this.hash
    this.keyspace.expiredKeys++
    this.keyspace.hooks.expired(this, handle)
    if (this.keyspace.watchers > 0) {
      const start = this.entries.keyStart(handle)
      this.keyspace.hooks.changed(
        this,
        this.entries.bytes(handle),
        start,
        start + this.entries.keyLength(handle),
      )
    }
    this.hash = hash
    this.removeFound(handle)
    // Whole in itself, and handed on: it does not belong to the command that came upon it.
    this.keyspace.edits = edits
  }

  private removeFound(handle: number): void {
    this.keys.removeFound()
    if ((this.entries.flags(handle) & EXPIRES) !== 0 && this.expires.findHandle(handle, this.hash)) {
      this.expires.removeFound()
    }
    this.slots?.remove(handle)
    this.keyspace.release(handle)
  }

  private insert(
    type: number,
    encoding: number,
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    valueBytes: number,
    expiry_ms: Int64,
  ): number {
    const handle = this.make(type, encoding, key, keyStart, keyEnd, valueBytes, expiry_ms)
    this.keyspace.edits++
    // What comes after the snapshot began is not part of it.
    if (this.keyspace.snapshot !== 0) this.entries.setGeneration(handle, this.keyspace.snapshot)
    this.keys.insert(handle, this.hash)
    if (expiry_ms !== NO_EXPIRY) this.expires.insert(handle, this.hash)
    if (this.slots !== null) this.slots.add(handle)
    return handle
  }

  private make(
    type: number,
    encoding: number,
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    valueBytes: number,
    expiry_ms: Int64,
  ): number {
    const flags = (expiry_ms !== NO_EXPIRY ? EXPIRES : 0) | (this.slots !== null ? LINKED : 0)
    const handle = this.entries.create(type, encoding, flags, key, keyStart, keyEnd, valueBytes)
    if (expiry_ms !== NO_EXPIRY) this.entries.setExpiry(handle, expiry_ms)
    return handle
  }

  /** A new entry in the place of `old`, which the key table has just found. */
  private replace(
    old: number,
    type: number,
    encoding: number,
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    valueBytes: number,
    expiry_ms: Int64,
  ): number {
    const handle = this.make(type, encoding, key, keyStart, keyEnd, valueBytes, expiry_ms)
    if (this.keyspace.snapshot !== 0) this.entries.setGeneration(handle, this.keyspace.snapshot)
    this.moved(old, handle, (this.entries.flags(old) & EXPIRES) !== 0, expiry_ms !== NO_EXPIRY)
    this.keyspace.release(old)
    return handle
  }

  /** All tables learn that an entry, which the key table has just found, lies elsewhere. */
  private moved(from: number, to: number, expired: boolean, expires: boolean): void {
    this.keys.replaceFound(to)
    if (expired && this.expires.findHandle(from, this.hash)) {
      if (expires) this.expires.replaceFound(to)
      else this.expires.removeFound()
    } else if (expires) {
      this.expires.insert(to, this.hash)
    }
    if (this.slots !== null) this.slots.moved(from, to)
  }
}

/** The keys of a database that was flushed. */
class Flushed implements Grave {
  private readonly table: Table
  private readonly keyspace: Keyspace
  private cursor = 0

  constructor(table: Table, keyspace: Keyspace) {
    this.table = table
    this.keyspace = keyspace
  }

  freeSome(blocks: number): boolean {
    let left = blocks
    do {
      this.cursor = this.table.scan(this.cursor, (handle) => {
        this.keyspace.release(handle)
        left--
      })
      // Buckets may be empty.
      left--
    } while (this.cursor !== 0 && left > 0)
    return this.cursor !== 0
  }
}
