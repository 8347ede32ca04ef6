/**
 * Hashes: a listpack of fields and values in turns (LISTPACK), or a dictionary (HASHTABLE) when there are more than
 * hash-max-listpack-entries fields or something is longer than hash-max-listpack-value. A hash does not become small again.
 *
 * Everything takes the entry that holds the hash, of a database or bare (value.ts). What is read comes as pieces that belong
 * to this object: valid until the next call. Who changes an entry of a database has called `willChange` before.
 */

import { byteOf, chunkOf } from '../../bytes/heap.js'
import { type Entries, HASH, HASHTABLE, LISTPACK } from '../entries.js'
import type { Keyspace } from '../keyspace.js'
import { below } from '../table.js'
import { Dictionary } from './dictionary.js'
import { LP_BYTES_MAX, lpFirst, lpNext, lpRead, lpSeek } from './listpack.js'
import { Piece } from './piece.js'
import { Chooser, sampleDictionary } from './sample.js'
import { bareEntry, refOf, setRef } from './value.js'

export class Hashes {
  /** What `forEach`, `random` and `at` show. */
  readonly field = new Piece()
  /** The same, and what `get` found. */
  readonly value = new Piece()
  /** For walks that this object makes itself, while `field` and `value` are somebody's arguments. */
  private readonly ownField = new Piece()
  private readonly ownValue = new Piece()
  private readonly keyspace: Keyspace
  private readonly entries: Entries

  constructor(keyspace: Keyspace) {
    this.keyspace = keyspace
    this.entries = keyspace.entries
  }

  /** A bare entry with a hash without fields. */
  create(): number {
    return bareEntry(this.entries, HASH, LISTPACK, this.keyspace.listpacks.create())
  }

  isSmall(handle: number): boolean {
    return this.entries.encoding(handle) === LISTPACK
  }

  dictionary(handle: number): Dictionary {
    return this.keyspace.large.get(refOf(this.entries, handle)) as Dictionary
  }

  size(handle: number): number {
    if (!this.isSmall(handle)) return this.dictionary(handle).size
    return this.keyspace.listpacks.count(refOf(this.entries, handle)) >>> 1
  }

  /** Whether the hash has a field; its value is then in `value`. */
  get(handle: number, buf: Uint8Array, start: number, end: number): boolean {
    const ref = refOf(this.entries, handle)
    if (this.isSmall(handle)) {
      const u8 = this.keyspace.heap.u8[chunkOf(ref)]!
      const base = byteOf(ref)
      const at = this.keyspace.listpacks.find(ref, lpFirst(u8, base), 1, buf, start, end)
      if (at === 0) return false
      lpRead(u8, base, lpNext(u8, base, at), this.value)
      return true
    }
    const dictionary = this.dictionary(handle)
    const element = dictionary.find(buf, start, end)
    if (element === 0) return false
    const from = dictionary.valueStart(element)
    this.value.range(dictionary.bytesOf(element), from, from + dictionary.valueLength(element))
    return true
  }

  /** Sets a field; true where it is new. The value must not lie in the hash itself. */
  set(
    handle: number,
    field: Uint8Array,
    start: number,
    end: number,
    value: Uint8Array,
    from: number,
    to: number,
  ): boolean {
    if (this.isSmall(handle))
      this.makeRoom(handle, 0, Math.max(end - start, to - from), end - start + to - from)
    if (!this.isSmall(handle)) return this.dictionary(handle).set(field, start, end, value, from, to)
    const { listpacks, heap } = this.keyspace
    let ref = refOf(this.entries, handle)
    const u8 = heap.u8[chunkOf(ref)]!
    const base = byteOf(ref)
    const at = listpacks.find(ref, lpFirst(u8, base), 1, field, start, end)
    if (at !== 0) {
      ref = listpacks.replace(ref, lpNext(u8, base, at), value, from, to)
      setRef(this.entries, handle, ref)
      return false
    }
    ref = listpacks.append(ref, field, start, end)
    ref = listpacks.append(ref, value, from, to)
    setRef(this.entries, handle, ref)
    if (listpacks.count(ref) > this.keyspace.limit('hash-max-listpack-entries') * 2) this.enlarge(handle)
    return true
  }

  /** Removes a field; false where it is not there. A hash without fields is left, which the caller removes. */
  delete(handle: number, buf: Uint8Array, start: number, end: number): boolean {
    if (!this.isSmall(handle)) return this.dictionary(handle).delete(buf, start, end)
    const { listpacks, heap } = this.keyspace
    const ref = refOf(this.entries, handle)
    const first = lpFirst(heap.u8[chunkOf(ref)]!, byteOf(ref))
    const at = listpacks.find(ref, first, 1, buf, start, end)
    if (at === 0) return false
    setRef(this.entries, handle, listpacks.delete(ref, at, 2))
    return true
  }

  /**
   * Enlarges the hash where what is to come would not fit its small form: some `fields` fields, the longest piece of
   * `longest` bytes, `bytes` bytes in all.
   */
  makeRoom(handle: number, fields: number, longest: number, bytes: number): void {
    if (!this.isSmall(handle)) return
    const { keyspace } = this
    if (
      fields > keyspace.limit('hash-max-listpack-entries') ||
      longest > keyspace.limit('hash-max-listpack-value') ||
      keyspace.listpacks.bytes(refOf(this.entries, handle)) + bytes > LP_BYTES_MAX
    ) {
      this.enlarge(handle, fields)
    }
  }

  /** Shows every field and value in `field` and `value`. `visit` must not change the hash. */
  forEach(handle: number, visit: () => void): void {
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
    const ref = refOf(this.entries, handle)
    const u8 = this.keyspace.heap.u8[chunkOf(ref)]!
    const base = byteOf(ref)
    for (let at = lpFirst(u8, base); at !== 0; ) {
      lpRead(u8, base, at, field)
      at = lpNext(u8, base, at)
      lpRead(u8, base, at, value)
      at = lpNext(u8, base, at)
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
    const ref = refOf(this.entries, handle)
    const u8 = this.keyspace.heap.u8[chunkOf(ref)]!
    const base = byteOf(ref)
    const at = lpSeek(u8, base, index * 2)
    lpRead(u8, base, at, this.field)
    lpRead(u8, base, lpNext(u8, base, at), this.value)
  }

  /** Gives a small hash its large form. */
  enlarge(handle: number, expected = 0): void {
    const { keyspace, entries } = this
    const dictionary = new Dictionary(entries, keyspace.large, true, Math.max(expected, this.size(handle)))
    const { ownField: field, ownValue: value } = this
    this.walk(handle, field, value, () => {
      dictionary.set(field.buf, field.start, field.end, value.buf, value.start, value.end)
    })
    keyspace.heap.free(refOf(entries, handle))
    entries.setEncoding(handle, HASHTABLE)
    setRef(entries, handle, keyspace.large.add(dictionary))
  }

  /** Frees what the entry owns. */
  release(handle: number): void {
    const ref = refOf(this.entries, handle)
    if (ref === 0) return
    if (this.isSmall(handle)) this.keyspace.heap.free(ref)
    else this.keyspace.large.release(ref)
  }

  /** `made` has the value bytes of `from`; afterwards it owns a copy. */
  copyOwned(from: number, made: number): void {
    const { keyspace, entries } = this
    const ref = refOf(entries, from)
    if (this.isSmall(from)) {
      setRef(entries, made, keyspace.listpacks.copy(ref))
      return
    }
    const dictionary = new Dictionary(entries, keyspace.large, true)
    dictionary.copyFrom(this.dictionary(from))
    setRef(entries, made, keyspace.large.add(dictionary))
  }

  private show(dictionary: Dictionary, element: number): void {
    const u8 = dictionary.bytesOf(element)
    const start = dictionary.fieldStart(element)
    const end = start + dictionary.fieldLength(element)
    this.field.range(u8, start, end)
    this.value.range(u8, end, end + dictionary.valueLength(element))
  }
}
