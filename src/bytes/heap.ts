/**
 * The byte heap: every key, value and collection of a node lives here, outside of what the garbage collector
 * looks at. A block is named by a handle, a 32-bit number that counts units of 16 bytes from the heap's start;
 * handle 0 names nothing.
 *
 * The heap is made of chunks of 1 MiB, each an ArrayBuffer. A chunk is cut into 16 pages of 64 KiB, and a page
 * holds blocks of one size class, or is part of a span of pages that holds one block. So a block needs no header:
 * its page knows its size. Free blocks of a page form a list inside of themselves, one list a page ("free list
 * sharding", after Leijen, Zorn, de Moura: "Mimalloc", 2019), so that a page that has become empty can be given to
 * another size class at once, and a chunk whose pages are all free goes back to the system. Blocks of 8 to 128 KiB share runs
 * of several pages in the same way, lest one of 9 KiB have a page to itself; a block larger than half a chunk gets an
 * ArrayBuffer of its own.
 *
 * Readers on the hot path do not call methods for every byte: they take the chunk's view, `u8[chunkOf(handle)]`,
 * and index it themselves from `byteOf(handle)`.
 */

import { AssertionError } from './assert.js'
import { REGION_CHUNKS, Regions } from './regions.js'

export const UNIT_BYTES = 16
const CHUNK_SHIFT = 16 // a chunk is 2^16 units
const CHUNK_UNITS = 1 << CHUNK_SHIFT
export const CHUNK_BYTES = CHUNK_UNITS * UNIT_BYTES
const PAGE_SHIFT = 12 // a page is 2^12 units
const PAGE_UNITS = 1 << PAGE_SHIFT
const PAGE_BYTES = PAGE_UNITS * UNIT_BYTES
const PAGES_A_CHUNK = CHUNK_UNITS >>> PAGE_SHIFT
const CHUNKS_MAX = 1 << (32 - CHUNK_SHIFT)
const SMALL_UNITS_MAX = 512 // up to 8 KiB a block shares its page
const SPAN_BYTES_MAX = CHUNK_BYTES / 2

/** The largest block, in bytes: what proto-max-bulk-len may reach, and room for a header. */
export const BLOCK_BYTES_MAX = 0x7fff0000

const FREE = 0 // page kinds; from FIRST_CLASS on, the kind is a size class
const SPAN_HEAD = 1
const SPAN_TAIL = 2
const HUGE = 3
const RUN_HEAD = 4
const RUN_TAIL = 5
const LEAVING = 6 // a page of one size class in a chunk that is being emptied
const FIRST_CLASS = 7
/** A chunk that is fuller than this is not worth emptying. */
const EMPTIED_BYTES_MAX = CHUNK_BYTES * 0.8
/** A region of which less is used is emptied as a whole. */
const REGION_USED_MAX = CHUNK_BYTES * REGION_CHUNKS * 0.5

/** Size classes in units: every unit up to 32, then eight steps for each doubling: at most an eighth is waste. */
const CLASS_UNITS: Uint16Array = (() => {
  const sizes: number[] = []
  for (let units = 1; units <= 32; units++) sizes.push(units)
  for (let base = 32; base < SMALL_UNITS_MAX; base *= 2) {
    for (let step = 1; step <= 8; step++) sizes.push(base + (base / 8) * step)
  }
  return Uint16Array.from(sizes)
})()
const CLASSES = CLASS_UNITS.length
/** From a size in units to its class. */
const CLASS_OF: Uint8Array = (() => {
  const table = new Uint8Array(SMALL_UNITS_MAX + 1)
  let cls = 0
  for (let units = 1; units <= SMALL_UNITS_MAX; units++) {
    if (units > CLASS_UNITS[cls]!) cls++
    table[units] = cls
  }
  return table
})()

/** Up to 128 KiB blocks share a run of pages. */
const RUN_UNITS_MAX = 8192
/** A run of blocks up to 32 KiB, and of larger ones. */
const RUN_PAGES = 4
const LONG_RUN_PAGES = 8
const LONG_RUN_FROM_UNITS = 2048
/** Size classes of blocks in runs: eight steps for each doubling. */
const RUN_CLASS_UNITS: Uint16Array = (() => {
  const sizes: number[] = []
  for (let base = SMALL_UNITS_MAX; base < RUN_UNITS_MAX; base *= 2) {
    for (let step = 1; step <= 8; step++) sizes.push(base + (base / 8) * step)
  }
  return Uint16Array.from(sizes)
})()

function runClassOf(units: number): number {
  const doublings = 31 - Math.clz32((units - 1) / SMALL_UNITS_MAX)
  const base = SMALL_UNITS_MAX << doublings
  return doublings * 8 + Math.ceil((units - base) / (base >>> 3)) - 1
}

function runPages(units: number): number {
  return units > LONG_RUN_FROM_UNITS ? LONG_RUN_PAGES : RUN_PAGES
}

const NO_PAGE = -1
const NOTHING = new ArrayBuffer(0)

/** The index of the chunk that a handle lies in. */
export function chunkOf(handle: number): number {
  return handle >>> CHUNK_SHIFT
}

/** Where in its chunk a handle's block begins, in bytes. */
export function byteOf(handle: number): number {
  return (handle & (CHUNK_UNITS - 1)) << 4
}

/** Where in its chunk a handle's block begins, in 32-bit words: an index into `u32[chunkOf(handle)]`. */
export function wordOf(handle: number): number {
  return (handle & (CHUNK_UNITS - 1)) << 2
}

/** Where in its chunk a handle's block begins, in 64-bit words: an index into `f64[chunkOf(handle)]`. */
export function doubleOf(handle: number): number {
  return (handle & (CHUNK_UNITS - 1)) << 1
}

export class ByteHeap {
  /** The chunks' bytes; an empty view where a chunk was given back. */
  readonly u8: Uint8Array[] = []
  /** The same bytes as 32-bit words. Blocks begin at multiples of 16 bytes. */
  readonly u32: Uint32Array[] = []
  /** The same bytes as doubles. */
  readonly f64: Float64Array[] = []
  /** The same bytes as 64-bit integers. */
  readonly u64: BigUint64Array[] = []
  /** Bytes in blocks that are in use, slack within a block counted as used. */
  usedBytes = 0
  /** Bytes of all ArrayBuffers that the heap holds. */
  reservedBytes = 0

  // Per page, indexed by handle >>> PAGE_SHIFT.
  private kind = new Uint8Array(PAGES_A_CHUNK)
  private freeHead = new Uint32Array(PAGES_A_CHUNK)
  private bump = new Uint16Array(PAGES_A_CHUNK) // units handed out so far, by moving up
  private live = new Uint16Array(PAGES_A_CHUNK) // blocks in use; a span's or huge block's: its pages
  private nextPage = new Int32Array(PAGES_A_CHUNK) // pages of one class that have room
  private prevPage = new Int32Array(PAGES_A_CHUNK)
  /** Per class: the first page with room, which the next block comes from. */
  private readonly roomy = new Int32Array(CLASSES).fill(NO_PAGE)
  /** The same of runs. The first page of a run has its numbers; the second has its class in place of `bump`, and all but
   * the first say in `live` how far they are from it. */
  private readonly roomyRuns = new Int32Array(RUN_CLASS_UNITS.length).fill(NO_PAGE)
  /** Per chunk: how many pages are free. */
  private freePages = new Uint8Array(1)
  /** A chunk below this index has no free page. */
  private firstRoomyChunk = 0
  private readonly freeChunks: number[] = []
  private readonly regions = new Regions(CHUNK_BYTES)
  /** Chunks that are being emptied: nothing new comes into them. Their free pages are counted here, not in `freePages`. */
  private readonly leaving = new Map<number, number>()
  /** Gets the memory of chunks that are given up. Else the collector frees it, some time. */
  onDrop: ((buffer: ArrayBuffer) => void) | null = null

  constructor() {
    this.begin()
  }

  /** Frees every block at once. */
  clear(): void {
    for (let chunk = 0; chunk < this.u8.length; chunk++) if (this.u8[chunk]!.length > 0) this.dropChunk(chunk)
    this.freeChunks.length = 0
    this.leaving.clear()
    this.regions.openAll()
    this.u8.length = 0
    this.u32.length = 0
    this.f64.length = 0
    this.u64.length = 0
    this.roomy.fill(NO_PAGE)
    this.roomyRuns.fill(NO_PAGE)
    this.usedBytes = 0
    this.begin()
  }

  private begin(): void {
    this.firstRoomyChunk = 0
    this.addChunk(CHUNK_BYTES)
    this.freePages[0]!--
    // Handle 0 means nothing, so the first page gives its first unit away for good.
    this.takePage(0, 0)
    this.bump[0] = 1
  }

  /**
   * A block of at least `bytes` bytes, its content undefined. Throws a RangeError where the system has no memory
   * left or the block would be larger than BLOCK_BYTES_MAX; callers keep `maxmemory` and proto-max-bulk-len below.
   */
  alloc(bytes: number): number {
    const units = (bytes + 15) >>> 4
    if (units > SMALL_UNITS_MAX) return this.allocLarge(bytes)
    const cls = CLASS_OF[units]!
    let page = this.roomy[cls]!
    if (page === NO_PAGE) page = this.newPage(cls)
    const size = CLASS_UNITS[cls]!
    let handle = this.freeHead[page]!
    if (handle !== 0) {
      this.freeHead[page] = this.u32[handle >>> CHUNK_SHIFT]![(handle & (CHUNK_UNITS - 1)) << 2]!
    } else {
      const at = this.bump[page]!
      handle = ((page << PAGE_SHIFT) | at) >>> 0
      this.bump[page] = at + size
    }
    this.live[page]!++
    this.usedBytes += size << 4
    if (this.freeHead[page] === 0 && this.bump[page]! + size > PAGE_UNITS) this.unlink(cls, page)
    return handle
  }

  /** Gives a block back. `handle` must have come from `alloc` and is nobody's afterwards. */
  free(handle: number): void {
    const page = handle >>> PAGE_SHIFT
    const kind = this.kind[page]!
    if (kind < FIRST_CLASS) {
      this.freeLarge(page, kind, handle)
      return
    }
    const cls = kind - FIRST_CLASS
    const size = CLASS_UNITS[cls]!
    const wasFull = this.freeHead[page] === 0 && this.bump[page]! + size > PAGE_UNITS
    this.u32[handle >>> CHUNK_SHIFT]![(handle & (CHUNK_UNITS - 1)) << 2] = this.freeHead[page]!
    this.freeHead[page] = handle
    this.usedBytes -= size << 4
    if (wasFull) this.link(cls, page)
    // The last roomy page of a class stays: one key that comes and goes must not make and unmake a page.
    if (--this.live[page]! === 0 && (this.nextPage[page] !== NO_PAGE || this.prevPage[page] !== NO_PAGE)) {
      this.unlink(cls, page)
      this.releasePages(page, 1)
    }
  }

  /** How many bytes the block has room for: at least what was asked for. */
  sizeOf(handle: number): number {
    const page = handle >>> PAGE_SHIFT
    const kind = this.kind[page]!
    if (kind >= FIRST_CLASS) return CLASS_UNITS[kind - FIRST_CLASS]! << 4
    if (kind === HUGE) return this.u8[handle >>> CHUNK_SHIFT]!.length
    if (kind === SPAN_HEAD) return this.live[page]! * PAGE_BYTES
    if (kind === LEAVING) return CLASS_UNITS[this.nextPage[page]!]! << 4
    return RUN_CLASS_UNITS[this.bump[this.runOf(page, kind) + 1]!]! << 4
  }

  /** Whether `alloc(bytes)` would give a block of the same size as `handle` has. */
  fits(handle: number, bytes: number): boolean {
    const size = this.sizeOf(handle)
    if (bytes > size) return false
    const units = (bytes + 15) >>> 4
    if (units <= SMALL_UNITS_MAX) return CLASS_UNITS[CLASS_OF[units]!]! << 4 === size
    return bytes > size - (size >>> 3)
  }

  private allocLarge(bytes: number): number {
    if (bytes > BLOCK_BYTES_MAX) throw new RangeError('block larger than BLOCK_BYTES_MAX')
    if (bytes > SPAN_BYTES_MAX) {
      const size = Math.ceil(bytes / 4096) * 4096
      const chunk = this.addChunk(size)
      const page = chunk * PAGES_A_CHUNK
      this.freePages[chunk] = 0
      this.kind[page] = HUGE
      this.usedBytes += size
      return (page << PAGE_SHIFT) >>> 0
    }
    const units = (bytes + 15) >>> 4
    if (units <= RUN_UNITS_MAX) return this.allocInRun(runClassOf(units))
    const pages = Math.ceil(bytes / PAGE_BYTES)
    const page = this.findPages(pages)
    this.kind[page] = SPAN_HEAD
    this.live[page] = pages
    for (let i = 1; i < pages; i++) this.kind[page + i] = SPAN_TAIL
    this.usedBytes += pages * PAGE_BYTES
    return (page << PAGE_SHIFT) >>> 0
  }

  private runOf(page: number, kind: number): number {
    return kind === RUN_TAIL ? page - this.live[page]! : page
  }

  private allocInRun(cls: number): number {
    const size = RUN_CLASS_UNITS[cls]!
    let run = this.roomyRuns[cls]!
    if (run === NO_PAGE) run = this.newRun(cls)
    let handle = this.freeHead[run]!
    if (handle !== 0) {
      this.freeHead[run] = this.u32[handle >>> CHUNK_SHIFT]![(handle & (CHUNK_UNITS - 1)) << 2]!
    } else {
      const at = this.bump[run]!
      handle = ((run << PAGE_SHIFT) + at) >>> 0
      this.bump[run] = at + size
    }
    this.live[run]!++
    this.usedBytes += size << 4
    if (this.freeHead[run] === 0 && this.runIsFull(run, size)) this.unlinkFrom(this.roomyRuns, cls, run)
    return handle
  }

  private runIsFull(run: number, size: number): boolean {
    return this.bump[run]! + size > runPages(size) * PAGE_UNITS
  }

  private newRun(cls: number): number {
    const pages = runPages(RUN_CLASS_UNITS[cls]!)
    const run = this.findPages(pages)
    this.kind[run] = RUN_HEAD
    this.freeHead[run] = 0
    this.bump[run] = 0
    this.live[run] = 0
    for (let i = 1; i < pages; i++) {
      this.kind[run + i] = RUN_TAIL
      this.live[run + i] = i
    }
    this.bump[run + 1] = cls
    this.linkTo(this.roomyRuns, cls, run)
    return run
  }

  private freeInRun(run: number, handle: number): void {
    const cls = this.bump[run + 1]!
    const size = RUN_CLASS_UNITS[cls]!
    const wasFull = this.freeHead[run] === 0 && this.runIsFull(run, size)
    this.u32[handle >>> CHUNK_SHIFT]![(handle & (CHUNK_UNITS - 1)) << 2] = this.freeHead[run]!
    this.freeHead[run] = handle
    this.usedBytes -= size << 4
    const isLeaving = this.leaving.has(handle >>> CHUNK_SHIFT)
    if (wasFull && !isLeaving) this.linkTo(this.roomyRuns, cls, run)
    if (--this.live[run]! > 0) return
    if (!isLeaving) {
      if (this.nextPage[run] === NO_PAGE && this.prevPage[run] === NO_PAGE) return
      this.unlinkFrom(this.roomyRuns, cls, run)
    }
    this.releasePages(run, runPages(size))
  }

  private freeLarge(page: number, kind: number, handle: number): void {
    if (kind === SPAN_HEAD) {
      const pages = this.live[page]!
      this.usedBytes -= pages * PAGE_BYTES
      this.releasePages(page, pages)
    } else if (kind === HUGE) {
      const chunk = (page / PAGES_A_CHUNK) | 0
      this.usedBytes -= this.u8[chunk]!.length
      this.kind[page] = FREE
      this.dropChunk(chunk)
    } else if (kind === RUN_HEAD || kind === RUN_TAIL) {
      this.freeInRun(this.runOf(page, kind), handle)
    } else if (kind === LEAVING) {
      const cls = this.nextPage[page]!
      this.u32[handle >>> CHUNK_SHIFT]![(handle & (CHUNK_UNITS - 1)) << 2] = this.freeHead[page]!
      this.freeHead[page] = handle
      this.usedBytes -= CLASS_UNITS[cls]! << 4
      if (--this.live[page]! === 0) this.releasePages(page, 1)
    } else {
      throw new AssertionError(`free of a block that is not in use, page ${page}`)
    }
  }

  private newPage(cls: number): number {
    const page = this.findPages(1)
    this.takePage(page, cls)
    return page
  }

  private takePage(page: number, cls: number): void {
    this.kind[page] = FIRST_CLASS + cls
    this.freeHead[page] = 0
    this.bump[page] = 0
    this.live[page] = 0
    this.link(cls, page)
  }

  private link(cls: number, page: number): void {
    this.linkTo(this.roomy, cls, page)
  }

  private linkTo(lists: Int32Array, cls: number, page: number): void {
    const head = lists[cls]!
    this.nextPage[page] = head
    this.prevPage[page] = NO_PAGE
    if (head !== NO_PAGE) this.prevPage[head] = page
    lists[cls] = page
  }

  private unlink(cls: number, page: number): void {
    this.unlinkFrom(this.roomy, cls, page)
  }

  private unlinkFrom(lists: Int32Array, cls: number, page: number): void {
    const next = this.nextPage[page]!
    const prev = this.prevPage[page]!
    if (prev === NO_PAGE) lists[cls] = next
    else this.nextPage[prev] = next
    if (next !== NO_PAGE) this.prevPage[next] = prev
    this.nextPage[page] = NO_PAGE
    this.prevPage[page] = NO_PAGE
  }

  /** The first of `count` free pages that lie together in one chunk; they count as taken afterwards. */
  private findPages(count: number): number {
    const chunks = this.u8.length
    let seenRoomy = false
    for (let chunk = this.firstRoomyChunk; chunk < chunks; chunk++) {
      if (this.freePages[chunk] === 0) continue
      if (!seenRoomy) {
        this.firstRoomyChunk = chunk
        seenRoomy = true
      }
      if (this.freePages[chunk]! < count) continue
      const first = chunk * PAGES_A_CHUNK
      for (let i = 0, run = 0; i < PAGES_A_CHUNK; i++) {
        run = this.kind[first + i] === FREE ? run + 1 : 0
        if (run < count) continue
        this.freePages[chunk]! -= count
        return first + i - count + 1
      }
    }
    const chunk = this.addChunk(CHUNK_BYTES)
    if (!seenRoomy) this.firstRoomyChunk = chunk
    this.freePages[chunk]! -= count
    return chunk * PAGES_A_CHUNK
  }

  private releasePages(page: number, count: number): void {
    for (let i = 0; i < count; i++) this.kind[page + i] = FREE
    const chunk = (page / PAGES_A_CHUNK) | 0
    const left = this.leaving.get(chunk)
    if (left !== undefined) {
      this.leaving.set(chunk, left + count)
      if (left + count < PAGES_A_CHUNK) return
      this.leaving.delete(chunk)
      this.dropChunk(chunk)
      return
    }
    this.freePages[chunk]! += count
    if (chunk < this.firstRoomyChunk) this.firstRoomyChunk = chunk
    if (this.freePages[chunk] === PAGES_A_CHUNK) this.dropChunk(chunk)
  }

  /** Gives the chunk's memory back; its index is taken again by a later chunk. */
  private dropChunk(chunk: number): void {
    const bytes = this.u8[chunk]!
    this.reservedBytes -= bytes.length
    this.u8[chunk] = new Uint8Array(NOTHING)
    this.u32[chunk] = new Uint32Array(NOTHING)
    this.f64[chunk] = new Float64Array(NOTHING)
    this.u64[chunk] = new BigUint64Array(NOTHING)
    this.freePages[chunk] = 0
    this.leaving.delete(chunk)
    this.freeChunks.push(chunk)
    const whole = bytes.buffer as ArrayBuffer
    const buffer = bytes.length === CHUNK_BYTES ? this.regions.giveUp(chunk, whole) : whole
    if (buffer !== null) this.onDrop?.(buffer)
  }

  /** Gives back the empty regions too that are kept for what comes next. */
  dropSpare(): void {
    for (let buffer = this.regions.takeSpare(); buffer !== undefined; buffer = this.regions.takeSpare())
      this.onDrop?.(buffer)
  }

  /**
   * Chooses chunks in which little is used, and lets nothing new come into them: when their blocks have been moved elsewhere
   * (`isLeaving`) they go back to the system. Returns how many; 0 where it would not help.
   */
  beginLeaving(): number {
    const sparse: { chunk: number; used: number }[] = []
    const all: { chunk: number; used: number; region: number }[] = []
    const inRegion = new Map<number, number>()
    for (let chunk = 1; chunk < this.u8.length; chunk++) {
      const isWhole = this.u8[chunk]!.length !== CHUNK_BYTES || this.kind[chunk * PAGES_A_CHUNK] === HUGE
      if (isWhole || this.leaving.has(chunk)) continue
      const used = this.usedInChunk(chunk)
      const region = this.regions.regionOf(chunk)
      all.push({ chunk, used, region })
      if (region >= 0) inRegion.set(region, (inRegion.get(region) ?? 0) + used)
    }
    for (const one of all) {
      // A region goes back only as a whole: where little is in it, even full chunks leave.
      const isSparse = (inRegion.get(one.region) ?? Number.POSITIVE_INFINITY) < REGION_USED_MAX
      if (isSparse || one.used < EMPTIED_BYTES_MAX) sparse.push(one)
    }
    const used = sparse.reduce((sum, one) => sum + one.used, 0)
    // What is moved takes chunks too, at best full ones.
    if (sparse.length - Math.ceil(used / EMPTIED_BYTES_MAX) < 1) return 0
    for (const [region, bytes] of inRegion) if (bytes < REGION_USED_MAX) this.regions.close(region)
    for (const { chunk } of sparse) this.leave(chunk)
    return sparse.length
  }

  /** Whether a block is to be moved: to be allocated anew, copied and freed by its owner. */
  isLeaving(handle: number): boolean {
    return this.leaving.has(handle >>> CHUNK_SHIFT)
  }

  /** Ends what `beginLeaving` began: chunks from which not all could be moved take new blocks again. Returns how many. */
  endLeaving(): number {
    const stayed = [...this.leaving]
    this.leaving.clear()
    this.regions.openAll()
    for (const [chunk, free] of stayed) {
      this.freePages[chunk] = free
      if (chunk < this.firstRoomyChunk) this.firstRoomyChunk = chunk
      for (let page = chunk * PAGES_A_CHUNK; page < (chunk + 1) * PAGES_A_CHUNK; page++) this.stay(page)
    }
    return stayed.length
  }

  private usedInChunk(chunk: number): number {
    let units = 0
    for (let page = chunk * PAGES_A_CHUNK; page < (chunk + 1) * PAGES_A_CHUNK; page++) {
      const kind = this.kind[page]!
      const live = this.live[page]!
      if (kind >= FIRST_CLASS) units += live * CLASS_UNITS[kind - FIRST_CLASS]!
      else if (kind === SPAN_HEAD) units += live * PAGE_UNITS
      else if (kind === RUN_HEAD) units += live * RUN_CLASS_UNITS[this.bump[page + 1]!]!
    }
    return units * UNIT_BYTES
  }

  private leave(chunk: number): void {
    this.leaving.set(chunk, this.freePages[chunk]!)
    this.freePages[chunk] = 0
    for (let page = chunk * PAGES_A_CHUNK; page < (chunk + 1) * PAGES_A_CHUNK; page++) {
      const kind = this.kind[page]!
      if (kind >= FIRST_CLASS) {
        const cls = kind - FIRST_CLASS
        if (this.hasRoom(page, CLASS_UNITS[cls]!)) this.unlink(cls, page)
        this.kind[page] = LEAVING
        this.nextPage[page] = cls
        if (this.live[page] === 0) this.releasePages(page, 1)
      } else if (kind === RUN_HEAD) {
        const cls = this.bump[page + 1]!
        const size = RUN_CLASS_UNITS[cls]!
        if (this.freeHead[page] !== 0 || !this.runIsFull(page, size))
          this.unlinkFrom(this.roomyRuns, cls, page)
        if (this.live[page] === 0) this.releasePages(page, runPages(size))
      }
    }
  }

  private stay(page: number): void {
    const kind = this.kind[page]!
    if (kind === LEAVING) {
      const cls = this.nextPage[page]!
      this.kind[page] = FIRST_CLASS + cls
      this.nextPage[page] = NO_PAGE
      this.prevPage[page] = NO_PAGE
      if (this.hasRoom(page, CLASS_UNITS[cls]!)) this.link(cls, page)
    } else if (kind === RUN_HEAD) {
      const cls = this.bump[page + 1]!
      if (this.freeHead[page] !== 0 || !this.runIsFull(page, RUN_CLASS_UNITS[cls]!))
        this.linkTo(this.roomyRuns, cls, page)
    }
  }

  private hasRoom(page: number, size: number): boolean {
    return this.freeHead[page] !== 0 || this.bump[page]! + size <= PAGE_UNITS
  }

  private addChunk(bytes: number): number {
    const chunk = this.freeChunks.pop() ?? this.u8.length
    if (chunk >= CHUNKS_MAX) throw new RangeError('the byte heap is full')
    const isOne = bytes === CHUNK_BYTES
    const { buffer, offset } = isOne
      ? this.regions.take(chunk)
      : { buffer: new ArrayBuffer(bytes), offset: 0 }
    this.u8[chunk] = new Uint8Array(buffer, offset, bytes)
    this.u32[chunk] = new Uint32Array(buffer, offset, bytes >>> 2)
    this.f64[chunk] = new Float64Array(buffer, offset, bytes >>> 3)
    this.u64[chunk] = new BigUint64Array(buffer, offset, bytes >>> 3)
    this.reservedBytes += bytes
    if (this.freePages.length <= chunk) this.growPageTables()
    this.kind.fill(FREE, chunk * PAGES_A_CHUNK, (chunk + 1) * PAGES_A_CHUNK)
    this.freePages[chunk] = PAGES_A_CHUNK
    if (chunk < this.firstRoomyChunk) this.firstRoomyChunk = chunk
    return chunk
  }

  private growPageTables(): void {
    const chunks = this.freePages.length * 2
    const pages = chunks * PAGES_A_CHUNK
    this.freePages = grown(this.freePages, new Uint8Array(chunks))
    this.kind = grown(this.kind, new Uint8Array(pages))
    this.freeHead = grown(this.freeHead, new Uint32Array(pages))
    this.bump = grown(this.bump, new Uint16Array(pages))
    this.live = grown(this.live, new Uint16Array(pages))
    this.nextPage = grown(this.nextPage, new Int32Array(pages))
    this.prevPage = grown(this.prevPage, new Int32Array(pages))
  }
}

function grown<T extends { set(source: T): void }>(from: T, to: T): T {
  to.set(from)
  return to
}
