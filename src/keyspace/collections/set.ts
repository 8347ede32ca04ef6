/**
 * Sets: a sorted row of integers (INTSET) while all members are integers and there are at most set-max-intset-entries; else a
 * listpack (LISTPACK) up to set-max-listpack-entries members of at most set-max-listpack-value bytes; else a dictionary without
 * values (HASHTABLE). A set only ever grows into a larger form.
 *
 * Everything takes the entry that holds the set, of a database or bare (value.ts). What is read comes in `member`, valid
 * until the next call. Who changes an entry of a database has called `willChange` before.
 */

import { byteOf, chunkOf } from '../../bytes/heap.js'
import { type Entries, HASHTABLE, INTSET, LISTPACK, SET } from '../entries.js'
import type { Keyspace } from '../keyspace.js'
import { below } from '../table.js'
import { Dictionary } from './dictionary.js'
import { int64Of, intsetAt, intsetCount } from './intset.js'
import {
  LP_BYTES_MAX,
  LP_HEADER_BYTES,
  lpElementBytesMax,
  lpFirst,
  lpNext,
  lpRead,
  lpSeek,
} from './listpack.js'
import type { PackWriter } from './pack-writer.js'
import { Piece } from './piece.js'
import type { Rows } from './rows.js'
import { Chooser, sampleDictionary } from './sample.js'
import { bareEntry, refOf, setRef } from './value.js'

/** An intset's count is 32 bits, and Redis stops earlier. */
const INTSET_COUNT_MAX = 1 << 30

export class Sets {
  /** What `forEach`, `random`, `at` and `scan` show. */
  readonly member = new Piece()
  private readonly keyspace: Keyspace
  private readonly entries: Entries
  private readonly digits = new Piece()
  /** The element of a large set that `random` showed. */
  private shown = 0
  /** For walks that this object makes itself, while `member` is somebody's argument. */
  private readonly own = new Piece()

  /** What told the limits that are kept here. */
  private limitsOf: Keyspace['limit'] | null = null
  private intsetMax = 0
  private listpackMax = 0
  private longestMember = 0

  constructor(keyspace: Keyspace) {
    this.keyspace = keyspace
    this.entries = keyspace.entries
  }

  /** The limits of the small forms, read again when the configuration has changed: another function tells them then. */
  private knowLimits(): void {
    const { limit } = this.keyspace
    if (this.limitsOf === limit) return
    this.limitsOf = limit
    this.intsetMax = limit('set-max-intset-entries')
    this.listpackMax = limit('set-max-listpack-entries')
    this.longestMember = limit('set-max-listpack-value')
  }

  /** A bare entry with a set without members, in the form that suits the first and some `expected` in all. */
  create(buf: Uint8Array, start: number, end: number, expected: number): number {
    this.knowLimits()
    if (expected <= this.intsetMax && int64Of(buf, start, end) !== null) return this.createIntset()
    if (expected <= this.listpackMax) return this.createListpack()
    return this.createLarge(expected)
  }

  /** A bare entry with a set without members in the large form, with room for some. */
  createLarge(expected: number): number {
    const { keyspace } = this
    const dictionary = new Dictionary(this.entries, keyspace.large, false, expected)
    return bareEntry(this.entries, SET, HASHTABLE, keyspace.large.add(dictionary))
  }

  isLarge(handle: number): boolean {
    return this.entries.encoding(handle) === HASHTABLE
  }

  /** Whether the members of these rows, in a set of their own, would be an intset: they have an order then. */
  wouldBeIntset(rows: Rows): boolean {
    this.knowLimits()
    if (rows.count > this.intsetMax) return false
    for (let row = 0; row < rows.count; row++) {
      if (int64Of(rows.bytesOf(row), rows.starts[row]!, rows.ends[row]!) === null) return false
    }
    return true
  }

  /** A bare entry with a set of these rows' members, all different, in the form that it has where they are added one by one. */
  createFrom(rows: Rows, pack: PackWriter): number {
    this.knowLimits()
    const { count, starts, ends, hashes } = rows
    if (count > Math.max(this.intsetMax, this.listpackMax)) {
      const made = this.createLarge(count)
      const dictionary = this.dictionary(made)
      rows.hash()
      for (let row = 0; row < count; row++) {
        dictionary.addNew(rows.bytesOf(row), starts[row]!, ends[row]!, hashes[row]!)
      }
      return made
    }
    if (this.suitListpack(rows)) {
      for (let row = 0; row < count; row++) pack.string(rows.bytesOf(row), starts[row]!, ends[row]!)
      return bareEntry(this.entries, SET, LISTPACK, pack.finish())
    }
    const made = this.createIntset()
    for (let row = 0; row < count; row++) this.add(made, rows.bytesOf(row), starts[row]!, ends[row]!)
    return made
  }

  /** Whether a listpack holds these rows' members, the first of which is no integer: it would be an intset's first otherwise. */
  private suitListpack(rows: Rows): boolean {
    const { count, starts, ends } = rows
    if (count === 0 || count > this.listpackMax) return false
    if (int64Of(rows.bytesOf(0), starts[0]!, ends[0]!) !== null) return false
    let bytes = 0
    for (let row = 0; row < count; row++) {
      const length = ends[row]! - starts[row]!
      if (length > this.longestMember) return false
      bytes += lpElementBytesMax(length)
    }
    return bytes <= LP_BYTES_MAX
  }

  createIntset(): number {
    return bareEntry(this.entries, SET, INTSET, this.keyspace.intsets.create())
  }

  createListpack(): number {
    return bareEntry(this.entries, SET, LISTPACK, this.keyspace.listpacks.create())
  }

  dictionary(handle: number): Dictionary {
    return this.keyspace.large.get(refOf(this.entries, handle)) as Dictionary
  }

  size(handle: number): number {
    const encoding = this.entries.encoding(handle)
    if (encoding === HASHTABLE) return this.dictionary(handle).size
    const ref = refOf(this.entries, handle)
    return encoding === INTSET ? this.keyspace.intsets.count(ref) : this.keyspace.listpacks.count(ref)
  }

  has(handle: number, buf: Uint8Array, start: number, end: number): boolean {
    const encoding = this.entries.encoding(handle)
    const ref = refOf(this.entries, handle)
    if (encoding === INTSET) {
      const value = int64Of(buf, start, end)
      return value !== null && this.keyspace.intsets.has(ref, value)
    }
    if (encoding === HASHTABLE) return this.dictionary(handle).find(buf, start, end) !== 0
    return this.keyspace.listpacks.find(ref, LP_HEADER_BYTES, 0, buf, start, end) !== 0
  }

  /** Adds a member, which must not lie in the set itself; false where it was there. */
  add(handle: number, buf: Uint8Array, start: number, end: number): boolean {
    const { keyspace, entries } = this
    const encoding = entries.encoding(handle)
    if (encoding === INTSET) return this.addToIntset(handle, buf, start, end)
    if (encoding === HASHTABLE) return this.dictionary(handle).add(buf, start, end)
    const { listpacks } = keyspace
    const ref = refOf(entries, handle)
    if (listpacks.find(ref, LP_HEADER_BYTES, 0, buf, start, end) !== 0) return false
    this.knowLimits()
    if (
      listpacks.count(ref) < this.listpackMax &&
      end - start <= this.longestMember &&
      listpacks.bytes(ref) + end - start <= LP_BYTES_MAX
    ) {
      const made = listpacks.append(ref, buf, start, end)
      if (made !== ref) setRef(entries, handle, made)
      return true
    }
    this.enlarge(handle)
    return this.dictionary(handle).add(buf, start, end)
  }

  private addToIntset(handle: number, buf: Uint8Array, start: number, end: number): boolean {
    const { keyspace, entries } = this
    const { intsets } = keyspace
    const ref = refOf(entries, handle)
    const value = int64Of(buf, start, end)
    this.knowLimits()
    if (value !== null) {
      const made = intsets.add(ref, value)
      if (!intsets.changed) return false
      if (made !== ref) setRef(entries, handle, made)
      if (intsets.count(made) > Math.min(this.intsetMax, INTSET_COUNT_MAX)) this.enlarge(handle)
      return true
    }
    const count = intsets.count(ref)
    const longest = this.longestMember
    const fits =
      count < this.listpackMax &&
      end - start <= longest &&
      (count === 0 || Math.max(this.digitsAt(ref, 0), this.digitsAt(ref, count - 1)) <= longest)
    if (fits) this.toListpack(handle)
    else this.enlarge(handle)
    return this.add(handle, buf, start, end)
  }

  private digitsAt(ref: number, index: number): number {
    this.digits.integer(this.keyspace.intsets.at(ref, index))
    return this.digits.length
  }

  /** Removes a member; false where it is not there. A set without members is left, which the caller removes. */
  remove(handle: number, buf: Uint8Array, start: number, end: number): boolean {
    const { keyspace, entries } = this
    const encoding = entries.encoding(handle)
    if (encoding === HASHTABLE) return this.dictionary(handle).delete(buf, start, end)
    const ref = refOf(entries, handle)
    if (encoding === INTSET) {
      const value = int64Of(buf, start, end)
      if (value === null) return false
      keyspace.intsets.remove(ref, value)
      return keyspace.intsets.changed
    }
    const at = keyspace.listpacks.find(ref, LP_HEADER_BYTES, 0, buf, start, end)
    if (at === 0) return false
    const made = keyspace.listpacks.delete(ref, at)
    if (made !== ref) setRef(entries, handle, made)
    return true
  }

  /** The listpack of a set that has one, else 0. For who copies its members as they are. */
  packOf(handle: number): number {
    return this.entries.encoding(handle) === LISTPACK ? refOf(this.entries, handle) : 0
  }

  /** Shows every member, in `member`. `visit` must not change the set. */
  forEach(handle: number, visit: () => void): void {
    this.walk(handle, this.member, visit)
  }

  private walk(handle: number, member: Piece, visit: () => void): void {
    const { keyspace, entries } = this
    const encoding = entries.encoding(handle)
    if (encoding === HASHTABLE) {
      const dictionary = this.dictionary(handle)
      dictionary.forEach((element) => {
        show(dictionary, element, member)
        visit()
      })
      return
    }
    const ref = refOf(entries, handle)
    const u8 = keyspace.heap.u8[chunkOf(ref)]!
    const base = byteOf(ref)
    if (encoding === INTSET) {
      const count = intsetCount(u8, base)
      for (let i = 0; i < count; i++) {
        member.integer(intsetAt(u8, base, i))
        visit()
      }
      return
    }
    for (let at = lpFirst(u8, base); at !== 0; at = lpNext(u8, base, at)) {
      lpRead(u8, base, at, member)
      visit()
    }
  }

  /** Shows some of the members, as `forEach`, and returns the next cursor; a set that is not large is shown as a whole. */
  scan(handle: number, cursor: number, visit: () => void): number {
    if (this.entries.encoding(handle) !== HASHTABLE) {
      this.forEach(handle, visit)
      return 0
    }
    const dictionary = this.dictionary(handle)
    return dictionary.scan(cursor, (element) => {
      show(dictionary, element, this.member)
      visit()
    })
  }

  /** Shows a member at random, of a set that has some. */
  random(handle: number): void {
    if (this.entries.encoding(handle) !== HASHTABLE) {
      this.at(handle, below(this.size(handle), this.keyspace.random32))
      return
    }
    const dictionary = this.dictionary(handle)
    this.shown = dictionary.random(this.keyspace.random32)
    show(dictionary, this.shown, this.member)
  }

  /** Removes the member that `random` has just shown. What it showed is no longer valid. */
  removeShown(handle: number): void {
    if (this.entries.encoding(handle) === HASHTABLE) {
      this.dictionary(handle).dropRandom(this.shown)
      return
    }
    const copy = this.member.copy()
    this.remove(handle, copy, 0, copy.length)
  }

  /** Shows `count` different members at random, of a set that has at least so many. */
  sample(handle: number, count: number, visit: () => void): void {
    const { random32 } = this.keyspace
    if (this.entries.encoding(handle) === HASHTABLE) {
      const dictionary = this.dictionary(handle)
      sampleDictionary(dictionary, count, random32, (element) => {
        show(dictionary, element, this.member)
        visit()
      })
      return
    }
    const chosen = new Chooser(count, this.size(handle), random32)
    this.forEach(handle, () => {
      if (chosen.next()) visit()
    })
  }

  /** Shows the member of an index, of a set that is not large. */
  at(handle: number, index: number): void {
    const ref = refOf(this.entries, handle)
    const u8 = this.keyspace.heap.u8[chunkOf(ref)]!
    const base = byteOf(ref)
    if (this.entries.encoding(handle) === INTSET) this.member.integer(intsetAt(u8, base, index))
    else lpRead(u8, base, lpSeek(u8, base, index), this.member)
  }

  /** Enlarges the set where it could not hold `expected` members in its form, as SADD does with many at once. */
  makeRoom(handle: number, expected: number): void {
    const encoding = this.entries.encoding(handle)
    if (encoding === HASHTABLE) return
    this.knowLimits()
    if (expected > (encoding === INTSET ? this.intsetMax : this.listpackMax)) this.enlarge(handle, expected)
  }

  /** Gives a set its large form. */
  enlarge(handle: number, expected = 0): void {
    const { keyspace, entries, own } = this
    const dictionary = new Dictionary(
      entries,
      keyspace.large,
      false,
      Math.max(expected, this.size(handle) + 1),
    )
    this.walk(handle, own, () => dictionary.add(own.buf, own.start, own.end))
    keyspace.heap.free(refOf(entries, handle))
    entries.setEncoding(handle, HASHTABLE)
    setRef(entries, handle, keyspace.large.add(dictionary))
  }

  private toListpack(handle: number): void {
    const { keyspace, entries } = this
    const { listpacks, intsets } = keyspace
    const ref = refOf(entries, handle)
    const count = intsets.count(ref)
    let made = listpacks.create(count * 3)
    for (let i = 0; i < count; i++) made = listpacks.appendInteger(made, intsets.at(ref, i))
    keyspace.heap.free(ref)
    entries.setEncoding(handle, LISTPACK)
    setRef(entries, handle, made)
  }

  /** Frees what the entry owns. */
  release(handle: number): void {
    const ref = refOf(this.entries, handle)
    if (ref === 0) return
    if (this.entries.encoding(handle) === HASHTABLE) this.keyspace.large.release(ref)
    else this.keyspace.heap.free(ref)
  }

  /** `made` has the value bytes of `from`; afterwards it owns a copy. */
  copyOwned(from: number, made: number): void {
    const { keyspace, entries } = this
    const encoding = entries.encoding(from)
    const ref = refOf(entries, from)
    if (encoding === INTSET) setRef(entries, made, keyspace.intsets.copy(ref))
    else if (encoding === LISTPACK) setRef(entries, made, keyspace.listpacks.copy(ref))
    else {
      const dictionary = new Dictionary(entries, keyspace.large, false)
      dictionary.copyFrom(this.dictionary(from))
      setRef(entries, made, keyspace.large.add(dictionary))
    }
  }
}

function show(dictionary: Dictionary, element: number, member: Piece): void {
  const start = dictionary.fieldStart(element)
  member.range(dictionary.bytesOf(element), start, start + dictionary.fieldLength(element))
}
