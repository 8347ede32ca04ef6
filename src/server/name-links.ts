/**
 * Which owners are linked with which names: subscribers with channels, transactions with watched keys. A client may make a
 * million of these, so neither a name nor a link is a JavaScript object. Both are blocks of a byte heap:
 *
 *     name    word 0  its first link        link    word 0  the name's block
 *             word 1  its last link                 word 1  the owner's number, the highest bit a mark
 *             word 2  number of links               word 2  previous link of the name, 0 for none
 *             word 3  length                        word 3  next link of the name
 *             word 4  scope                         word 4  previous link of the owner
 *             then the bytes                        word 5  next link of the owner
 *
 * Two hash tables of the keyspace's kind, which grow step by step, find a name by its bytes and a link by name and owner. So
 * every operation takes the same time however many names, owners and links there are. A name with the links of its
 * owners goes in the order in which they were made, as does an owner with its links. `scope` tells equal names apart: the number of the
 * database of a watched key.
 */

import type { ByteHeap } from '../bytes/heap.js'
import { chunkOf, wordOf } from '../bytes/heap.js'
import { halfSipHash } from '../bytes/siphash.js'
import { Table } from '../keyspace/table.js'

const FIRST = 0
const LAST = 1
const COUNT = 2
const LENGTH = 3
const SCOPE = 4
const NAME_HEADER_BYTES = 20

const NAME = 0
const OWNER = 1
const PREVIOUS_OF_NAME = 2
const NEXT_OF_NAME = 3
const PREVIOUS_OF_OWNER = 4
const NEXT_OF_OWNER = 5
const LINK_BYTES = 24
const MARKED = 0x80000000

/** Fewer links of an owner are removed at once; more of them in steps, by `reap`. */
export const AT_ONCE_MAX = 1000

/** One owner's links. */
export class LinkHolder<O> {
  /** Null once its links are only waiting to be removed. */
  owner: O | null
  /** How many links it has. */
  size = 0
  /** 0 for none. */
  first = 0
  last = 0
  number = -1

  constructor(owner: O) {
    this.owner = owner
  }
}

export class NameLinks<O> {
  /** How many links there are, those that wait to be removed left out. */
  count = 0
  private readonly heap: ByteHeap
  private readonly k0: number
  private readonly k1: number
  private readonly byName: Table
  private readonly byPair: Table
  private readonly holders: (LinkHolder<O> | undefined)[] = []
  private readonly freeNumbers: number[] = []
  /** Holders that were given up with many links. */
  private readonly dying: LinkHolder<O>[] = []
  /** Called when there is something to reap. Where it is null, links are removed at once, however many. */
  onDying: (() => void) | null = null
  /** The scope of the name that is being looked for. */
  private scope = 0
  /** Name and owner as the bytes that `byPair` compares. */
  private readonly pair = new Uint8Array(8)
  private readonly pairWords = new Uint32Array(this.pair.buffer)

  /** `k0` and `k1` are secret random integers, since clients choose the names. */
  constructor(heap: ByteHeap, k0: number, k1: number) {
    this.heap = heap
    this.k0 = k0
    this.k1 = k1
    this.byName = new Table({
      hashOf: (name) => this.nameHashOf(name),
      keyIs: (name, buf, start, end) => this.nameIs(name, buf, start, end),
      touch: (name) => this.word(name, LENGTH),
    })
    this.byPair = new Table({
      hashOf: (link) => this.pairHash(this.word(link, NAME), this.ownerNumber(link)),
      keyIs: (link) =>
        this.word(link, NAME) === this.pairWords[0] && this.ownerNumber(link) === this.pairWords[1],
      touch: (link) => this.word(link, NAME),
    })
  }

  /** How many names have links. */
  get size(): number {
    return this.byName.size
  }

  /** Bytes of the tables; names and links are the heap's. */
  get tableBytes(): number {
    return this.byName.bytes + this.byPair.bytes
  }

  /** The block of a name, or 0. Valid until its last link is removed. */
  find(buf: Uint8Array, start: number, end: number, scope = 0): number {
    this.scope = scope
    return this.byName.find(buf, start, end, this.nameHash(buf, start, end, scope))
  }

  /** The holder's link with a name, or 0. */
  findLink(holder: LinkHolder<O>, name: number): number {
    if (holder.number < 0 || name === 0) return 0
    const hash = this.pairHash(name, holder.number)
    return this.byPair.find(this.pair, 0, 8, hash)
  }

  /** Links the holder with a name; returns the link, or 0 where there is one already. */
  add(holder: LinkHolder<O>, buf: Uint8Array, start: number, end: number, scope = 0): number {
    if (holder.number < 0) this.enter(holder)
    let name = this.find(buf, start, end, scope)
    if (name === 0) name = this.makeName(buf, start, end, scope)
    else if (this.findLink(holder, name) !== 0) return 0
    const link = this.heap.alloc(LINK_BYTES)
    const words = this.heap.u32[chunkOf(link)]!
    const at = wordOf(link)
    const before = this.word(name, LAST)
    words[at + NAME] = name
    words[at + OWNER] = holder.number
    words[at + PREVIOUS_OF_NAME] = before
    words[at + NEXT_OF_NAME] = 0
    words[at + PREVIOUS_OF_OWNER] = holder.last
    words[at + NEXT_OF_OWNER] = 0
    if (before === 0) this.setWord(name, FIRST, link)
    else this.setWord(before, NEXT_OF_NAME, link)
    this.setWord(name, LAST, link)
    this.setWord(name, COUNT, this.word(name, COUNT) + 1)
    if (holder.last === 0) holder.first = link
    else this.setWord(holder.last, NEXT_OF_OWNER, link)
    holder.last = link
    holder.size++
    this.count++
    this.byPair.insert(link, this.pairHash(name, holder.number))
    return link
  }

  /** Ends the holder's link with a name; false where there is none. */
  remove(holder: LinkHolder<O>, buf: Uint8Array, start: number, end: number, scope = 0): boolean {
    const link = this.findLink(holder, this.find(buf, start, end, scope))
    if (link === 0) return false
    this.removeLink(link)
    return true
  }

  removeLink(link: number): void {
    const holder = this.holders[this.ownerNumber(link)]!
    const name = this.word(link, NAME)
    if (this.byPair.findHandle(link, this.pairHash(name, holder.number))) this.byPair.removeFound()
    const previous = this.word(link, PREVIOUS_OF_OWNER)
    const next = this.word(link, NEXT_OF_OWNER)
    if (previous === 0) holder.first = next
    else this.setWord(previous, NEXT_OF_OWNER, next)
    if (next === 0) holder.last = previous
    else this.setWord(next, PREVIOUS_OF_OWNER, previous)
    holder.size--
    if (holder.owner !== null) this.count--
    this.leaveName(link, name)
    this.heap.free(link)
    if (holder.size === 0) this.leave(holder)
  }

  /**
   * Ends all links of a holder, which is done with: it must not be added to again. A holder with more than AT_ONCE_MAX of them means
   * nothing from now on, and `reap` removes its links.
   */
  drop(holder: LinkHolder<O>): void {
    if (holder.size > AT_ONCE_MAX && this.onDying !== null) {
      holder.owner = null
      this.count -= holder.size
      this.dying.push(holder)
      this.onDying()
      return
    }
    while (holder.first !== 0) this.removeLink(holder.first)
  }

  /** Removes up to `links` links of holders that were dropped; true while there are more. */
  reap(links: number): boolean {
    for (let left = links; left > 0 && this.dying.length > 0; ) {
      const holder = this.dying[this.dying.length - 1]!
      for (; holder.first !== 0 && left > 0; left--) this.removeLink(holder.first)
      if (holder.first === 0) this.dying.pop()
    }
    return this.dying.length > 0
  }

  // Walks. A link or a name must not be removed before its successor has been asked for.

  firstOfName(name: number): number {
    return this.word(name, FIRST)
  }

  nextOfName(link: number): number {
    return this.word(link, NEXT_OF_NAME)
  }

  nextOfOwner(link: number): number {
    return this.word(link, NEXT_OF_OWNER)
  }

  /** The owner of a link; null where the link only waits to be removed. */
  ownerOf(link: number): O | null {
    return this.holders[this.ownerNumber(link)]!.owner
  }

  nameOf(link: number): number {
    return this.word(link, NAME)
  }

  scopeOf(name: number): number {
    return this.word(name, SCOPE)
  }

  /** How many owners are linked with a name. */
  countOf(name: number): number {
    if (this.dying.length === 0) return this.word(name, COUNT)
    let count = 0
    for (let link = this.firstOfName(name); link !== 0; link = this.nextOfName(link)) {
      if (this.ownerOf(link) !== null) count++
    }
    return count
  }

  /** The bytes of a name: valid until the next change. */
  bytesOf(name: number): Uint8Array {
    const start = (wordOf(name) << 2) + NAME_HEADER_BYTES
    return this.heap.u8[chunkOf(name)]!.subarray(start, start + this.word(name, LENGTH))
  }

  /** Visits the names, in no order. `visit` may remove the name it is given, and no other. */
  forEach(visit: (name: number) => void): void {
    let cursor = 0
    do cursor = this.byName.scan(cursor, visit)
    while (cursor !== 0)
  }

  isMarked(link: number): boolean {
    return this.word(link, OWNER) >= MARKED
  }

  setMarked(link: number, marked: boolean): void {
    const number = this.ownerNumber(link)
    this.setWord(link, OWNER, marked ? (number | MARKED) >>> 0 : number)
  }

  private ownerNumber(link: number): number {
    return this.word(link, OWNER) & ~MARKED
  }

  private enter(holder: LinkHolder<O>): void {
    holder.number = this.freeNumbers.pop() ?? this.holders.length
    this.holders[holder.number] = holder
  }

  private leave(holder: LinkHolder<O>): void {
    this.holders[holder.number] = undefined
    this.freeNumbers.push(holder.number)
    holder.number = -1
  }

  private makeName(buf: Uint8Array, start: number, end: number, scope: number): number {
    const name = this.heap.alloc(NAME_HEADER_BYTES + end - start)
    const words = this.heap.u32[chunkOf(name)]!
    const at = wordOf(name)
    words[at + FIRST] = 0
    words[at + LAST] = 0
    words[at + COUNT] = 0
    words[at + LENGTH] = end - start
    words[at + SCOPE] = scope
    this.heap.u8[chunkOf(name)]!.set(buf.subarray(start, end), (at << 2) + NAME_HEADER_BYTES)
    this.byName.insert(name, this.nameHash(buf, start, end, scope))
    return name
  }

  /** Takes a link out of its name's list; with the last one the name goes. */
  private leaveName(link: number, name: number): void {
    const previous = this.word(link, PREVIOUS_OF_NAME)
    const next = this.word(link, NEXT_OF_NAME)
    if (previous === 0) this.setWord(name, FIRST, next)
    else this.setWord(previous, NEXT_OF_NAME, next)
    if (next === 0) this.setWord(name, LAST, previous)
    else this.setWord(next, PREVIOUS_OF_NAME, previous)
    const left = this.word(name, COUNT) - 1
    this.setWord(name, COUNT, left)
    if (left > 0) return
    if (this.byName.findHandle(name, this.nameHashOf(name))) this.byName.removeFound()
    this.heap.free(name)
  }

  private nameHash(buf: Uint8Array, start: number, end: number, scope: number): number {
    return halfSipHash(buf, start, end, this.k0 ^ scope, this.k1)
  }

  private nameHashOf(name: number): number {
    const start = (wordOf(name) << 2) + NAME_HEADER_BYTES
    const end = start + this.word(name, LENGTH)
    return this.nameHash(this.heap.u8[chunkOf(name)]!, start, end, this.word(name, SCOPE))
  }

  private nameIs(name: number, buf: Uint8Array, start: number, end: number): boolean {
    if (this.word(name, LENGTH) !== end - start || this.word(name, SCOPE) !== this.scope) return false
    const bytes = this.heap.u8[chunkOf(name)]!
    const at = (wordOf(name) << 2) + NAME_HEADER_BYTES - start
    for (let i = start; i < end; i++) if (bytes[at + i] !== buf[i]) return false
    return true
  }

  /** Also lays the pair where `byPair` compares with it. */
  private pairHash(name: number, number: number): number {
    this.pairWords[0] = name
    this.pairWords[1] = number
    return halfSipHash(this.pair, 0, 8, this.k0, this.k1)
  }

  private word(handle: number, index: number): number {
    return this.heap.u32[chunkOf(handle)]![wordOf(handle) + index]!
  }

  private setWord(handle: number, index: number, value: number): void {
    this.heap.u32[chunkOf(handle)]![wordOf(handle) + index] = value
  }
}
