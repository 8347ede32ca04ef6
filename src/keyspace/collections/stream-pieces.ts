/**
 * Going through the listpacks of a stream as it is at one moment, in their order, while it changes (walks.ts says what for). Entries
 * are only ever added behind all others: the last listpack is copied at the beginning, and what comes behind it is not shown. What
 * is trimmed ahead of the walk is not freed but handed over to it, and of a listpack in which entries are marked it keeps a copy, each
 * in a tree of its own. So the worst that a change costs is the copy of one listpack.
 */

import { AssertionError } from '../../bytes/assert.js'
import { IdTree, type IdTreePaths } from './id-tree.js'
import type { Listpacks } from './listpack.js'
import { StreamId } from './stream-id.js'
import type { PieceWalk } from './walks.js'

/** What can be walked: listpacks by their master IDs. */
interface Walkable {
  readonly nodes: IdTree
  readonly paths: IdTreePaths
  walker: StreamPieces | null
}

export class StreamPieces implements PieceWalk {
  orphaned: (() => void) | null = null
  /** The master ID of the listpack that is shown. */
  readonly id = new StreamId()
  private readonly stream: Walkable
  private readonly listpacks: Listpacks
  private readonly show: (block: number) => void
  /** Listpacks that the walk has to itself. */
  private readonly kept: IdTree
  /** The lowest ID that was not shown yet, and the highest that will be. */
  private readonly from = new StreamId()
  private readonly last = new StreamId()
  private readonly other = new StreamId()

  /** Takes the moment; `show` gets every listpack's block, in order. */
  constructor(stream: Walkable, listpacks: Listpacks, show: (block: number) => void) {
    if (stream.walker !== null) throw new AssertionError('a collection is walked twice')
    this.stream = stream
    this.listpacks = listpacks
    this.show = show
    this.kept = new IdTree(listpacks.heap, stream.paths, 1)
    stream.walker = this
    const { nodes } = stream
    if (nodes.last()) this.keepCopy(nodes.id(this.last), nodes.payload(0))
  }

  /** Entries of a listpack are about to be marked. */
  keepCopy(master: StreamId, block: number): void {
    if (this.isAhead(master)) this.keep(master, this.listpacks.copy(block))
  }

  /** A listpack is about to be freed; true where the walk has taken it over instead. */
  takeOver(master: StreamId, block: number): boolean {
    if (!this.isAhead(master)) return false
    this.keep(master, block)
    return true
  }

  step(listpacks: number): boolean {
    const { nodes } = this.stream
    for (let left = listpacks; left > 0; left--) {
      const isKept = this.kept.seekAtLeast(this.from)
      if (isKept) this.kept.id(this.id)
      const isThere = nodes.seekAtLeast(this.from) && nodes.id(this.other).compare(this.last) <= 0
      if (!isKept && !isThere) return false
      const fromStream = isThere && (!isKept || this.other.compare(this.id) < 0)
      if (fromStream) this.id.set(this.other)
      const block = fromStream ? nodes.payload(0) : this.kept.payload(0)
      this.show(block)
      if (!fromStream) {
        this.listpacks.heap.free(block)
        this.kept.remove(this.id)
      }
      this.from.set(this.id)
      if (!this.from.increment()) return false
    }
    return true
  }

  end(): void {
    const { kept } = this
    for (let on = kept.first(); on; on = kept.next()) this.listpacks.heap.free(kept.payload(0))
    kept.free()
    this.stream.walker = null
    this.orphaned?.()
    this.orphaned = null
  }

  private isAhead(master: StreamId): boolean {
    return master.compare(this.from) >= 0 && master.compare(this.last) <= 0 && !this.kept.find(master)
  }

  private keep(master: StreamId, block: number): void {
    this.kept.insert(master)
    this.kept.setPayload(0, block)
  }
}
