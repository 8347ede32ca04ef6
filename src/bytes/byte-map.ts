/**
 * A map whose keys are byte strings, for the few hundred or thousand things that clients name and that are not data:
 * watched keys, channels, keys that somebody waits for. Keys are copied in, and found by content.
 */

import { sameBytes } from './ascii.js'
import { halfSipHash } from './siphash.js'

interface Item<V> {
  readonly key: Uint8Array
  value: V
}

export class ByteMap<V> {
  private readonly buckets = new Map<number, Item<V>[]>()
  private readonly k0: number
  private readonly k1: number
  size = 0

  /** `k0` and `k1` are secret random integers, since the keys are chosen by clients. */
  constructor(k0: number, k1: number) {
    this.k0 = k0
    this.k1 = k1
  }

  get(buf: Uint8Array, start = 0, end = buf.length): V | undefined {
    return this.item(buf, start, end)?.value
  }

  has(buf: Uint8Array, start = 0, end = buf.length): boolean {
    return this.item(buf, start, end) !== undefined
  }

  set(key: Uint8Array, value: V): void {
    const item = this.item(key, 0, key.length)
    if (item !== undefined) {
      item.value = value
      return
    }
    const hash = halfSipHash(key, 0, key.length, this.k0, this.k1)
    const bucket = this.buckets.get(hash)
    const added = { key: key.slice(), value }
    if (bucket === undefined) this.buckets.set(hash, [added])
    else bucket.push(added)
    this.size++
  }

  delete(buf: Uint8Array, start = 0, end = buf.length): boolean {
    const hash = halfSipHash(buf, start, end, this.k0, this.k1)
    const bucket = this.buckets.get(hash)
    const at = bucket?.findIndex((item) => sameBytes(item.key, 0, item.key.length, buf, start, end)) ?? -1
    if (bucket === undefined || at < 0) return false
    bucket.splice(at, 1)
    if (bucket.length === 0) this.buckets.delete(hash)
    this.size--
    return true
  }

  clear(): void {
    this.buckets.clear()
    this.size = 0
  }

  *entries(): Generator<readonly [Uint8Array, V]> {
    for (const bucket of this.buckets.values())
      for (const item of bucket) yield [item.key, item.value] as const
  }

  private item(buf: Uint8Array, start: number, end: number): Item<V> | undefined {
    const bucket = this.buckets.get(halfSipHash(buf, start, end, this.k0, this.k1))
    if (bucket === undefined) return undefined
    for (const item of bucket) if (sameBytes(item.key, 0, item.key.length, buf, start, end)) return item
    return undefined
  }
}
