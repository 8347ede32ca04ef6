/** SORT … STORE of a small collection: what is in order already (sort-few.ts) is written down as a listpack, which the new list takes over. */

import {
  Encoded,
  LP_END,
  LP_HEADER_BYTES,
  LP_SHORT_BYTES_MAX,
  lpElementBytesMax,
  lpMayBeInteger,
  lpWriteShort,
} from '../../keyspace/collections/listpack.js'
import type { Call } from '../call.js'
import { FEW, type FewSpace, TEXT_BYTES_MAX } from './sort-few.js'

/** Room that is used again and again; it belongs to a `Call`. */
export class FewPack {
  private readonly bytes = new Uint8Array(LP_HEADER_BYTES + TEXT_BYTES_MAX + FEW * lpElementBytesMax(0) + 1)
  private readonly encoded = new Encoded()
  private end = LP_HEADER_BYTES

  /** A bare entry with positions [from, to] of the `count` integers in `scores`; 0 where a list of these would not be small. */
  integers(
    call: Call,
    { scores }: FewSpace,
    count: number,
    descending: boolean,
    from: number,
    to: number,
  ): number {
    const { encoded } = this
    this.end = LP_HEADER_BYTES
    for (let i = from; i <= to; i++) {
      encoded.integer(scores[descending ? count - 1 - i : i]!)
      this.add()
    }
    return this.list(call, to - from + 1)
  }

  /** The same of texts. */
  texts(call: Call, { texts, starts, order }: FewSpace, from: number, to: number): number {
    this.end = LP_HEADER_BYTES
    for (let i = from; i <= to; i++) {
      const start = starts[order[i]!]!
      const end = starts[order[i]! + 1]!
      if (end - start <= LP_SHORT_BYTES_MAX && !lpMayBeInteger(texts, start, end)) {
        lpWriteShort(this.bytes, this.end, texts, start, end - start)
        this.end += end - start + 2
      } else {
        this.encoded.string(texts, start, end)
        this.add()
      }
    }
    return this.list(call, to - from + 1)
  }

  private add(): void {
    this.encoded.write(this.bytes, this.end)
    this.end += this.encoded.bytes
  }

  private list(call: Call, count: number): number {
    const { bytes } = this
    bytes[this.end++] = LP_END
    for (let i = 0; i < 4; i++) bytes[i] = this.end >>> (i << 3)
    bytes[4] = count
    bytes[5] = 0
    return call.keyspace.lists.adopt(bytes, this.end, count)
  }
}
