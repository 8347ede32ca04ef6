/**
 * Counts the bits that are set in a range of bytes. Whole words of 64 bits are looked at through a BigUint64Array over the same buffer, which
 * begins where the bytes begin; what is not aligned, at the ends of a range, goes byte by byte.
 *
 * Eight words at a time are added up with carry-save adders (Harley and Seal; see Mula, Kurz, Lemire: "Faster Population Counts Using
 * AVX2 Instructions", 2016): three words become two, sum and carry, so that of eight words seven need no counting of their own.
 *
 * V8 keeps words of 64 bits in registers as long as they are only combined, and come from an array and go into one. What outlives
 * a round of the loop would become an object; so that is kept in an array too, where its halves can be counted as 32-bit integers.
 */

/** Bits that are set in a byte. */
function countByte(byte: number): number {
  const pairs = byte - ((byte >> 1) & 0x55)
  const quads = (pairs & 0x33) + ((pairs >> 2) & 0x33)
  return (quads + (quads >> 4)) & 0x0f
}

/** Bits that are set in a 32-bit word. */
export function countWord(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555)
  const quads = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333)
  return Math.imul((quads + (quads >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

// Where in `sums` the bits stand that count so much each.
const ONES = 0
const TWOS = 1
const FOURS = 2
const EIGHTS = 3

export class BitCounter {
  private readonly sums = new BigUint64Array(4)
  private readonly halves = new Int32Array(this.sums.buffer)

  /** How many bits of the bytes [start, end) are set. `u64` shows the same buffer as `u8`, from its beginning. */
  count(u8: Uint8Array, u64: BigUint64Array, start: number, end: number): number {
    let at = start
    let count = 0
    while (at < end && (at & 7) !== 0) count += countByte(u8[at++]!)
    const word = at >>> 3
    const last = word + (((end >>> 3) - word) & ~7)
    if (last > word) {
      count += this.countGroups(u64, word, last)
      at = last * 8
    }
    for (; at + 4 <= end; at += 4) {
      count += countWord(u8[at]! | (u8[at + 1]! << 8) | (u8[at + 2]! << 16) | (u8[at + 3]! << 24))
    }
    for (; at < end; at++) count += countByte(u8[at]!)
    return count
  }

  /** How many of the bits [from, to) of the bitmap that begins at byte `start` are set. */
  countRange(u8: Uint8Array, u64: BigUint64Array, start: number, from: number, to: number): number {
    if (from >= to) return 0
    const first = start + Math.floor(from / 8)
    const last = start + Math.floor((to - 1) / 8)
    const headMask = 0xff >> (from % 8)
    const tailMask = (0xff00 >> (((to - 1) % 8) + 1)) & 0xff
    if (first === last) return countByte(u8[first]! & headMask & tailMask)
    return (
      countByte(u8[first]! & headMask) +
      this.count(u8, u64, first + 1, last) +
      countByte(u8[last]! & tailMask)
    )
  }

  /** As `count`, over words [from, to), a multiple of eight. */
  private countGroups(words: BigUint64Array, from: number, to: number): number {
    const { sums, halves } = this
    let eights = 0
    sums[ONES] = 0n
    sums[TWOS] = 0n
    sums[FOURS] = 0n
    for (let i = from; i < to; i += 8) {
      const ones0 = sums[ONES]!
      const a = words[i]!
      const b = words[i + 1]!
      const odd0 = ones0 ^ a
      const twos0 = (ones0 & a) | (odd0 & b)
      const ones1 = odd0 ^ b
      const c = words[i + 2]!
      const d = words[i + 3]!
      const odd1 = ones1 ^ c
      const twos1 = (ones1 & c) | (odd1 & d)
      const ones2 = odd1 ^ d
      const e = words[i + 4]!
      const f = words[i + 5]!
      const odd2 = ones2 ^ e
      const twos2 = (ones2 & e) | (odd2 & f)
      const ones3 = odd2 ^ f
      const g = words[i + 6]!
      const h = words[i + 7]!
      const odd3 = ones3 ^ g
      const twos3 = (ones3 & g) | (odd3 & h)
      sums[ONES] = odd3 ^ h
      const twos = sums[TWOS]!
      const even0 = twos ^ twos0
      const fours0 = (twos & twos0) | (even0 & twos1)
      const twos4 = even0 ^ twos1
      const even1 = twos4 ^ twos2
      const fours1 = (twos4 & twos2) | (even1 & twos3)
      sums[TWOS] = even1 ^ twos3
      const fours = sums[FOURS]!
      const left = fours ^ fours0
      sums[EIGHTS] = (fours & fours0) | (left & fours1)
      sums[FOURS] = left ^ fours1
      eights += countWord(halves[2 * EIGHTS]!) + countWord(halves[2 * EIGHTS + 1]!)
    }
    return eights * 8 + this.countSum(FOURS) * 4 + this.countSum(TWOS) * 2 + this.countSum(ONES)
  }

  private countSum(index: number): number {
    return countWord(this.halves[2 * index]!) + countWord(this.halves[2 * index + 1]!)
  }
}
