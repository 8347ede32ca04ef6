/**
 * Keys that are looked up together, as SORT's patterns name them. Each stands in a slot of its own that begins at a word, so that it is
 * hashed and compared a word at a time; all are hashed, then the entry that each most probably names is noted, and then one after the
 * other is read: three short loops whose steps do not wait for each other, where a look-up by itself is one long chain.
 */

export class KeyBatch {
  /** Bytes from one slot to the next, a multiple of four. */
  readonly slotBytes: number
  /** The slots, and the same as little-endian words. */
  readonly bytes: Uint8Array
  readonly words: Uint32Array
  /** Bytes of each key. What stands behind it in its slot does not matter. */
  readonly lengths: Int32Array
  readonly hashes: Int32Array
  /** The entries that `Database.foreseeBatch` believes to be the keys', 0 where it knows none. */
  readonly likely: Uint32Array
  /** Where the values lie that `Database.readStrings` has found: chunks of the heap, and bytes in them. */
  readonly chunks: Int32Array
  readonly starts: Int32Array
  readonly ends: Int32Array
  /** How many keys the database had then: if it has others now, what is believed may be gone. */
  size = 0

  /** Room for `keys` keys of up to `bytes` bytes. */
  constructor(keys: number, bytes: number) {
    this.slotBytes = (bytes + 3) & ~3
    const buffer = new ArrayBuffer(keys * this.slotBytes)
    this.bytes = new Uint8Array(buffer)
    this.words = new Uint32Array(buffer)
    this.lengths = new Int32Array(keys)
    this.hashes = new Int32Array(keys)
    this.likely = new Uint32Array(keys)
    this.chunks = new Int32Array(keys)
    this.starts = new Int32Array(keys)
    this.ends = new Int32Array(keys)
  }
}
