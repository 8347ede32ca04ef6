/**
 * One string of bytes, wherever it stands: an element of a collection as it is read. Structures keep integers in binary;
 * here every element is its text, so that whoever reads need not care. Pieces are made once and filled again and again.
 */

import { text, writeInteger } from '../../bytes/ascii.js'

const DIGITS_MAX = 20
const NOTHING = new Uint8Array(0)

export class Piece {
  buf: Uint8Array = NOTHING
  start = 0
  end = 0
  private readonly digits = new Uint8Array(DIGITS_MAX)

  get length(): number {
    return this.end - this.start
  }

  /** Becomes a range of somebody else's bytes: valid as long as they are. */
  range(buf: Uint8Array, start: number, end: number): void {
    this.buf = buf
    this.start = start
    this.end = end
  }

  /** Becomes the digits of a 64-bit integer. */
  integer(value: number | bigint): void {
    this.buf = this.digits
    this.start = 0
    if (typeof value === 'number') {
      this.end = writeInteger(this.digits, 0, value)
      return
    }
    const digits = value.toString()
    for (let i = 0; i < digits.length; i++) this.digits[i] = digits.charCodeAt(i)
    this.end = digits.length
  }

  /** The bytes, to keep. */
  copy(): Uint8Array {
    return this.buf.slice(this.start, this.end)
  }

  /** As Latin-1 text: for numbers and tests. */
  text(bytesMax = this.end - this.start): string {
    return text(this.buf, this.start, this.end, bytesMax)
  }
}

const SAFE_HIGH = 0x200000

/** The signed 64-bit little endian integer at `buf[at]`: a number where a double holds it exactly, else a bigint. */
export function readInt64(buf: Uint8Array, at: number): number | bigint {
  const low = (buf[at]! | (buf[at + 1]! << 8) | (buf[at + 2]! << 16) | (buf[at + 3]! << 24)) >>> 0
  const high = buf[at + 4]! | (buf[at + 5]! << 8) | (buf[at + 6]! << 16) | (buf[at + 7]! << 24)
  if (high < SAFE_HIGH && (high > -SAFE_HIGH || (high === -SAFE_HIGH && low > 0))) return high * 2 ** 32 + low
  return (BigInt(high) << 32n) | BigInt(low)
}

export function writeInt64(buf: Uint8Array, at: number, value: number | bigint): void {
  let low: number
  let high: number
  if (typeof value === 'number') {
    low = value >>> 0
    high = Math.floor(value / 2 ** 32)
  } else {
    low = Number(BigInt.asUintN(32, value))
    high = Number(BigInt.asIntN(32, value >> 32n))
  }
  for (let i = 0; i < 4; i++) buf[at + i] = low >>> (i << 3)
  for (let i = 0; i < 4; i++) buf[at + 4 + i] = high >> (i << 3)
}

/** Whether the piece is `buf[start, end)`. */
export function sameBytes(piece: Piece, buf: Uint8Array, start: number, end: number): boolean {
  if (piece.length !== end - start) return false
  for (let i = piece.start, j = start; j < end; i++, j++) if (piece.buf[i] !== buf[j]) return false
  return true
}
