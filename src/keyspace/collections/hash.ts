/**
 * Hashes: a listpack of fields and values in turns (LISTPACK), or a dictionary (HASHTABLE) when there are more than
 * hash-max-listpack-entries fields or something is longer than hash-max-listpack-value. A hash does not become small again.
 * A small hash whose fields are to expire has a listpack of triples instead (LISTPACK_EX, timed-listpack.ts), for good.
 *
 * Everything takes the entry that holds the hash, of a database or bare (value.ts). What is read comes as pieces that belong
 * to this object: valid until the next call. Who changes an entry of a database has called `willChange` before.
 *
 * A field whose time has come is not there for `get`, but stays until somebody removes it (field-expiry.ts); walks show it, and
 * `due` tells. Each change keeps the hash's place in its database's queue (field-times.ts) right.
 */

import { byteOf, chunkOf } from '../../bytes/heap.js'
import { copyBlock } from '../block.js'
import type { Database } from '../database.js'
import { type Entries, HASH, HASHTABLE, LISTPACK } from '../entries.js'
import { EXPIRE_IGNORE } from '../expiry.js'
import type { Keyspace } from '../keyspace.js'
import { below } from '../table.js'
import { Dictionary } from './dictionary.js'
import { LISTPACK_EX, NO_FIELD_EXPIRY } from './field-times.js'
import { HashLimits, INTEGER_DIGITS_MAX, TIME_BYTES_MAX } from './hash-limits.js'
import { LP_BYTES_MAX, LP_HEADER_BYTES, lpFirst, lpNext, lpRead, lpSeek } from './listpack.js'
import { PAIR, PAIR_RANGES, Pairs } from './pairs.js'
import { Piece } from './piece.js'
import { Chooser, sampleDictionary } from './sample.js'
import { countBefore, findTriple, firstTime, insertTriple, TRIPLE, tripleTime } from './timed-listpack.js'
import { bareEntry, refOf, setRef } from './value.js'

export class Hashes {
  /** What `forEach`, `random` and `at` show. */
  readonly field = new Piece()
  /** The same, and what `get` found. */
  readonly value = new Piece()
  /** When the field that was shown expires, NO_FIELD_EXPIRY for never. */
  expiry = NO_FIELD_EXPIRY
  /** `get` has found nothing but a field whose time has come. */
  stale = false
  /** Where `lookUp` found the field: an element, or an offset in the listpack. Where `get` found the value of a small hash. */
  private found = 0
  /** For walks that this object makes itself, while `field` and `value` are somebody's arguments. */
  private readonly ownField = new Piece()
  private readonly ownValue = new Piece()
  private readonly keyspace: Keyspace
  private readonly entries: Entries
  private readonly pairs: Pairs
  private readonly limits: HashLimits

  constructor(keyspace: Keyspace) {
    this.keyspace = keyspace
    this.entries = keyspace.entries
    this.pairs = new Pairs(keyspace.listpacks)
    this.limits = new HashLimits(keyspace)
  }

  /** A bare entry with a hash without fields. */
  create(): number {
    return bareEntry(this.entries, HASH, LISTPACK, this.keyspace.listpacks.create())
  }

  isSmall(handle: number): boolean {
    return this.entries.encoding(handle) !== HASHTABLE
  }

  /** Whether it is a small hash of triples. */
  private isTriples(handle: number): boolean {
    return this.entries.encoding(handle) === LISTPACK_EX
  }

  /** The listpack of fields and values in turns, none of which expires; 0 for a hash of another form. For who copies them as they are. */
  pairsOf(handle: number): number {
    return this.entries.encoding(handle) === LISTPACK ? refOf(this.entries, handle) : 0
  }

  /** The listpack of a small hash. */
  private packOf(handle: number): number {
    const ref = refOf(this.entries, handle)
    return this.isTriples(handle) ? this.keyspace.fieldTimes.pack(ref) : ref
  }

  private setPack(handle: number, pack: number): void {
    if (this.isTriples(handle)) this.keyspace.fieldTimes.setPack(refOf(this.entries, handle), pack)
    else setRef(this.entries, handle, pack)
  }

  dictionary(handle: number): Dictionary {
    return this.keyspace.large.get(refOf(this.entries, handle)) as Dictionary
  }

  size(handle: number): number {
    const encoding = this.entries.encoding(handle)
    if (encoding === HASHTABLE) return this.dictionary(handle).size
    if (encoding === LISTPACK) return this.keyspace.listpacks.count(refOf(this.entries, handle)) >>> 1
    return this.keyspace.listpacks.count(this.packOf(handle)) / TRIPLE
  }

  /**
   * Whether the hash has a field whose time has not come; its value is then in `value`, and when it expires in `expiry`. Who asks for
   * several in a row, and changes nothing between, hands in what `after` then says, as a hint where to look first.
   */
  get(handle: number, buf: Uint8Array, start: number, end: number, from = LP_HEADER_BYTES): boolean {
    const ref = refOf(this.entries, handle)
    const encoding = this.entries.encoding(handle)
    this.stale = false
    this.expiry = NO_FIELD_EXPIRY
    if (encoding === LISTPACK) {
      const at = this.pairs.find(ref, from, buf, start, end)
      this.found = at
      if (at === 0) return false
      lpRead(this.keyspace.heap.u8[chunkOf(ref)]!, byteOf(ref), at, this.value)
      return true
    }
    if (encoding === LISTPACK_EX) {
      const pack = this.keyspace.fieldTimes.pack(ref)
      const at = findTriple(this.keyspace.listpacks, pack, buf, start, end)
      if (at === 0) return false
      const u8 = this.keyspace.heap.u8[chunkOf(pack)]!
      const base = byteOf(pack)
      lpRead(u8, base, lpNext(u8, base, at), this.value)
      this.expiry = tripleTime(u8, base, at)
    } else {
      const dictionary = this.keyspace.large.get(ref) as Dictionary
      const element = dictionary.find(buf, start, end)
      if (element === 0) return false
      const from = dictionary.valueStart(element)
      this.value.range(dictionary.bytesOf(element), from, from + dictionary.valueLength(element))
      this.expiry = dictionary.expiryOf(element)
    }
    this.stale = this.due
    return !this.stale
  }

  /** Whether the time of the field that was shown has come. */
  get due(): boolean {
    const { keyspace, expiry } = this
    return expiry !== NO_FIELD_EXPIRY && expiry < keyspace.now_ms && keyspace.expiry !== EXPIRE_IGNORE
  }

  /** How many fields there are whose time has come. */
  countDue(handle: number): number {
    const { keyspace } = this
    const encoding = this.entries.encoding(handle)
    if (encoding === LISTPACK || keyspace.expiry === EXPIRE_IGNORE) return 0
    if (encoding === HASHTABLE) return this.dictionary(handle).countBefore(keyspace.now_ms)
    const pack = this.packOf(handle)
    return countBefore(keyspace.heap.u8[chunkOf(pack)]!, byteOf(pack), keyspace.now_ms)
  }

  /**
   * Sets a field; true where it is new. When it was to expire is forgotten unless `keep`. The value must not lie in the hash
   * itself.
   */
  set(
    handle: number,
    field: Uint8Array,
    start: number,
    end: number,
    value: Uint8Array,
    from: number,
    to: number,
    keep = false,
  ): boolean {
    if (this.isSmall(handle))
      this.makeRoom(handle, 0, Math.max(end - start, to - from), end - start + to - from)
    return this.put(handle, field, start, end, value, from, to, keep)
  }

  /**
   * Sets fields to values, which stand in turns in `buf`: `ranges[i]` and the next number are where the first field starts and ends, and
   * so on up to `ranges[last]`. Returns how many are new. Whether they expire is forgotten.
   */
  setPairs(handle: number, buf: Uint8Array, ranges: Int32Array, first: number, last: number): number {
    const encoding = this.entries.encoding(handle)
    let added = 0
    let i = first
    if (encoding !== HASHTABLE) this.makeRoomFor(handle, ranges, first, last)
    if (encoding === LISTPACK && this.entries.encoding(handle) === LISTPACK) {
      const { pairs } = this
      const ref = refOf(this.entries, handle)
      const made = pairs.setAll(ref, buf, ranges, first, last, this.limits.entries())
      if (made !== ref) setRef(this.entries, handle, made)
      if (pairs.added === 0) return 0
      added = pairs.added
      i = pairs.stopped
      if (this.keyspace.listpacks.count(made) > this.limits.entries() * PAIR) this.enlarge(handle)
    }
    for (; i < last; i += PAIR_RANGES) {
      if (this.put(handle, buf, ranges[i]!, ranges[i + 1]!, buf, ranges[i + 2]!, ranges[i + 3]!, false))
        added++
    }
    return added
  }

  /** As `makeRoom`, for fields and values as `setPairs` takes them. */
  private makeRoomFor(handle: number, ranges: Int32Array, first: number, last: number): void {
    let longest = 0
    let bytes = 0
    for (let i = first; i < last; i += 2) {
      const length = ranges[i + 1]! - ranges[i]!
      if (length > longest) longest = length
      bytes += length
    }
    this.makeRoom(handle, (last - first) >>> 2, longest, bytes)
  }

  /** Sets a field where there is room for it, and for the value. */
  private put(
    handle: number,
    field: Uint8Array,
    start: number,
    end: number,
    value: Uint8Array,
    from: number,
    to: number,
    keep: boolean,
  ): boolean {
    const encoding = this.entries.encoding(handle)
    if (encoding === HASHTABLE) {
      const dictionary = this.dictionary(handle)
      const isNew = dictionary.set(field, start, end, value, from, to, keep)
      if (dictionary.timer !== 0) this.retime(handle)
      return isNew
    }
    if (encoding === LISTPACK_EX) return this.setTriple(handle, field, start, end, value, from, to, keep)
    const { pairs } = this
    const ref = refOf(this.entries, handle)
    const made = pairs.set(ref, field, start, end, value, from, to)
    if (made !== ref) setRef(this.entries, handle, made)
    if (pairs.added === 0) return false
    if (this.keyspace.listpacks.count(made) > this.limits.entries() * PAIR) this.enlarge(handle)
    return true
  }

  /** Where the next `get` of the same hash may look first. */
  get after(): number {
    return this.pairs.after
  }

  /**
   * Sets the field that `get` has just found to an integer, as `set` with `keep` would; false where that is to be asked, since the hash
   * has another form or would get one.
   */
  setFoundInteger(handle: number, start: number, end: number, value: number | bigint): boolean {
    if (this.entries.encoding(handle) !== LISTPACK) return false
    const longest = this.limits.value()
    if (end - start > longest || INTEGER_DIGITS_MAX > longest) return false
    const ref = refOf(this.entries, handle)
    const { listpacks } = this.keyspace
    if (listpacks.bytes(ref) + INTEGER_DIGITS_MAX > LP_BYTES_MAX) return false
    const made = listpacks.replaceInteger(ref, this.found, value)
    if (made !== ref) setRef(this.entries, handle, made)
    return true
  }

  private setTriple(
    handle: number,
    field: Uint8Array,
    start: number,
    end: number,
    value: Uint8Array,
    from: number,
    to: number,
    keep: boolean,
  ): boolean {
    const { listpacks, heap } = this.keyspace
    let pack = this.packOf(handle)
    const at = findTriple(listpacks, pack, field, start, end)
    if (at !== 0) {
      const u8 = heap.u8[chunkOf(pack)]!
      const base = byteOf(pack)
      if (keep || tripleTime(u8, base, at) === NO_FIELD_EXPIRY) {
        this.setPack(handle, listpacks.replace(pack, lpNext(u8, base, at), value, from, to))
        return false
      }
      pack = listpacks.delete(pack, at, TRIPLE)
    }
    const made = insertTriple(listpacks, pack, field, start, end, value, from, to, NO_FIELD_EXPIRY)
    this.setPack(handle, made)
    if (at !== 0) this.retime(handle)
    else if (this.size(handle) > this.limits.entries()) this.enlarge(handle)
    return at === 0
  }

  /** Whether a timed hash has a field, due or not; when it expires is then in `expiry`. `setFoundExpiry` may follow. */
  lookUp(handle: number, buf: Uint8Array, start: number, end: number): boolean {
    const { keyspace } = this
    if (!this.isSmall(handle)) {
      const dictionary = this.dictionary(handle)
      this.found = dictionary.find(buf, start, end)
      if (this.found !== 0) this.expiry = dictionary.expiryOf(this.found)
    } else {
      const pack = this.packOf(handle)
      this.found = findTriple(keyspace.listpacks, pack, buf, start, end)
      if (this.found !== 0) {
        this.expiry = tripleTime(keyspace.heap.u8[chunkOf(pack)]!, byteOf(pack), this.found)
      }
    }
    return this.found !== 0
  }

  /** Says when a field that is there expires, or with NO_FIELD_EXPIRY that it does not. The hash must be timed (`makeTimed`). */
  setExpiry(handle: number, buf: Uint8Array, start: number, end: number, time_ms: number): void {
    if (this.lookUp(handle, buf, start, end)) this.setFoundExpiry(handle, buf, start, end, time_ms)
  }

  /** As `setExpiry`, for the field that `lookUp` has just found. */
  setFoundExpiry(handle: number, buf: Uint8Array, start: number, end: number, time_ms: number): void {
    const { keyspace } = this
    const { listpacks } = keyspace
    if (!this.isSmall(handle)) this.dictionary(handle).setExpiry(this.found, time_ms)
    else {
      const pack = this.packOf(handle)
      const at = this.found
      const u8 = keyspace.heap.u8[chunkOf(pack)]!
      const base = byteOf(pack)
      lpRead(u8, base, lpNext(u8, base, at), this.ownValue)
      const value = this.ownValue.copy()
      const rest = listpacks.delete(pack, at, TRIPLE)
      this.setPack(handle, insertTriple(listpacks, rest, buf, start, end, value, 0, value.length, time_ms))
    }
    this.retime(handle)
  }

  /** What stands for the hash in its database's queue, 0 while no field has ever expired. */
  timerOf(handle: number): number {
    const encoding = this.entries.encoding(handle)
    if (encoding === LISTPACK) return 0
    const ref = refOf(this.entries, handle)
    if (ref === 0) return 0
    return encoding === LISTPACK_EX ? ref : (this.keyspace.large.get(ref) as Dictionary).timer
  }

  private setTimer(handle: number, timer: number): void {
    if (this.isSmall(handle)) setRef(this.entries, handle, timer)
    else this.dictionary(handle).timer = timer
  }

  /** Lets fields of a hash expire from now on. `db` is where it is, null for a bare entry. */
  makeTimed(db: Database | null, handle: number): void {
    if (this.timerOf(handle) !== 0) return
    const { keyspace, entries } = this
    if (!this.isSmall(handle)) {
      this.dictionary(handle).timer = keyspace.fieldTimes.create(0)
    } else {
      const { listpacks } = keyspace
      const pairs = refOf(entries, handle)
      const { ownField: field, ownValue: value } = this
      let pack = listpacks.create(listpacks.bytes(pairs) + this.size(handle) * 2)
      this.walk(handle, field, value, () => {
        pack = listpacks.append(pack, field.buf, field.start, field.end)
        pack = listpacks.append(pack, value.buf, value.start, value.end)
        pack = listpacks.appendInteger(pack, 0)
      })
      keyspace.heap.free(pairs)
      entries.setEncoding(handle, LISTPACK_EX)
      setRef(entries, handle, keyspace.fieldTimes.create(pack))
    }
    if (db !== null) this.enroll(db, handle)
  }

  /** Makes a listpack of triples, known to be sound, the content of a timed hash without fields. */
  adoptTriples(handle: number, pack: number): void {
    this.keyspace.heap.free(this.packOf(handle))
    this.setPack(handle, pack)
  }

  /** A hash has come under a key of a database: if fields of it expire, the database's queue knows it from now on. */
  enroll(db: Database, handle: number): void {
    const timer = this.timerOf(handle)
    if (timer === 0) return
    const { entries } = this
    const key = entries.keyStart(handle)
    const end = key + entries.keyLength(handle)
    this.setTimer(handle, this.keyspace.fieldTimes.enroll(timer, db, entries.bytes(handle), key, end))
    this.retime(handle)
  }

  /** Moves what a hash with fields that expire has beside its elements, where it lies where the heap is being emptied. */
  relocateTimed(handle: number): void {
    const { heap, fieldTimes } = this.keyspace
    const timer = this.timerOf(handle)
    if (timer === 0) return
    const pack = this.isTriples(handle) ? fieldTimes.pack(timer) : 0
    if (pack !== 0 && heap.isLeaving(pack)) {
      fieldTimes.setPack(timer, copyBlock(heap, pack))
      heap.free(pack)
    }
    if (heap.isLeaving(timer)) this.setTimer(handle, fieldTimes.relocate(timer))
  }

  /** When the first field expires, NO_FIELD_EXPIRY if none does. */
  firstExpiry(handle: number): number {
    const encoding = this.entries.encoding(handle)
    if (encoding === LISTPACK) return NO_FIELD_EXPIRY
    if (encoding === HASHTABLE) {
      const dictionary = this.dictionary(handle)
      const first = dictionary.firstDeadline()
      return first === 0 ? NO_FIELD_EXPIRY : dictionary.expiryOf(first)
    }
    const pack = this.packOf(handle)
    return firstTime(this.keyspace.heap.u8[chunkOf(pack)]!, byteOf(pack))
  }

  /** Shows the field that expires first; false where none does. */
  showFirst(handle: number): boolean {
    if (this.isSmall(handle)) {
      if (this.firstExpiry(handle) === NO_FIELD_EXPIRY) return false
      this.at(handle, 0)
      return true
    }
    const dictionary = this.dictionary(handle)
    const first = dictionary.firstDeadline()
    if (first !== 0) this.show(dictionary, first)
    return first !== 0
  }

  /** The hash's place in the queue follows what may have become of its first field. */
  private retime(handle: number): void {
    const timer = this.timerOf(handle)
    if (timer !== 0) this.keyspace.fieldTimes.set(timer, this.firstExpiry(handle))
  }

  /** Removes a field; false where it is not there. A hash without fields is left, which the caller removes. */
  delete(handle: number, buf: Uint8Array, start: number, end: number): boolean {
    const encoding = this.entries.encoding(handle)
    if (encoding === HASHTABLE) {
      const dictionary = this.dictionary(handle)
      const was = dictionary.delete(buf, start, end)
      if (was && dictionary.timer !== 0) this.retime(handle)
      return was
    }
    const { listpacks } = this.keyspace
    const ref = refOf(this.entries, handle)
    if (encoding === LISTPACK_EX) {
      const pack = this.packOf(handle)
      const triple = findTriple(listpacks, pack, buf, start, end)
      if (triple === 0) return false
      this.setPack(handle, listpacks.delete(pack, triple, TRIPLE))
      this.retime(handle)
      return true
    }
    const at = listpacks.find(ref, LP_HEADER_BYTES, 1, buf, start, end)
    if (at === 0) return false
    const made = listpacks.delete(ref, at, PAIR)
    if (made !== ref) setRef(this.entries, handle, made)
    return true
  }

  /**
   * Enlarges the hash where what is to come would not fit its small form: some `fields` fields, the longest piece of
   * `longest` bytes, `bytes` bytes in all.
   */
  makeRoom(handle: number, fields: number, longest: number, bytes: number): void {
    if (!this.isSmall(handle)) return
    if (
      fields > this.limits.entries() ||
      longest > this.limits.value() ||
      this.keyspace.listpacks.bytes(this.packOf(handle)) + bytes + TIME_BYTES_MAX > LP_BYTES_MAX
    ) {
      this.enlarge(handle, fields)
    }
  }

  /** Shows every field and value in `field` and `value`, also what is `due`. `visit` must not change the hash. */
  forEach(handle: number, visit: () => void): void {
    this.expiry = NO_FIELD_EXPIRY
    if (!this.isSmall(handle)) {
      const dictionary = this.dictionary(handle)
      dictionary.forEach((element) => {
        this.show(dictionary, element)
        visit()
      })
      return
    }
    this.walk(handle, this.field, this.value, visit)
  }

  private walk(handle: number, field: Piece, value: Piece, visit: () => void): void {
    const pack = this.packOf(handle)
    const timed = this.isTriples(handle)
    const u8 = this.keyspace.heap.u8[chunkOf(pack)]!
    const base = byteOf(pack)
    for (let at = lpFirst(u8, base); at !== 0; ) {
      lpRead(u8, base, at, field)
      if (timed) this.expiry = tripleTime(u8, base, at)
      at = lpNext(u8, base, at)
      lpRead(u8, base, at, value)
      at = lpNext(u8, base, at)
      if (timed) at = lpNext(u8, base, at)
      visit()
    }
  }

  /** Shows some of the fields, as `forEach`, and returns the next cursor; a small hash is shown as a whole. */
  scan(handle: number, cursor: number, visit: () => void): number {
    if (this.isSmall(handle)) {
      this.forEach(handle, visit)
      return 0
    }
    const dictionary = this.dictionary(handle)
    return dictionary.scan(cursor, (element) => {
      this.show(dictionary, element)
      visit()
    })
  }

  /** Shows a field at random, of a hash that has some. */
  random(handle: number): void {
    if (this.isSmall(handle)) {
      this.at(handle, below(this.size(handle), this.keyspace.random32))
      return
    }
    const dictionary = this.dictionary(handle)
    this.show(dictionary, dictionary.random(this.keyspace.random32))
  }

  /** Shows `count` different fields at random, of a hash that has at least so many. */
  sample(handle: number, count: number, visit: () => void): void {
    const { random32 } = this.keyspace
    if (!this.isSmall(handle)) {
      const dictionary = this.dictionary(handle)
      sampleDictionary(dictionary, count, random32, (element) => {
        this.show(dictionary, element)
        visit()
      })
      return
    }
    const chosen = new Chooser(count, this.size(handle), random32)
    this.forEach(handle, () => {
      if (chosen.next()) visit()
    })
  }

  /** Shows the field of an index, of a small hash. */
  at(handle: number, index: number): void {
    const pack = this.packOf(handle)
    const timed = this.isTriples(handle)
    const u8 = this.keyspace.heap.u8[chunkOf(pack)]!
    const base = byteOf(pack)
    const at = lpSeek(u8, base, index * (timed ? TRIPLE : PAIR))
    lpRead(u8, base, at, this.field)
    lpRead(u8, base, lpNext(u8, base, at), this.value)
    this.expiry = timed ? tripleTime(u8, base, at) : NO_FIELD_EXPIRY
  }

  /** Gives a small hash its large form. */
  enlarge(handle: number, expected = 0): void {
    const { keyspace, entries } = this
    const pairs = this.packOf(handle)
    const dictionary = new Dictionary(entries, keyspace.large, true, Math.max(expected, this.size(handle)))
    const { ownField: field, ownValue: value, expiry: shown } = this
    const timed = this.isTriples(handle)
    this.walk(handle, field, value, () => {
      dictionary.set(field.buf, field.start, field.end, value.buf, value.start, value.end)
      if (!timed || this.expiry === NO_FIELD_EXPIRY) return
      dictionary.setExpiry(dictionary.find(field.buf, field.start, field.end), this.expiry)
    })
    this.expiry = shown
    dictionary.timer = this.timerOf(handle)
    if (timed) keyspace.fieldTimes.setPack(dictionary.timer, 0)
    keyspace.heap.free(pairs)
    entries.setEncoding(handle, HASHTABLE)
    setRef(entries, handle, keyspace.large.add(dictionary))
  }

  /** Frees what the entry owns. */
  release(handle: number): void {
    const ref = refOf(this.entries, handle)
    if (ref === 0) return
    const timer = this.timerOf(handle)
    if (this.isSmall(handle)) this.keyspace.heap.free(this.packOf(handle))
    else this.keyspace.large.release(ref)
    if (timer !== 0) this.keyspace.fieldTimes.release(timer)
  }

  /** `made` has the value bytes of `from`; afterwards it owns a copy, which is to be enrolled. */
  copyOwned(from: number, made: number): void {
    const { keyspace, entries } = this
    if (this.isSmall(from)) {
      const pack = keyspace.listpacks.copy(this.packOf(from))
      setRef(entries, made, this.isTriples(from) ? keyspace.fieldTimes.create(pack) : pack)
      return
    }
    const dictionary = new Dictionary(entries, keyspace.large, true)
    dictionary.copyFrom(this.dictionary(from))
    if (dictionary.timed) dictionary.timer = keyspace.fieldTimes.create(0)
    setRef(entries, made, keyspace.large.add(dictionary))
  }

  private show(dictionary: Dictionary, element: number): void {
    const u8 = dictionary.bytesOf(element)
    const start = dictionary.fieldStart(element)
    const end = start + dictionary.fieldLength(element)
    this.field.range(u8, start, end)
    this.value.range(u8, end, end + dictionary.valueLength(element))
    this.expiry = dictionary.expiryOf(element)
  }
}
