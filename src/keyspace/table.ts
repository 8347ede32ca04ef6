/**
 * The hash table of a database: from a key's hash to the handle of its entry. A bucket is 64 bytes, one cache line,
 * as sixteen 32-bit words:
 *
 *     words 0 to 11    handles of up to twelve entries, 0 where the place is free
 *     words 12 to 14   twelve fingerprints, one byte of the hash for each place, compared four at a time
 *     word 15          the next bucket of the chain in the overflow pool, 0 for none
 *
 * So a look-up reads one line of the table, and then most often one entry. The table doubles step by step: a second
 * table is allocated and every insertion moves one bucket, so that no request pays for all. It halves in the same way.
 * The scan cursor counts with its bits reversed, as Pieter Noordhuis's does in Redis: whatever grows or shrinks between
 * two calls, an entry that stays is returned at least once.
 *
 * The table stores no keys: who holds it gives `TableKeys`, which can hash and compare entries by their handles.
 */

const BUCKET_WORDS = 16
const PLACES = 12
const CHAIN = 15
const MIN_BUCKETS = 4
const MAX_BUCKETS = 1 << 26
/** Entries a bucket may hold on average before the table doubles. */
const FILL_MAX = 9
/** ... and below which it halves. */
const FILL_MIN = 1
/** From so many buckets on, room for overflow is there from the beginning: to move it all would take too long. */
const ROOMY_BUCKETS_MIN = 1024
/** A table shrinks to no less than a sixteenth at once: while it does, one step of a scan visits so many buckets for one. */
const SHRINK_SHIFT_MAX = 4
/** Empty buckets that one step may pass by: they cost little, but not nothing. */
const EMPTY_BUCKETS_A_STEP = 16
/** How many look-ups can be foreseen at once: more than a processor has reads under way. */
export const FORESEEN_MAX = 32
/** A table of fewer entries is near enough to the processor: nothing in it need be foreseen. */
export const FAR_MIN = 10_000
/** How often a random place is drawn in one of two tables before it is drawn again in which. */
const TRIES_A_TABLE = 256
/** How many random places of a large table are drawn, and read, ahead at most. */
const DRAWN_AHEAD_MAX = 32
const HANDLES_FIRST = 512

export interface TableKeys {
  /** The hash of the entry's key: what `find` would be given for it. */
  hashOf(handle: number): number
  /** Whether the entry's key is `buf[start, end)`. */
  keyIs(handle: number, buf: Uint8Array, start: number, end: number): boolean
  /** Reads something of the entry, so that it is near when it is needed; returns a number made of it. */
  touch(handle: number): number
}

/** Handles that somebody collects, as many as there turn out to be. */
export class Handles {
  list = new Uint32Array(HANDLES_FIRST)
  count = 0

  push(handle: number): void {
    if (this.count === this.list.length) {
      const more = new Uint32Array(this.count * 2)
      more.set(this.list)
      this.list = more
    }
    this.list[this.count++] = handle
  }
}

/** One of the at most two generations of a table. */
class Buckets {
  words: Uint32Array
  readonly mask: number
  /** Overflow buckets follow the first `mask + 1`; this is how many are in use, and where free ones are chained. */
  private overflowEnd: number
  private overflowFree = 0
  used = 0

  constructor(count: number) {
    this.mask = count - 1
    // An eighth of the buckets overflow when the table is as full as it may be. What nobody writes to is no memory yet.
    const room = count < ROOMY_BUCKETS_MIN ? 0 : count >>> 2
    this.words = new Uint32Array((count + room) * BUCKET_WORDS)
    this.overflowEnd = count
  }

  /** Buckets that were ever in use, those of the overflow included. */
  get count(): number {
    return this.overflowEnd
  }

  /** Bytes that were ever written to. */
  get bytes(): number {
    return this.overflowEnd * BUCKET_WORDS * 4
  }

  newOverflow(): number {
    const free = this.overflowFree
    if (free !== 0) {
      this.overflowFree = this.words[free * BUCKET_WORDS + CHAIN]!
      this.words[free * BUCKET_WORDS + CHAIN] = 0
      return free
    }
    if ((this.overflowEnd + 1) * BUCKET_WORDS > this.words.length) {
      const extra = Math.max(4, (this.mask + 1) >>> 4) * BUCKET_WORDS
      const more = new Uint32Array(this.words.length + extra)
      more.set(this.words)
      this.words = more
    }
    return this.overflowEnd++
  }

  freeOverflow(bucket: number): void {
    this.words.fill(0, bucket * BUCKET_WORDS, (bucket + 1) * BUCKET_WORDS)
    this.words[bucket * BUCKET_WORDS + CHAIN] = this.overflowFree
    this.overflowFree = bucket
  }
}

/** Places that were drawn at random when there were so many, as indices of `main`'s words: those from `next` on are still to be used. */
interface Draws {
  places: number
  next: number
  count: number
  readonly words: Uint32Array
}

export class Table {
  private main = new Buckets(MIN_BUCKETS)
  /** The table that entries move to while the size changes. */
  private next: Buckets | null = null
  /** Buckets of `main` below this have moved to `next`. */
  private moved = 0
  /** While positive, no entry moves: somebody walks the table and changes it. */
  private pauses = 0
  private readonly keys: TableKeys
  private draws: Draws | null = null
  /** What `touch` returns is put here, so that it is read. */
  private touched = 0

  /** What `find` found last; 0 once any entry has been taken out. */
  private foundHandle = 0
  // Where the last `find` ended, for `replaceFound` and `removeFound`.
  private foundIn: Buckets = this.main
  private foundBucket = 0
  private foundWord = 0
  private foundHash = 0

  constructor(keys: TableKeys) {
    this.keys = keys
  }

  get size(): number {
    return this.main.used + (this.next === null ? 0 : this.next.used)
  }

  /** Bytes of the table's own arrays. */
  get bytes(): number {
    return this.main.bytes + (this.next === null ? 0 : this.next.bytes)
  }

  get buckets(): number {
    return this.main.mask + 1
  }

  get resizing(): boolean {
    return this.next !== null
  }

  /** The handle of the entry whose key is `buf[start, end)` and hashes to `hash`, or 0. */
  find(buf: Uint8Array, start: number, end: number, hash: number): number {
    const place = this.homeOf(hash)
    const words = place.words
    const pattern = Math.imul(hash >>> 24, 0x01010101)
    let bucket = hash & place.mask
    do {
      const base = bucket * BUCKET_WORDS
      // A byte of a difference is zero where the fingerprint equals; the trick may also mark a byte above such a byte. The marks
      // of the three groups lie side by side, so that there is one question, not three whose answers no processor guesses.
      const x = words[base + PLACES]! ^ pattern
      const y = words[base + PLACES + 1]! ^ pattern
      const z = words[base + PLACES + 2]! ^ pattern
      let marks =
        (((x - 0x01010101) & ~x & 0x80808080) >>> 7) |
        (((y - 0x01010101) & ~y & 0x80808080) >>> 6) |
        (((z - 0x01010101) & ~z & 0x80808080) >>> 5)
      while (marks !== 0) {
        const mark = 31 - Math.clz32(marks & -marks)
        const word = base + ((mark & 3) << 2) + (mark >>> 3)
        const handle = words[word]!
        if (handle !== 0 && this.keys.keyIs(handle, buf, start, end)) {
          this.foundIn = place
          this.foundBucket = bucket
          this.foundWord = word
          this.foundHash = hash
          this.foundHandle = handle
          return handle
        }
        marks &= marks - 1
      }
      bucket = words[base + CHAIN]! | 0
    } while (bucket !== 0)
    return 0
  }

  /**
   * The entry that `find` found last, as if it had found it again, where its key is `buf[start, end)`; or 0, which says nothing.
   * Many commands in a row have one and the same key: then nothing need be hashed and searched.
   */
  findAgain(buf: Uint8Array, start: number, end: number): number {
    const handle = this.foundHandle
    // Something else may have been drawn, or looked for by its handle, or everything may be on its way to another table.
    if (handle === 0 || this.next !== null || this.foundIn.words[this.foundWord] !== handle) return 0
    return this.keys.keyIs(handle, buf, start, end) ? handle : 0
  }

  /** The hash of the key that was found. */
  get hashFound(): number {
    return this.foundHash
  }

  /**
   * Brings near what look-ups of these hashes are going to read, `count` of them: the home buckets, then the
   * entries that they probably find (see `guess`). A look-up in a large table spends most of
   * its time waiting for memory; here the reads do not depend on each other, so that the waits overlap (group prefetching:
   * Chen, Ailamaki, Gibbons, Mowry, "Improving Hash Join Performance through Prefetching", 2004). Changes nothing but `handles`. Returns a number made of what was read, which must be used for something, lest the reads be left out.
   */
  foresee(hashes: Int32Array, count: number, handles: Uint32Array): number {
    let seen = 0
    for (let i = 0; i < count; i++) {
      const place = this.homeOf(hashes[i]!)
      seen ^= place.words[(hashes[i]! & place.mask) * BUCKET_WORDS + PLACES]!
    }
    this.guess(hashes, count, handles)
    for (let i = 0; i < count; i++) {
      const handle = handles[i]!
      if (handle !== 0) seen ^= this.keys.touch(handle)
    }
    return seen
  }

  /**
   * Writes into `handles` which entries look-ups of these hashes, those from `from` on of `count`, most probably find, 0 where none is
   * known; of the keys nothing but a fingerprint has been compared.
   */
  guess(hashes: Int32Array, count: number, handles: Uint32Array, from = 0): void {
    for (let i = from; i < count; i++) handles[i] = this.probable(hashes[i]!)
  }

  private probable(hash: number): number {
    const place = this.homeOf(hash)
    const words = place.words
    const pattern = Math.imul(hash >>> 24, 0x01010101)
    const base = (hash & place.mask) * BUCKET_WORDS
    // As in `find`: the marks of the three groups side by side.
    const x = words[base + PLACES]! ^ pattern
    const y = words[base + PLACES + 1]! ^ pattern
    const z = words[base + PLACES + 2]! ^ pattern
    const marks =
      (((x - 0x01010101) & ~x & 0x80808080) >>> 7) |
      (((y - 0x01010101) & ~y & 0x80808080) >>> 6) |
      (((z - 0x01010101) & ~z & 0x80808080) >>> 5)
    if (marks === 0) return 0
    const mark = 31 - Math.clz32(marks & -marks)
    return words[base + ((mark & 3) << 2) + (mark >>> 3)]!
  }

  /** As `find`, by the handle itself: for a table that knows entries which another table holds too. */
  findHandle(wanted: number, hash: number): boolean {
    const place = this.homeOf(hash)
    const words = place.words
    let bucket = hash & place.mask
    do {
      const base = bucket * BUCKET_WORDS
      for (let word = base; word < base + PLACES; word++) {
        if (words[word] !== wanted) continue
        this.foundIn = place
        this.foundBucket = bucket
        this.foundWord = word
        this.foundHash = hash
        return true
      }
      bucket = words[base + CHAIN]!
    } while (bucket !== 0)
    return false
  }

  /** The entry that `find` just found lies elsewhere now. */
  replaceFound(handle: number): void {
    this.foundHandle = 0
    this.foundIn.words[this.foundWord] = handle
  }

  /** Takes out the entry that `find` just found. */
  removeFound(): void {
    const place = this.foundIn
    const words = place.words
    const bucket = this.foundBucket
    words[this.foundWord] = 0
    this.foundHandle = 0
    place.used--
    if (bucket > place.mask) this.dropIfEmpty(place, bucket)
    if (this.next === null) this.shrinkIfSparse()
    else this.step()
  }

  /** Puts an entry in whose key `find` has not found. */
  insert(handle: number, hash: number): void {
    if (this.next !== null) this.step()
    else if (this.main.used >= (this.main.mask + 1) * FILL_MAX && this.main.mask + 1 < MAX_BUCKETS) {
      this.startResize((this.main.mask + 1) * 2)
    }
    put(this.homeOf(hash), handle, hash)
  }

  /** Moves one bucket, if the table is changing its size; true while there is more to move. */
  step(): boolean {
    if (this.next === null || this.pauses > 0) return false
    const main = this.main
    for (let empty = 0; empty < EMPTY_BUCKETS_A_STEP; empty++) {
      const any = this.moveBucket(this.moved++)
      if (this.moved > main.mask) {
        this.main = this.next
        this.next = null
        this.moved = 0
        this.foundIn = this.main
        this.draws = null
        return false
      }
      if (any) break
    }
    return true
  }

  /** While paused nothing moves from bucket to bucket, however much is inserted or removed. Nests. */
  pause(): void {
    this.pauses++
  }

  resume(): void {
    if (--this.pauses === 0 && this.next === null) this.shrinkIfSparse()
  }

  /** Takes out all entries. */
  clear(): void {
    this.main = new Buckets(MIN_BUCKETS)
    this.next = null
    this.moved = 0
    this.draws = null
    this.foundIn = this.main
    this.foundHandle = 0
  }

  /** Takes out all entries and returns them as a table of their own. */
  take(): Table {
    const taken = new Table(this.keys)
    taken.main = this.main
    taken.next = this.next
    taken.moved = this.moved
    taken.pause() // it is only walked any more: nothing must move, its entries are being freed
    this.clear()
    return taken
  }

  /** Makes room for `count` entries at once; for loading, where nobody waits for a single one. */
  reserve(count: number): void {
    if (this.size > 0) return
    let buckets = MIN_BUCKETS
    while (buckets * FILL_MAX < count && buckets < MAX_BUCKETS) buckets *= 2
    this.main = new Buckets(buckets)
    this.draws = null
    this.foundIn = this.main
    this.foundHandle = 0
  }

  /**
   * Visits the entries of the bucket that `cursor` names, in both tables while the size changes, and returns the next
   * cursor: 0 when all were visited. Begin with 0. `visit` may remove the entry it is given, and insert others.
   */
  scan(cursor: number, visit: (handle: number) => void): number {
    this.pause()
    let v = cursor >>> 0
    if (this.next === null) {
      visitChain(this.main, v & this.main.mask, visit)
      v = nextCursor(v, this.main.mask)
    } else {
      const small = this.next.mask < this.main.mask ? this.next : this.main
      const large = small === this.main ? this.next : this.main
      visitChain(small, v & small.mask, visit)
      do {
        visitChain(large, v & large.mask, visit)
        v = nextCursor(v, large.mask)
      } while ((v & (small.mask ^ large.mask)) !== 0)
    }
    this.resume()
    return v
  }

  /** As `scan`, for who changes nothing meanwhile: adds the entries to `into` and visits none. */
  gather(cursor: number, into: Handles): number {
    let v = cursor >>> 0
    if (this.next === null) {
      gatherChain(this.main, v & this.main.mask, into)
      return nextCursor(v, this.main.mask)
    }
    const small = this.next.mask < this.main.mask ? this.next : this.main
    const large = small === this.main ? this.next : this.main
    gatherChain(small, v & small.mask, into)
    do {
      gatherChain(large, v & large.mask, into)
      v = nextCursor(v, large.mask)
    } while ((v & (small.mask ^ large.mask)) !== 0)
    return v
  }

  /**
   * A place of a large table that does not change its size. They are drawn some ahead, and what stands there is read, so that the
   * waits for memory overlap, as in `foresee`. What is drawn depends on nothing but how many places there are: if that is still the
   * same when it is used, it is as random as if it were drawn then. Who draws once is not read anything for; the more he draws
   * the more is drawn ahead.
   */
  private drawAhead(places: number, random32: () => number): number {
    const { main } = this
    this.draws ??= { places, next: 0, count: 0, words: new Uint32Array(DRAWN_AHEAD_MAX) }
    const { draws } = this
    if (draws.places !== places || draws.next === draws.count) {
      draws.count = Math.min(DRAWN_AHEAD_MAX, draws.count * 2 + 1)
      draws.next = 0
      draws.places = places
      for (let i = 0; i < draws.count; i++) draws.words[i] = wordOfPlace(below(places, random32))
      let seen = 0
      for (let i = 0; i < draws.count; i++) seen ^= main.words[draws.words[i]!]!
      for (let i = 0; i < draws.count; i++) {
        const handle = main.words[draws.words[i]!]!
        if (handle !== 0) seen ^= this.keys.touch(handle)
      }
      this.touched = (this.touched ^ seen) | 0
    }
    return draws.words[draws.next++]!
  }

  /**
   * A random entry, 0 if there is none, as if `find` had found it. `random32` gives uniform 32-bit integers. Of all places, those
   * of the overflow included, one is drawn until it is taken: so all entries are as likely.
   */
  random(random32: () => number): number {
    if (this.size === 0) return 0
    for (;;) {
      const place = this.next !== null && below(this.size, random32) >= this.main.used ? this.next : this.main
      const places = place.count * PLACES
      const ahead = this.next === null && places >= ROOMY_BUCKETS_MIN * PLACES
      for (let tries = 0; tries < TRIES_A_TABLE; tries++) {
        const word = ahead ? this.drawAhead(places, random32) : wordOfPlace(below(places, random32))
        const handle = place.words[word]!
        if (handle === 0) continue
        const bucket = (word / BUCKET_WORDS) | 0
        this.foundIn = place
        this.foundBucket = bucket
        this.foundWord = word
        // The hash tells only where an overflow bucket's chain begins.
        if (bucket > place.mask) this.foundHash = this.keys.hashOf(handle)
        return handle
      }
    }
  }

  private homeOf(hash: number): Buckets {
    const next = this.next
    if (next !== null && (hash & this.main.mask) < this.moved) return next
    return this.main
  }

  private startResize(buckets: number): void {
    if (this.pauses > 0) return
    this.next = new Buckets(buckets)
    this.moved = 0
  }

  private shrinkIfSparse(): void {
    const buckets = this.main.mask + 1
    if (buckets > MIN_BUCKETS && this.main.used < buckets * FILL_MIN) {
      let smaller = buckets >>> 1
      const least = Math.max(MIN_BUCKETS, buckets >>> SHRINK_SHIFT_MAX)
      while (smaller > least && this.main.used * 4 < smaller * FILL_MAX) smaller >>>= 1
      this.startResize(smaller)
    }
  }

  private moveBucket(index: number): boolean {
    const main = this.main
    const to = this.next!
    let any = false
    let bucket = index
    for (;;) {
      const base = bucket * BUCKET_WORDS
      // All of them are about to be hashed: what they are made of comes sooner when it is asked for together.
      for (let word = base; word < base + PLACES; word++) {
        const handle = main.words[word]!
        if (handle !== 0) this.touched = (this.touched ^ this.keys.touch(handle)) | 0
      }
      for (let word = base; word < base + PLACES; word++) {
        const handle = main.words[word]!
        if (handle === 0) continue
        main.words[word] = 0
        put(to, handle, this.keys.hashOf(handle))
        main.used--
        any = true
      }
      const chained = main.words[base + CHAIN]!
      if (chained === 0) return any
      bucket = chained
    }
  }

  private dropIfEmpty(place: Buckets, bucket: number): void {
    const base = bucket * BUCKET_WORDS
    for (let word = base; word < base + PLACES; word++) if (place.words[word] !== 0) return
    if (this.pauses > 0) return // somebody may stand in this chain
    let before = this.foundHash & place.mask
    while (place.words[before * BUCKET_WORDS + CHAIN] !== bucket) {
      before = place.words[before * BUCKET_WORDS + CHAIN]!
      if (before === 0) return
    }
    place.words[before * BUCKET_WORDS + CHAIN] = place.words[base + CHAIN]!
    place.freeOverflow(bucket)
  }
}

/** The word of a bucket's place; places are counted from the first bucket's on. */
function wordOfPlace(index: number): number {
  const bucket = (index / PLACES) | 0
  return bucket * BUCKET_WORDS + index - bucket * PLACES
}

function put(place: Buckets, handle: number, hash: number): void {
  let bucket = hash & place.mask
  for (;;) {
    const base = bucket * BUCKET_WORDS
    const words = place.words
    for (let i = 0; i < PLACES; i++) {
      if (words[base + i] !== 0) continue
      words[base + i] = handle
      const word = base + PLACES + (i >>> 2)
      const shift = (i & 3) << 3
      words[word] = (words[word]! & ~(0xff << shift)) | ((hash >>> 24) << shift)
      place.used++
      return
    }
    let chained = words[base + CHAIN]!
    if (chained === 0) {
      chained = place.newOverflow()
      place.words[base + CHAIN] = chained
    }
    bucket = chained
  }
}

function visitChain(place: Buckets, index: number, visit: (handle: number) => void): void {
  let bucket = index
  do {
    const base = bucket * BUCKET_WORDS
    for (let i = 0; i < PLACES; i++) {
      const handle = place.words[base + i]!
      if (handle !== 0) visit(handle)
    }
    bucket = place.words[base + CHAIN]!
  } while (bucket !== 0)
}

function gatherChain(place: Buckets, index: number, into: Handles): void {
  const { words } = place
  let bucket = index
  do {
    const base = bucket * BUCKET_WORDS
    for (let word = base; word < base + PLACES; word++) if (words[word] !== 0) into.push(words[word]!)
    bucket = words[base + CHAIN]! | 0
  } while (bucket !== 0)
}

/** A random number from 0 up to below `count`, made of the upper bits, which are the better ones of a simple generator. */
export function below(count: number, random32: () => number): number {
  return Math.floor(((random32() >>> 0) / 2 ** 32) * count)
}

/** One more on a cursor whose bits are read from the highest down, within `mask`. */
function nextCursor(cursor: number, mask: number): number {
  return reverse((reverse((cursor | ~mask) >>> 0) + 1) >>> 0)
}

/** The 32 bits in reverse order: the order in which `scan` goes through hashes. */
export function reverse(v: number): number {
  let x = v
  x = ((x >>> 1) & 0x55555555) | ((x & 0x55555555) << 1)
  x = ((x >>> 2) & 0x33333333) | ((x & 0x33333333) << 2)
  x = ((x >>> 4) & 0x0f0f0f0f) | ((x & 0x0f0f0f0f) << 4)
  x = ((x >>> 8) & 0x00ff00ff) | ((x & 0x00ff00ff) << 8)
  return ((x >>> 16) | (x << 16)) >>> 0
}
