/**
 * Collections that are no longer small: each is one JavaScript object that knows its structure, never one an element. An
 * entry names its object by a small number, its place in this registry, since an entry holds nothing but bytes.
 */

import type { Grave, Graveyard } from '../graveyard.js'

/** Somebody goes through the value's elements as they were at one moment, and hears of every change before it happens. */
export interface Walker {
  /** The value is nobody's any more, but stays until the walk is over: the walk then calls this. */
  orphaned: (() => void) | null
}

export interface LargeValue {
  /** Gives back all blocks of the heap. The object is nobody's afterwards. */
  free(): void
  /** As `free`, in pieces of about so many blocks: true while there is more. For values that may be huge. */
  freeSome?(blocks: number): boolean
  /** How many blocks there are to free, about. */
  readonly blocks?: number
  /** Who walks it, if anybody does. */
  readonly walker?: Walker | null
  /** Bytes that it holds outside of the heap: its typed arrays, about. May change with every write. */
  readonly bytes: number
  /** How many elements there are, where they can be looked up. */
  readonly size?: number
  /** As Table.foresee, for its elements. */
  foresee?(hashes: Int32Array, count: number, handles: Uint32Array): number
  /** Bytes of its blocks in the heap, estimated from so many elements, or with 0 counted. */
  heapBytes?(samples: number): number
}

/** A value of no more blocks than this is freed at once, as in Redis. */
const BLOCKS_AT_ONCE = 64

export class LargeValues {
  private readonly values: (LargeValue | undefined)[] = [undefined]
  private readonly freeIds: number[] = []
  private readonly graveyard: Graveyard
  /** How many there are. */
  size = 0
  /** Bytes outside of the heap, of all of them: whoever grows or shrinks adds the difference here. */
  bytes = 0

  constructor(graveyard: Graveyard) {
    this.graveyard = graveyard
  }

  /** The number of a new one, never 0. */
  add(value: LargeValue): number {
    const id = this.freeIds.pop() ?? this.values.length
    this.values[id] = value
    this.size++
    return id
  }

  get(id: number): LargeValue {
    return this.values[id]!
  }

  /** The value of a number that may be nobody's. */
  find(id: number): LargeValue | undefined {
    return this.values[id]
  }

  /** Forgets one and frees what it owns: at once, or if that is much, bit by bit. */
  release(id: number): void {
    const value = this.values[id]!
    this.values[id] = undefined
    this.freeIds.push(id)
    this.size--
    const { walker } = value
    if (walker === undefined || walker === null) this.drop(value)
    else walker.orphaned = () => this.drop(value)
  }

  /** Forgets all, freeing nothing: the heap is cleared as a whole. */
  clear(): void {
    this.values.length = 1
    this.freeIds.length = 0
    this.size = 0
    this.bytes = 0
  }

  /** Frees a value that has no number (any more). */
  drop(value: LargeValue): void {
    const forget = () => {
      this.bytes -= value.bytes
    }
    const { graveyard } = this
    if (graveyard.wake !== null && isGrave(value) && (value.blocks ?? 0) > BLOCKS_AT_ONCE) {
      graveyard.bury(value, 1, forget)
      return
    }
    value.free()
    forget()
  }
}

function isGrave(value: LargeValue): value is LargeValue & Grave {
  return value.freeSome !== undefined
}
