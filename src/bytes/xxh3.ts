/**
 * XXH3, 64 bits, seed 0 and the default secret (Yann Collet, github.com/Cyan4973/xxHash, doc/xxhash_spec.md): what DIGEST tells of a
 * string. 64-bit numbers are pairs of 32-bit halves, since BigInt would be a hundred times slower; a product of two halves is
 * made of products of 16 bits, which a double holds.
 *
 * Short inputs, up to 16, 128, 240 bytes, have ways of their own; longer ones go through eight lanes, 64 bytes at a time, each
 * stripe with another part of the secret, and every 1024 bytes the lanes are scrambled.
 */

const SECRET_HEX =
  'b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221' +
  'b8084674f743248ee03590e6813a264c3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8' +
  'a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364eac5ac8334d3ebc3c581a0fffa1363eb' +
  '170ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e'
const SECRET: Uint8Array = Uint8Array.from(SECRET_HEX.match(/../g)!, (pair) => Number.parseInt(pair, 16))
const SECRET_BYTES = 192
const STRIPE_BYTES = 64
const STRIPES_A_BLOCK = 16
const BLOCK_BYTES = STRIPE_BYTES * STRIPES_A_BLOCK
const LANES = 8
const MIDDLE_MAX = 240

// The primes of 64 bits as halves, high first.
const P1_HIGH = 0x9e3779b1
const P1_LOW = 0x85ebca87
/** The lanes at the beginning: halves, low first. */
const LANES_BEGIN = [
  0xc2b2ae3d, 0, 0x85ebca87, 0x9e3779b1, 0x27d4eb4f, 0xc2b2ae3d, 0x9e3779f9, 0x165667b1, 0xc2b2ae63,
  0x85ebca77, 0x85ebca77, 0, 0x165667c5, 0x27d4eb2f, 0x9e3779b1, 0,
]

function low32(buf: Uint8Array, at: number): number {
  return (buf[at]! | (buf[at + 1]! << 8) | (buf[at + 2]! << 16) | (buf[at + 3]! << 24)) >>> 0
}

/** The upper half of the product of two halves. */
function mulHigh(a: number, b: number): number {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const bLow = b & 0xffff
  const bHigh = b >>> 16
  const first = aHigh * bLow + ((aLow * bLow) >>> 16)
  const second = aLow * bHigh + (first & 0xffff)
  return (aHigh * bHigh + (first >>> 16) + (second >>> 16)) >>> 0
}

function swap32(x: number): number {
  return ((x >>> 24) | ((x >>> 8) & 0xff00) | ((x << 8) & 0xff0000) | (x << 24)) >>> 0
}

export class Xxh3 {
  /** The upper and the lower half of the last digest. */
  high = 0
  low = 0
  private readonly lanes = new Uint32Array(LANES * 2)

  /** Takes the digest of `buf[start, end)` into `high` and `low`. */
  digest(buf: Uint8Array, start: number, end: number): void {
    const length = end - start
    this.high = 0
    this.low = 0
    if (length > MIDDLE_MAX) this.long(buf, start, end)
    else if (length > 128) this.middle(buf, start, end)
    else if (length > 16) this.short(buf, start, end)
    else if (length > 8) this.upTo16(buf, start, end)
    else if (length >= 4) this.upTo8(buf, start, end)
    else this.upTo3(buf, start, end)
  }

  /** The digest as sixteen hexadecimal digits. */
  hex(): string {
    return this.high.toString(16).padStart(8, '0') + this.low.toString(16).padStart(8, '0')
  }

  private upTo3(buf: Uint8Array, start: number, end: number): void {
    const length = end - start
    if (length === 0) {
      this.low = (low32(SECRET, 56) ^ low32(SECRET, 64)) >>> 0
      this.high = (low32(SECRET, 60) ^ low32(SECRET, 68)) >>> 0
    } else {
      const middle = buf[start + (length >>> 1)]!
      const all = (buf[start]! << 16) | (middle << 24) | buf[end - 1]! | (length << 8)
      this.low = (all ^ low32(SECRET, 0) ^ low32(SECRET, 4)) >>> 0
    }
    this.shiftXor(33)
    this.times(0xc2b2ae3d, 0x27d4eb4f)
    this.shiftXor(29)
    this.times(0x165667b1, 0x9e3779f9)
    this.shiftXor(32)
  }

  private upTo8(buf: Uint8Array, start: number, end: number): void {
    this.low = (low32(buf, end - 4) ^ low32(SECRET, 8) ^ low32(SECRET, 16)) >>> 0
    this.high = (low32(buf, start) ^ low32(SECRET, 12) ^ low32(SECRET, 20)) >>> 0
    const { high, low } = this
    // Turned left by 49 and by 24.
    this.high = (high ^ ((low << 17) | (high >>> 15)) ^ ((high << 24) | (low >>> 8))) >>> 0
    this.low = (low ^ ((high << 17) | (low >>> 15)) ^ ((low << 24) | (high >>> 8))) >>> 0
    this.times(0x9fb21c65, 0x1e98df25)
    // The upper half shifted by 35 plus the length fits a half.
    this.low = (this.low ^ ((this.high >>> 3) + (end - start))) >>> 0
    this.times(0x9fb21c65, 0x1e98df25)
    this.shiftXor(28)
  }

  private upTo16(buf: Uint8Array, start: number, end: number): void {
    const low0 = (low32(buf, start) ^ low32(SECRET, 24) ^ low32(SECRET, 32)) >>> 0
    const low1 = (low32(buf, start + 4) ^ low32(SECRET, 28) ^ low32(SECRET, 36)) >>> 0
    const high0 = (low32(buf, end - 8) ^ low32(SECRET, 40) ^ low32(SECRET, 48)) >>> 0
    const high1 = (low32(buf, end - 4) ^ low32(SECRET, 44) ^ low32(SECRET, 52)) >>> 0
    this.low = end - start
    this.plus(swap32(low0), swap32(low1))
    this.plus(high1, high0)
    this.plusFolded(low1, low0, high1, high0)
    this.avalanche()
  }

  private short(buf: Uint8Array, start: number, end: number): void {
    const length = end - start
    this.begin(length)
    // From the middle outwards, pairs of 16 bytes from the front and the back.
    for (let i = (length - 1) >>> 5; i >= 0; i--) {
      this.mix(buf, start + 16 * i, 32 * i)
      this.mix(buf, end - 16 * (i + 1), 32 * i + 16)
    }
    this.avalanche()
  }

  private middle(buf: Uint8Array, start: number, end: number): void {
    const length = end - start
    const rounds = length >>> 4
    this.begin(length)
    for (let i = 0; i < 8; i++) this.mix(buf, start + 16 * i, 16 * i)
    this.avalanche()
    for (let i = 8; i < rounds; i++) this.mix(buf, start + 16 * i, 16 * (i - 8) + 3)
    this.mix(buf, end - 16, 136 - 17)
    this.avalanche()
  }

  private long(buf: Uint8Array, start: number, end: number): void {
    const length = end - start
    this.lanes.set(LANES_BEGIN)
    const blocks = Math.floor((length - 1) / BLOCK_BYTES)
    for (let block = 0; block < blocks; block++) {
      const from = start + block * BLOCK_BYTES
      for (let n = 0; n < STRIPES_A_BLOCK; n++) this.accumulate(buf, from + n * STRIPE_BYTES, n * 8)
      this.scramble()
    }
    const from = start + blocks * BLOCK_BYTES
    const stripes = Math.floor((length - 1 - blocks * BLOCK_BYTES) / STRIPE_BYTES)
    for (let n = 0; n < stripes; n++) this.accumulate(buf, from + n * STRIPE_BYTES, n * 8)
    this.accumulate(buf, end - STRIPE_BYTES, SECRET_BYTES - STRIPE_BYTES - 7)
    this.begin(length)
    const { lanes } = this
    for (let i = 0; i < 4; i++) {
      const key = 11 + 16 * i
      this.plusFolded(
        (lanes[4 * i + 1]! ^ low32(SECRET, key + 4)) >>> 0,
        (lanes[4 * i]! ^ low32(SECRET, key)) >>> 0,
        (lanes[4 * i + 3]! ^ low32(SECRET, key + 12)) >>> 0,
        (lanes[4 * i + 2]! ^ low32(SECRET, key + 8)) >>> 0,
      )
    }
    this.avalanche()
  }

  /** A stripe into the lanes. */
  private accumulate(buf: Uint8Array, at: number, key: number): void {
    const { lanes } = this
    for (let i = 0; i < LANES; i++) {
      const low = low32(buf, at + 8 * i)
      const high = low32(buf, at + 8 * i + 4)
      const other = (i ^ 1) << 1
      const sum = lanes[other]! + low
      lanes[other] = sum
      lanes[other + 1] = lanes[other + 1]! + high + (sum > 0xffffffff ? 1 : 0)
      const a = (low ^ low32(SECRET, key + 8 * i)) >>> 0
      const b = (high ^ low32(SECRET, key + 8 * i + 4)) >>> 0
      const own = i << 1
      const more = lanes[own]! + (Math.imul(a, b) >>> 0)
      lanes[own] = more
      lanes[own + 1] = lanes[own + 1]! + mulHigh(a, b) + (more > 0xffffffff ? 1 : 0)
    }
  }

  private scramble(): void {
    const { lanes } = this
    const key = SECRET_BYTES - STRIPE_BYTES
    for (let i = 0; i < LANES; i++) {
      const high = lanes[2 * i + 1]!
      const low = (lanes[2 * i]! ^ (high >>> 15) ^ low32(SECRET, key + 8 * i)) >>> 0
      lanes[2 * i] = Math.imul(low, P1_HIGH)
      lanes[2 * i + 1] = Math.imul(high ^ low32(SECRET, key + 8 * i + 4), P1_HIGH) + mulHigh(low, P1_HIGH)
    }
  }

  /** The length times the first prime. */
  private begin(length: number): void {
    this.high = 0
    this.low = length >>> 0
    this.times(P1_HIGH, P1_LOW)
  }

  private mix(buf: Uint8Array, at: number, key: number): void {
    this.plusFolded(
      (low32(buf, at + 4) ^ low32(SECRET, key + 4)) >>> 0,
      (low32(buf, at) ^ low32(SECRET, key)) >>> 0,
      (low32(buf, at + 12) ^ low32(SECRET, key + 12)) >>> 0,
      (low32(buf, at + 8) ^ low32(SECRET, key + 8)) >>> 0,
    )
  }

  private plus(high: number, low: number): void {
    const sum = this.low + low
    this.high = (this.high + high + (sum > 0xffffffff ? 1 : 0)) >>> 0
    this.low = sum >>> 0
  }

  /** Adds the halves, each of 64 bits, of the product of two numbers of 64 bits, one turned against the other by XOR. */
  private plusFolded(aHigh: number, aLow: number, bHigh: number, bLow: number): void {
    const low = Math.imul(aLow, bLow) >>> 0
    const lowCarry = mulHigh(aLow, bLow)
    const crossLow = (Math.imul(aHigh, bLow) >>> 0) + (Math.imul(aLow, bHigh) >>> 0) + lowCarry
    const second = crossLow >>> 0
    const carry = Math.floor(crossLow / 2 ** 32)
    const third = (Math.imul(aHigh, bHigh) >>> 0) + mulHigh(aHigh, bLow) + mulHigh(aLow, bHigh) + carry
    const fourth = mulHigh(aHigh, bHigh) + Math.floor(third / 2 ** 32)
    this.plus((second ^ fourth) >>> 0, (low ^ third) >>> 0)
  }

  private times(high: number, low: number): void {
    const upper = mulHigh(this.low, low) + Math.imul(this.low, high) + Math.imul(this.high, low)
    this.low = Math.imul(this.low, low) >>> 0
    this.high = upper >>> 0
  }

  /** XOR with itself shifted right by so many bits. */
  private shiftXor(bits: number): void {
    const { high } = this
    if (bits >= 32) this.low = (this.low ^ (bits === 32 ? high : high >>> (bits - 32))) >>> 0
    else {
      this.low = (this.low ^ ((this.low >>> bits) | (high << (32 - bits)))) >>> 0
      this.high = (high ^ (high >>> bits)) >>> 0
    }
  }

  private avalanche(): void {
    this.shiftXor(37)
    this.times(0x16566791, 0x9e3779f9)
    this.shiftXor(32)
  }
}
