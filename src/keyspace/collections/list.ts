/**
 * Lists: one listpack (LISTPACK), or listpacks in a chain (QUICKLIST) where it would be more than list-max-listpack-size
 * allows. A list that shrinks to one node of half of that becomes small again, as in Redis 7.2. (Redis 7.0 calls every
 * list a quicklist.)
 *
 * Everything takes the entry that holds the list, of a database or bare (value.ts). What is read comes in `element`, valid
 * until the next call. Who changes an entry of a database has called `willChange` before. Elements that are written must
 * not lie in the list itself.
 */

import { byteOf, chunkOf } from '../../bytes/heap.js'
import { type Entries, LIST, LISTPACK, QUICKLIST } from '../entries.js'
import type { Keyspace } from '../keyspace.js'
import { ELEMENT_OVERHEAD_BYTES } from './list-end.js'
import { exceedsListLimit, listBytesMax, listCountMax, nodeBytesMax } from './list-limits.js'
import { ListSearch } from './list-search.js'
import {
  Encoded,
  LP_HEADER_BYTES,
  lpEnd,
  lpFirst,
  lpLast,
  lpNext,
  lpPrevious,
  lpRead,
  lpSeek,
} from './listpack.js'
import { Piece, sameBytes } from './piece.js'
import { Quicklist } from './quicklist.js'
import { bareEntry, refOf, setRef } from './value.js'

/** A listpack that is smaller is as large as it must be: there may be very many of them. */
const SPARE_FROM_BYTES = 256

export class Lists {
  /** What `at` and `walk` show. */
  readonly element = new Piece()
  /** For walks that structures make themselves, while `element` is somebody's argument. */
  readonly ownElement = new Piece()
  /** For elements that are being written. */
  readonly encoded = new Encoded()
  private readonly search = new ListSearch()
  /** How many elements `removeFrom` took out. */
  removed = 0
  private readonly keyspace: Keyspace
  private readonly entries: Entries

  constructor(keyspace: Keyspace) {
    this.keyspace = keyspace
    this.entries = keyspace.entries
  }

  /** A bare entry with a list without elements. */
  create(): number {
    return bareEntry(this.entries, LIST, LISTPACK, this.keyspace.listpacks.create())
  }

  /** A bare entry with a large list without elements: to be filled, then `settle`d. */
  createLarge(): number {
    const quicklist = new Quicklist(this.keyspace)
    return bareEntry(this.entries, LIST, QUICKLIST, this.keyspace.large.add(quicklist))
  }

  /**
   * A bare entry with the small list that `u8[0, end)` is, a listpack of `count` elements; 0 where it would not surely be a small one if it
   * were filled element by element.
   */
  adopt(u8: Uint8Array, end: number, count: number): number {
    const bytes = end + ELEMENT_OVERHEAD_BYTES
    if (exceedsListLimit(this.fill, bytes, count) || bytes >= this.keyspace.plainBytesMin) return 0
    return bareEntry(this.entries, LIST, LISTPACK, this.keyspace.listpacks.adopt(u8, 0, end))
  }

  isSmall(handle: number): boolean {
    return this.entries.encoding(handle) === LISTPACK
  }

  quicklist(handle: number): Quicklist {
    return this.keyspace.large.get(refOf(this.entries, handle)) as Quicklist
  }

  size(handle: number): number {
    if (!this.isSmall(handle)) return this.quicklist(handle).size
    return this.keyspace.listpacks.count(refOf(this.entries, handle))
  }

  /** Enlarges the list where `count` more elements of `bytes` bytes in all would be too many for a small one. */
  makeRoom(handle: number, bytes: number, count: number): void {
    if (!this.isSmall(handle)) return
    const { listpacks } = this.keyspace
    const ref = refOf(this.entries, handle)
    const size = listpacks.count(ref)
    if (!exceedsListLimit(this.fill, listpacks.bytes(ref) + bytes, size + count)) return
    const quicklist = new Quicklist(this.keyspace)
    if (size > 0) quicklist.appendListpack(ref, size)
    else this.keyspace.heap.free(ref)
    this.entries.setEncoding(handle, QUICKLIST)
    setRef(this.entries, handle, this.keyspace.large.add(quicklist))
  }

  /**
   * Makes a large list small where one node holds all of it and is within the limit; after elements were removed
   * (`shrinking`) within half of the limit, so that a list does not go to and fro.
   */
  settle(handle: number, shrinking: boolean): void {
    if (this.isSmall(handle)) return
    const quicklist = this.quicklist(handle)
    if (quicklist.nodes !== 1 || quicklist.isPlain(quicklist.head)) return
    const part = shrinking ? 2 : 1
    const { fill } = this
    if (quicklist.contentBytes(quicklist.head) > listBytesMax(fill) / part) return
    if (quicklist.size > Math.floor(listCountMax(fill) / part)) return
    const block = quicklist.takeOnly()
    this.keyspace.large.release(refOf(this.entries, handle))
    this.entries.setEncoding(handle, LISTPACK)
    setRef(this.entries, handle, block)
  }

  private get fill(): number {
    return this.keyspace.limit('list-max-listpack-size')
  }

  /** Adds an element at one end. `makeRoom` was called before. */
  push(handle: number, head: boolean, buf: Uint8Array, start: number, end: number): void {
    if (!this.isSmall(handle)) {
      const quicklist = this.quicklist(handle)
      if (head) quicklist.pushHead(buf, start, end)
      else quicklist.pushTail(buf, start, end)
      return
    }
    this.pushSmall(handle, refOf(this.entries, handle), head, buf, start, end)
  }

  private pushSmall(
    handle: number,
    old: number,
    head: boolean,
    buf: Uint8Array,
    start: number,
    end: number,
  ): void {
    const { listpacks } = this.keyspace
    const ref = this.widened(old, end - start)
    const made = head ? listpacks.prepend(ref, buf, start, end) : listpacks.append(ref, buf, start, end)
    if (made !== old) setRef(this.entries, handle, made)
  }

  /** Adds an element at one end of a small list, which may become a large one. Returns how many there are. */
  pushOne(handle: number, head: boolean, buf: Uint8Array, start: number, end: number): number {
    const { listpacks } = this.keyspace
    const ref = refOf(this.entries, handle)
    const count = listpacks.count(ref) + 1
    if (!exceedsListLimit(this.fill, listpacks.bytes(ref) + end - start, count)) {
      this.pushSmall(handle, ref, head, buf, start, end)
      return count
    }
    this.makeRoom(handle, end - start, 1)
    this.push(handle, head, buf, start, end)
    return count
  }

  /**
   * The listpack, in a larger block where there is no room for an element of `length` bytes: one with some more to grow into. If each
   * push made the block as large as it must be, one list would leave pages of all sizes behind.
   */
  private widened(ref: number, length: number): number {
    const { heap, listpacks } = this.keyspace
    const total = listpacks.bytes(ref)
    const needed = total + length + ELEMENT_OVERHEAD_BYTES
    if (needed <= heap.sizeOf(ref) || total < SPARE_FROM_BYTES) return ref
    const block = heap.alloc(Math.max(needed, Math.min(total + (total >>> 2), nodeBytesMax(this.fill))))
    const from = byteOf(ref)
    heap.u8[chunkOf(block)]!.set(heap.u8[chunkOf(ref)]!.subarray(from, from + total), byteOf(block))
    heap.free(ref)
    return block
  }

  /** Puts an element in front of the one of an index from 0 to the size. `makeRoom` was called before. */
  insert(handle: number, index: number, buf: Uint8Array, start: number, end: number): void {
    if (!this.isSmall(handle)) {
      this.quicklist(handle).insert(index, buf, start, end)
      return
    }
    const ref = refOf(this.entries, handle)
    const u8 = this.keyspace.heap.u8[chunkOf(ref)]!
    const base = byteOf(ref)
    const at = lpSeek(u8, base, index) || lpEnd(u8, base)
    setRef(this.entries, handle, this.keyspace.listpacks.insert(ref, at, buf, start, end))
  }

  /** Puts an element in the place of the one of an index, which is there. `makeRoom` was called before. */
  set(handle: number, index: number, buf: Uint8Array, start: number, end: number): void {
    if (!this.isSmall(handle)) {
      this.quicklist(handle).set(index, buf, start, end)
      return
    }
    const ref = refOf(this.entries, handle)
    const at = lpSeek(this.keyspace.heap.u8[chunkOf(ref)]!, byteOf(ref), index)
    setRef(this.entries, handle, this.keyspace.listpacks.replace(ref, at, buf, start, end))
  }

  /** Takes out `count` elements from an index on, which are there. The list is not made small: see `settle`. */
  delete(handle: number, index: number, count: number): void {
    if (count <= 0) return
    if (!this.isSmall(handle)) {
      this.quicklist(handle).delete(index, count)
      return
    }
    const ref = refOf(this.entries, handle)
    const at = lpSeek(this.keyspace.heap.u8[chunkOf(ref)]!, byteOf(ref), index)
    setRef(this.entries, handle, this.keyspace.listpacks.delete(ref, at, count))
  }

  /** Shows the element at an end of a list that has some. */
  showEnd(handle: number, head: boolean): void {
    if (!this.isSmall(handle)) {
      this.quicklist(handle).showEnd(head, this.element)
      return
    }
    const ref = refOf(this.entries, handle)
    const u8 = this.keyspace.heap.u8[chunkOf(ref)]!
    const base = byteOf(ref)
    lpRead(u8, base, head ? lpFirst(u8, base) : lpLast(u8, base), this.element)
  }

  /** Takes out the element at an end of a list that has some. Returns how many are left. */
  dropEnd(handle: number, head: boolean): number {
    if (!this.isSmall(handle)) {
      const quicklist = this.quicklist(handle)
      quicklist.dropEnd(head)
      return quicklist.size
    }
    const { heap, listpacks } = this.keyspace
    const ref = refOf(this.entries, handle)
    const u8 = heap.u8[chunkOf(ref)]!
    const at = head ? lpFirst(u8, byteOf(ref)) : lpLast(u8, byteOf(ref))
    const made = listpacks.delete(ref, at, 1)
    if (made !== ref) setRef(this.entries, handle, made)
    return listpacks.count(made)
  }

  /** Shows the element of an index from 0 on; false where there is none. */
  at(handle: number, index: number): boolean {
    let there = false
    this.walk(handle, index, false, () => {
      there = true
      return false
    })
    return there
  }

  /** Shows the elements from an index on, forwards or backwards, until `visit` says false. It must not change the list. */
  walk(handle: number, index: number, backwards: boolean, visit: () => boolean): void {
    if (!this.isSmall(handle)) {
      this.quicklist(handle).walk(index, backwards, this.element, visit)
      return
    }
    if (index < 0) return
    const ref = refOf(this.entries, handle)
    const u8 = this.keyspace.heap.u8[chunkOf(ref)]!
    const base = byteOf(ref)
    let at = lpSeek(u8, base, index)
    while (at !== 0) {
      lpRead(u8, base, at, this.element)
      if (!visit()) return
      at = backwards ? lpPrevious(u8, base, at) : lpNext(u8, base, at)
    }
  }

  /**
   * Shows the indexes of the elements that equal `buf[start, end)`, of the first `most`, until `visit` says false. It must not change the
   * list.
   */
  forEachEqual(
    handle: number,
    most: number,
    buf: Uint8Array,
    start: number,
    end: number,
    visit: (index: number) => boolean,
  ): void {
    const { search } = this
    search.begin(buf, start, end)
    if (!this.isSmall(handle)) {
      search.showInLarge(this.quicklist(handle), most, visit)
      return
    }
    const ref = refOf(this.entries, handle)
    const u8 = this.keyspace.heap.u8[chunkOf(ref)]!
    search.showIn(u8, byteOf(ref) + LP_HEADER_BYTES, 0, most, visit)
  }

  /** Shows all elements. */
  forEach(handle: number, visit: () => void): void {
    this.walk(handle, 0, false, () => {
      visit()
      return true
    })
  }

  /** Takes out up to `most` elements that equal `buf[start, end)`, from one end on; how many there were. */
  remove(
    handle: number,
    most: number,
    backwards: boolean,
    buf: Uint8Array,
    start: number,
    end: number,
  ): number {
    if (!this.isSmall(handle)) return this.quicklist(handle).remove(most, backwards, buf, start, end)
    const ref = refOf(this.entries, handle)
    setRef(this.entries, handle, this.removeFrom(ref, most, backwards, buf, start, end))
    return this.removed
  }

  /** As `remove`, in a listpack: returns its block, and the number in `removed`. */
  removeFrom(
    ref: number,
    most: number,
    backwards: boolean,
    buf: Uint8Array,
    start: number,
    end: number,
  ): number {
    const { heap, listpacks } = this.keyspace
    const { ownElement } = this
    let block = ref
    let u8 = heap.u8[chunkOf(block)]!
    let base = byteOf(block)
    let at = backwards ? lpLast(u8, base) : lpFirst(u8, base)
    this.removed = 0
    while (at !== 0 && this.removed < most) {
      lpRead(u8, base, at, ownElement)
      const equal = sameBytes(ownElement, buf, start, end)
      if (equal) {
        block = listpacks.delete(block, at)
        u8 = heap.u8[chunkOf(block)]!
        base = byteOf(block)
        this.removed++
      }
      if (backwards) at = lpPrevious(u8, base, at)
      else if (!equal) at = lpNext(u8, base, at)
      else if (at === lpEnd(u8, base)) at = 0
    }
    return block
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
    if (this.isSmall(from)) {
      setRef(entries, made, keyspace.listpacks.copy(refOf(entries, from)))
      return
    }
    const quicklist = new Quicklist(keyspace)
    quicklist.copyFrom(this.quicklist(from))
    setRef(entries, made, keyspace.large.add(quicklist))
  }
}
