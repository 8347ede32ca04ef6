/**
 * Which of many blocks of the byte heap has its time first: a binary heap (Williams: "Algorithm 232: Heapsort", 1964) of their
 * handles in one typed array. A block keeps its time and its place in the array, so that it can be taken out or given another
 * time in logarithmic time, and no JavaScript object stands for it:
 *
 *     8 bytes at 8    the time, ms since 1970, a double
 *     word 4          its place in the queue, 0: not in it
 *
 * Fields of a large hash are such blocks (dictionary.ts), and so is what stands for a whole hash (field-times.ts).
 */

import { type ByteHeap, chunkOf, doubleOf, wordOf } from '../../bytes/heap.js'

const TIME_DOUBLE = 1
const PLACE_WORD = 4
const MIN_PLACES = 8

export class TimeQueue {
  private readonly heap: ByteHeap
  /** From place 1 on: the parent of `i` is `i >>> 1`, and not later. */
  private handles = new Uint32Array(MIN_PLACES)
  private count = 0

  constructor(heap: ByteHeap) {
    this.heap = heap
  }

  get size(): number {
    return this.count
  }

  /** Bytes of the array. */
  get bytes(): number {
    return this.handles.byteLength
  }

  /** The block whose time is first, 0 for none. */
  first(): number {
    return this.count === 0 ? 0 : this.handles[1]!
  }

  timeOf(handle: number): number {
    return this.heap.f64[chunkOf(handle)]![doubleOf(handle) + TIME_DOUBLE]!
  }

  setTime(handle: number, time_ms: number): void {
    this.heap.f64[chunkOf(handle)]![doubleOf(handle) + TIME_DOUBLE] = time_ms
  }

  placeOf(handle: number): number {
    return this.heap.u32[chunkOf(handle)]![wordOf(handle) + PLACE_WORD]!
  }

  /** Says that a block, new or copied, is in no queue. */
  clearPlace(handle: number): void {
    this.setPlace(handle, 0)
  }

  /** Puts a block in that has its time and is not in. */
  add(handle: number): void {
    if (++this.count >= this.handles.length) {
      const more = new Uint32Array(this.handles.length * 2)
      more.set(this.handles)
      this.handles = more
    }
    this.up(handle, this.count)
  }

  /** Takes a block out that is in. */
  remove(handle: number): void {
    const place = this.placeOf(handle)
    this.setPlace(handle, 0)
    const last = this.handles[this.count--]!
    if (last !== handle) this.settle(last, place)
    if (this.handles.length > MIN_PLACES && this.count < this.handles.length >>> 3) {
      this.handles = this.handles.slice(0, this.handles.length >>> 1)
    }
  }

  /** The time of a block that is in has changed. */
  update(handle: number): void {
    this.settle(handle, this.placeOf(handle))
  }

  /** A block lies elsewhere now, `to` being its copy. */
  moved(to: number): void {
    this.handles[this.placeOf(to)] = to
  }

  /** How many blocks have a time before the one given: as much work as there are of them. */
  countBefore(time_ms: number): number {
    return this.countBelow(1, time_ms)
  }

  private countBelow(place: number, time_ms: number): number {
    if (place > this.count || this.timeOf(this.handles[place]!) >= time_ms) return 0
    return 1 + this.countBelow(place * 2, time_ms) + this.countBelow(place * 2 + 1, time_ms)
  }

  private setPlace(handle: number, place: number): void {
    this.heap.u32[chunkOf(handle)]![wordOf(handle) + PLACE_WORD] = place
  }

  private put(handle: number, place: number): void {
    this.handles[place] = handle
    this.setPlace(handle, place)
  }

  /** Finds the place of a block that may stand at `from`, which is free, if nothing around it says otherwise. */
  private settle(handle: number, from: number): void {
    const parent = from >>> 1
    if (parent > 0 && this.timeOf(this.handles[parent]!) > this.timeOf(handle)) this.up(handle, from)
    else this.down(handle, from)
  }

  private up(handle: number, from: number): void {
    const time = this.timeOf(handle)
    let place = from
    for (let parent = place >>> 1; parent > 0; parent >>>= 1) {
      const above = this.handles[parent]!
      if (this.timeOf(above) <= time) break
      this.put(above, place)
      place = parent
    }
    this.put(handle, place)
  }

  private down(handle: number, from: number): void {
    const time = this.timeOf(handle)
    let place = from
    for (;;) {
      let child = place * 2
      if (child > this.count) break
      const right = child + 1
      if (right <= this.count && this.timeOf(this.handles[right]!) < this.timeOf(this.handles[child]!)) {
        child = right
      }
      const below = this.handles[child]!
      if (this.timeOf(below) >= time) break
      this.put(below, place)
      place = child
    }
    this.put(handle, place)
  }
}
