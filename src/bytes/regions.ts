/**
 * Where the byte heap's chunks come from. The system's allocator gives memory back only where it is its last, or so large a
 * piece that it was mapped by itself; from 32 MiB on that is always so (glibc's mallopt(3), M_MMAP_THRESHOLD). So all but the
 * first chunks are cut out of regions of 34 MiB, hardly more, since to unmap one takes milliseconds. Of a region what was never
 * written to is no memory yet, and when its last chunk is given up, all of it goes back, unless it is one of the few that are kept for
 * what comes next: to give memory back at once it must be taken away from JavaScript, and once a buffer was taken away,
 * V8 compiles all code that reads typed arrays anew, with a look at each access whether the buffer is still there. That costs every
 * command five to twenty per cent, as long as the process lives. So it is done only where much is to be gained.
 */

/** The first chunks are buffers of their own: small heaps, and there may be many, do not need a region. */
const CHUNKS_ALONE = 8
export const REGION_CHUNKS = 34
/** Empty regions that are kept: 272 MiB. */
export const SPARE_MAX = 8

interface Region {
  readonly buffer: ArrayBuffer
  readonly free: number[]
  /** It is being emptied: no new chunk comes from it. */
  closed: boolean
}

export interface Place {
  readonly buffer: ArrayBuffer
  readonly offset: number
}

export class Regions {
  private readonly chunkBytes: number
  private readonly regions: (Region | undefined)[] = []
  /** By chunk: its region's index times REGION_CHUNKS, and its place in it. */
  private readonly places = new Map<number, number>()
  private chunks = 0
  private readonly spare: ArrayBuffer[] = []

  constructor(chunkBytes: number) {
    this.chunkBytes = chunkBytes
  }

  /** Room for a chunk. */
  take(chunk: number): Place {
    this.chunks++
    if (this.chunks <= CHUNKS_ALONE) return { buffer: new ArrayBuffer(this.chunkBytes), offset: 0 }
    // The first region that has room, so that the last ones become empty.
    let index = this.regions.findIndex(
      (region) => region !== undefined && !region.closed && region.free.length > 0,
    )
    if (index < 0) index = this.add()
    const region = this.regions[index]!
    const place = region.free.pop()!
    this.places.set(chunk, index * REGION_CHUNKS + place)
    return { buffer: region.buffer, offset: place * this.chunkBytes }
  }

  /** A chunk is given up. Returns the buffer that goes back to the system, if there is one now. */
  giveUp(chunk: number, buffer: ArrayBuffer): ArrayBuffer | null {
    this.chunks--
    const at = this.places.get(chunk)
    if (at === undefined) return buffer
    this.places.delete(chunk)
    const index = Math.floor(at / REGION_CHUNKS)
    const region = this.regions[index]!
    region.free.push(at % REGION_CHUNKS)
    if (region.free.length < REGION_CHUNKS) return null
    this.regions[index] = undefined
    // One that was closed has been emptied to be given back.
    if (region.closed || this.spare.length === SPARE_MAX) return buffer
    this.spare.push(buffer)
    return null
  }

  /** An empty region that is kept, and is not any more; undefined where there is none. */
  takeSpare(): ArrayBuffer | undefined {
    return this.spare.pop()
  }

  /** No new chunk comes from a region until `openAll`. */
  close(index: number): void {
    const region = this.regions[index]
    if (region !== undefined) region.closed = true
  }

  openAll(): void {
    for (const region of this.regions) if (region !== undefined) region.closed = false
  }

  /** The number of a chunk's region, -1 where it has none. */
  regionOf(chunk: number): number {
    const at = this.places.get(chunk)
    return at === undefined ? -1 : Math.floor(at / REGION_CHUNKS)
  }

  private add(): number {
    const free = Array.from({ length: REGION_CHUNKS }, (_, i) => REGION_CHUNKS - 1 - i)
    const buffer = this.spare.pop() ?? new ArrayBuffer(REGION_CHUNKS * this.chunkBytes)
    const hole = this.regions.indexOf(undefined)
    const index = hole < 0 ? this.regions.length : hole
    this.regions[index] = { buffer, free, closed: false }
    return index
  }
}
