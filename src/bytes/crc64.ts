/**
 * CRC64 as RDB files and DUMP payloads end with it: the polynomial that David Jones found, 0xad93d23594c935a9,
 * reflected in and out, initial value 0, nothing xored at the end. Its check value, the CRC of `123456789`, is
 * e9c6d914c4b8d9ca.
 *
 * The 64 bits live as two unsigned 32-bit halves in a Uint32Array `[low, high]`, because BigInt allocates and a
 * double cannot hold them. Eight bytes are taken at a time through eight tables ("slicing by 8"): one table
 * says what a byte does to the CRC when k more bytes follow it, so that the eight lookups do not wait for one
 * another.
 */

const POLY_LOW = 0xac4bc9b5
const POLY_HIGH = 0x95ac9329

/** Entry `(k * 256 + byte) * 2`: low half, then high half, of the CRC of `byte` followed by k zero bytes. */
const TABLE = (() => {
  const table = new Int32Array(8 * 256 * 2)
  for (let byte = 0; byte < 256; byte++) {
    let low = byte
    let high = 0
    for (let bit = 0; bit < 8; bit++) {
      const carry = low & 1
      low = (low >>> 1) | (high << 31)
      high >>>= 1
      if (carry !== 0) {
        low ^= POLY_LOW
        high ^= POLY_HIGH
      }
    }
    table[byte * 2] = low
    table[byte * 2 + 1] = high
  }
  for (let i = 512; i < table.length; i += 2) {
    const low = table[i - 512]!
    const high = table[i - 511]!
    const first = (low & 0xff) * 2
    table[i] = ((low >>> 8) | (high << 24)) ^ table[first]!
    table[i + 1] = (high >>> 8) ^ table[first + 1]!
  }
  return table
})()

/** A CRC of nothing yet: `[low, high]`. */
export function newCrc64(): Uint32Array {
  return new Uint32Array(2)
}

const LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1
/** Below this a view of words costs more than it saves. */
const WORDS_WORTH_BYTES = 512

/** Takes `buf[start, end)` into `crc`. Feeding a range in pieces gives the same CRC as feeding it whole. */
export function updateCrc64(crc: Uint32Array, buf: Uint8Array, start: number, end: number): void {
  let at = start
  if (end - start >= WORDS_WORTH_BYTES && LITTLE_ENDIAN) {
    const aligned = at + (-(buf.byteOffset + at) & 7)
    takeBytes(crc, buf, at, aligned)
    const words = ((end - aligned) >>> 3) * 2
    takeWords(crc, new Int32Array(buf.buffer, buf.byteOffset + aligned, words))
    at = aligned + words * 4
  }
  takeBytes(crc, buf, at, end)
}

function takeBytes(crc: Uint32Array, buf: Uint8Array, start: number, end: number): void {
  const t = TABLE
  let low = crc[0]! | 0
  let high = crc[1]! | 0
  for (let i = start; i < end; i++) {
    const at = ((low ^ buf[i]!) & 0xff) << 1
    low = ((low >>> 8) | (high << 24)) ^ t[at]!
    high = (high >>> 8) ^ t[at + 1]!
  }
  crc[0] = low
  crc[1] = high
}

function takeWords(crc: Uint32Array, words: Int32Array): void {
  const t = TABLE
  let low = crc[0]! | 0
  let high = crc[1]! | 0
  const count = words.length
  for (let i = 0; i < count; i += 2) {
    const a = low ^ words[i]!
    const b = high ^ words[i + 1]!
    const a0 = 3584 + ((a & 0xff) << 1)
    const a1 = 3072 + ((a >>> 7) & 0x1fe)
    const a2 = 2560 + ((a >>> 15) & 0x1fe)
    const a3 = 2048 + ((a >>> 23) & 0x1fe)
    const b0 = 1536 + ((b & 0xff) << 1)
    const b1 = 1024 + ((b >>> 7) & 0x1fe)
    const b2 = 512 + ((b >>> 15) & 0x1fe)
    const b3 = (b >>> 23) & 0x1fe
    low = t[a0]! ^ t[a1]! ^ t[a2]! ^ t[a3]! ^ t[b0]! ^ t[b1]! ^ t[b2]! ^ t[b3]!
    high =
      t[a0 + 1]! ^ t[a1 + 1]! ^ t[a2 + 1]! ^ t[a3 + 1]! ^ t[b0 + 1]! ^ t[b1 + 1]! ^ t[b2 + 1]! ^ t[b3 + 1]!
  }
  crc[0] = low
  crc[1] = high
}

/** Writes the eight bytes of `crc` to `buf` at `at`, least significant first, as files and payloads hold it. */
export function writeCrc64(crc: Uint32Array, buf: Uint8Array, at: number): void {
  for (let i = 0; i < 8; i++) buf[at + i] = crc[i >> 2]! >>> ((i & 3) * 8)
}

/** Whether the eight bytes at `buf[at]` are `crc`, least significant first. */
export function matchesCrc64(crc: Uint32Array, buf: Uint8Array, at: number): boolean {
  for (let i = 0; i < 8; i++) if (buf[at + i] !== ((crc[i >> 2]! >>> ((i & 3) * 8)) & 0xff)) return false
  return true
}

/** The CRC in hexadecimal without leading zeros, as log lines show it. */
export function crc64Text(crc: Uint32Array): string {
  const low = crc[0]!.toString(16)
  return crc[1] === 0 ? low : crc[1]!.toString(16) + low.padStart(8, '0')
}
