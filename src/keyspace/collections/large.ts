/**
 * Collections that are no longer small: each is one JavaScript object that knows its structure, never one an element. An
 * entry names its object by a small number, its place in this registry, since an entry holds nothing but bytes.
 */

export interface LargeValue {
  /** Gives back all blocks of the heap. The object is nobody's afterwards. */
  free(): void
  /** Bytes that it holds outside of the heap: its typed arrays, about. May change with every write. */
  readonly bytes: number
  /** Bytes of its blocks in the heap, estimated from so many elements, or with 0 counted. */
  heapBytes?(samples: number): number
}

export class LargeValues {
  private readonly values: (LargeValue | undefined)[] = [undefined]
  private readonly freeIds: number[] = []
  /** How many there are. */
  size = 0
  /** Bytes outside of the heap, of all of them: whoever grows or shrinks adds the difference here. */
  bytes = 0

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

  /** Forgets one and frees what it owns. */
  release(id: number): void {
    const value = this.values[id]!
    this.bytes -= value.bytes
    value.free()
    this.values[id] = undefined
    this.freeIds.push(id)
    this.size--
  }

  /** Forgets all, freeing nothing: the heap is cleared as a whole. */
  clear(): void {
    this.values.length = 1
    this.freeIds.length = 0
    this.size = 0
    this.bytes = 0
  }
}
