/**
 * Going through a large collection as it is at one moment, in pieces, while it changes: what a snapshot needs that must not
 * stand still for a million elements. Whoever changes the collection tells its walker before he does.
 *
 * The table's scan goes through the hashes in the order of their reversed bits, whatever size the table has
 * (table.ts). So one number says what was shown: all elements whose hash reverses to less. Of those ahead, a set of handles
 * keeps which must not be shown any more: new ones, and such as were shown before they changed.
 */

import { AssertionError } from '../../bytes/assert.js'
import { reverse } from '../table.js'
import { HandleSet } from './handle-set.js'
import type { Walker } from './large.js'

const ALL = 2 ** 32

/** What can be walked: a dictionary, a ranking. */
export interface Walkable {
  scan(cursor: number, visit: (element: number) => void): number
  hashOf(element: number): number
  walker: ElementWalk | null
}

/** A walk in pieces. */
export interface PieceWalk extends Walker {
  /** Shows about so many blocks; true while there is more. */
  step(blocks: number): boolean
  /** It is over, or given up: the collection is left alone. To be called once. */
  end(): void
}

export class ElementWalk implements PieceWalk {
  orphaned: (() => void) | null = null
  private readonly table: Walkable
  private readonly show: (element: number) => void
  private readonly kept = new HandleSet()
  private cursor = 0
  /** Elements whose hash reverses to less than this were shown. */
  private passed = 0

  /** Takes the moment; `show` gets every element that there is, once. Nobody else may walk the table. */
  constructor(table: Walkable, show: (element: number) => void) {
    if (table.walker !== null) throw new AssertionError('a collection is walked twice')
    this.table = table
    this.show = show
    table.walker = this
  }

  step(elements: number): boolean {
    let left = elements
    const visit = (element: number): void => {
      left--
      if (this.kept.delete(element) || reverse(this.table.hashOf(element)) < this.passed) return
      this.show(element)
    }
    while (this.passed < ALL && left > 0) {
      this.cursor = this.table.scan(this.cursor, visit)
      this.passed = this.cursor === 0 ? ALL : reverse(this.cursor)
      // A sparse table has many buckets without elements.
      left--
    }
    return this.passed < ALL
  }

  /** The element is about to change, or to be taken out; it stays where it is in the order. */
  willChange(element: number, hash: number): void {
    if (reverse(hash) < this.passed || this.kept.has(element)) return
    this.show(element)
    this.kept.add(element)
  }

  /** The element has another handle; `willChange` was called before. */
  replaced(element: number, by: number): void {
    if (this.kept.delete(element)) this.kept.add(by)
  }

  /** The element, of which `willChange` was told, is no more. */
  removed(element: number): void {
    this.kept.delete(element)
  }

  /** A new element, which was not there at the moment of the walk. */
  added(element: number, hash: number): void {
    if (reverse(hash) >= this.passed) this.kept.add(element)
  }

  end(): void {
    this.passed = ALL
    this.table.walker = null
    this.orphaned?.()
    this.orphaned = null
  }
}

/** What of a list a walk needs; node handles name blocks of the heap, whichever list they belong to. */
export interface WalkableList<List> {
  readonly head: number
  walker: ListWalker | null
  behind(node: number): number
  /** A list of the same elements from a node on. */
  copyOf(node: number): List
}

export interface ListWalker extends Walker {
  /** The list is about to change. */
  willChange(): void
}

/**
 * The nodes of a list have an order, so that what is ahead cannot be told from what is behind by looking at a node. Who changes a
 * list under way makes a copy of the nodes ahead: blocks, not elements, a few milliseconds for each ten megabytes.
 */
export class ListWalk<List extends WalkableList<List>> implements PieceWalk, ListWalker {
  orphaned: (() => void) | null = null
  private readonly show: (node: number) => void
  private readonly drop: (copy: List) => void
  private list: List
  private copied = false
  private node: number

  /** Takes the moment; `show` gets every node, in order. `drop` frees a copy that was made for the walk. */
  constructor(list: List, show: (node: number) => void, drop: (copy: List) => void) {
    if (list.walker !== null) throw new AssertionError('a collection is walked twice')
    this.list = list
    this.show = show
    this.drop = drop
    this.node = list.head
    list.walker = this
  }

  step(nodes: number): boolean {
    for (let left = nodes; left > 0 && this.node !== 0; left--) {
      this.show(this.node)
      this.node = this.list.behind(this.node)
    }
    return this.node !== 0
  }

  willChange(): void {
    if (this.copied) return
    const { list } = this
    list.walker = null
    if (this.node === 0) return
    this.list = list.copyOf(this.node)
    this.copied = true
    this.node = this.list.head
  }

  end(): void {
    this.node = 0
    if (this.copied) this.drop(this.list)
    else this.list.walker = null
    this.orphaned?.()
    this.orphaned = null
  }
}
