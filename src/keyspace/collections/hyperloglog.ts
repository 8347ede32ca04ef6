/**
 * HyperLogLog: how many different elements were added, told from 16384 registers of 6 bits, each the longest run of zeros that
 * an element's hash began with (plus one). It is an ordinary string, byte by byte that of Redis:
 *
 *     4 bytes   "HYLL"
 *     1 byte    0 dense, 1 sparse
 *     3 bytes   unused
 *     8 bytes   the count as it was last computed, little endian; the highest bit is set when that is no longer true
 *     dense:    the registers, 6 bits each, from the lowest bit of the first byte on: 12288 bytes
 *     sparse:   runs of equal registers: 00xxxxxx x+1 zeros; 01xxxxxx yyyyyyyy xy+1 zeros; 1vvvvvxx x+1 times the value v+1
 *
 * A new one is sparse; it becomes dense for good when a register exceeds 32 or there would be more bytes than
 * hll-sparse-max-bytes. Which runs are joined after a change is not free to choose: replicas and digests must agree.
 *
 * All functions take the bytes where the string lies, its beginning and its length.
 */

import { murmur64 } from '../../bytes/murmur.js'

export const REGISTERS = 16384
const INDEX_BITS = 14
const HASH_SEED = 0xadc83b19
export const HLL_HEADER_BYTES = 16
export const HLL_DENSE_BYTES = HLL_HEADER_BYTES + (REGISTERS * 6) / 8
export const HLL_EMPTY_BYTES = HLL_HEADER_BYTES + 2
/** How many bytes more a sparse one may need for one register. */
export const HLL_GROWTH_BYTES = 3
const DENSE = 0
const SPARSE = 1
const ENCODING = 4
const STALE = HLL_HEADER_BYTES - 1
const SPARSE_VALUE_MAX = 32
const SPARSE_RUN_MAX = 4
const SHORT_ZEROS_MAX = 64

/** Whether the bytes claim to be a HyperLogLog: what a sparse one's runs amount to is only seen when they are read. */
export function isHyperLogLog(u8: Uint8Array, at: number, length: number): boolean {
  if (length < HLL_HEADER_BYTES) return false
  if (u8[at] !== 0x48 || u8[at + 1] !== 0x59 || u8[at + 2] !== 0x4c || u8[at + 3] !== 0x4c) return false
  return u8[at + ENCODING] === SPARSE || (u8[at + ENCODING] === DENSE && length === HLL_DENSE_BYTES)
}

export function isDense(u8: Uint8Array, at: number): boolean {
  return u8[at + ENCODING] === DENSE
}

/** Writes one without elements: HLL_EMPTY_BYTES. */
export function writeEmpty(u8: Uint8Array, at: number): void {
  u8.fill(0, at, at + HLL_EMPTY_BYTES)
  u8.set([0x48, 0x59, 0x4c, 0x4c, SPARSE], at)
  u8[at + HLL_HEADER_BYTES] = 0x40 | ((REGISTERS - 1) >> 8)
  u8[at + HLL_HEADER_BYTES + 1] = (REGISTERS - 1) & 0xff
}

export function hasCount(u8: Uint8Array, at: number): boolean {
  return (u8[at + STALE]! & 0x80) === 0
}

/** Says that the count in the header is no longer true. */
export function forgetCount(u8: Uint8Array, at: number): void {
  u8[at + STALE]! |= 0x80
}

/** Where in the header the count stands, 8 bytes. */
export const HLL_COUNT_OFFSET = 8

const trailingZeros = (word: number): number => 31 - Math.clz32(word & -word)

function patternOf(low: number, high: number): number {
  const index = low & (REGISTERS - 1)
  const rest = low >>> INDEX_BITS
  const zeros = rest !== 0 ? trailingZeros(rest) : high !== 0 ? 18 + trailingZeros(high) : 50
  return ((zeros + 1) << INDEX_BITS) | index
}

/** The register of an element, in the lower 14 bits, and the value that it should have at least, above them. */
export function elementPattern(buf: Uint8Array, start: number, end: number): number {
  return murmur64(buf, start, end, HASH_SEED, patternOf)
}

export const registerOf = (pattern: number): number => pattern & (REGISTERS - 1)
export const raisedTo = (pattern: number): number => pattern >>> INDEX_BITS

/** A register of a dense one. */
export function denseRegister(u8: Uint8Array, at: number, index: number): number {
  const bit = index * 6
  const byte = at + HLL_HEADER_BYTES + (bit >>> 3)
  const shift = bit & 7
  // The last register ends with its byte; what stands behind is shifted out of sight.
  return ((u8[byte]! >> shift) | (shift > 2 ? u8[byte + 1]! << (8 - shift) : 0)) & 63
}

/** Raises a register of a dense one; false where it was as high. */
export function denseSet(u8: Uint8Array, at: number, index: number, value: number): boolean {
  if (value <= denseRegister(u8, at, index)) return false
  const bit = index * 6
  const byte = at + HLL_HEADER_BYTES + (bit >>> 3)
  const shift = bit & 7
  u8[byte] = (u8[byte]! & ~(63 << shift)) | (value << shift)
  if (shift > 2) u8[byte + 1] = (u8[byte + 1]! & ~(63 >> (8 - shift))) | (value >> (8 - shift))
  return true
}

// What a run's first byte says.
const isValue = (byte: number): boolean => (byte & 0x80) !== 0
const isLong = (byte: number): boolean => (byte & 0xc0) === 0x40
const valueIn = (byte: number): number => ((byte >> 2) & 31) + 1
const valueRun = (byte: number): number => (byte & 3) + 1
const valueByte = (value: number, run: number): number => 0x80 | ((value - 1) << 2) | (run - 1)

/**
 * Shows the runs of a sparse one: registers [index, index + run) have the value. False where they are not exactly all
 * registers; values are never shown beyond the last one.
 */
export function forEachRun(
  u8: Uint8Array,
  at: number,
  length: number,
  visit: (index: number, run: number, value: number, byte: number) => void,
): boolean {
  const end = at + length
  let index = 0
  for (let p = at + HLL_HEADER_BYTES; p < end; ) {
    const byte = u8[p]!
    let run: number
    if (isValue(byte)) run = valueRun(byte)
    else if (isLong(byte)) {
      if (p + 1 === end) return false
      run = (((byte & 63) << 8) | u8[p + 1]!) + 1
      p++
    } else run = (byte & 63) + 1
    p++
    if (index + run > REGISTERS) return false
    visit(index, run, isValue(byte) ? valueIn(byte) : 0, byte)
    index += run
  }
  return index === REGISTERS
}

/** Writes a sparse one in dense form, HLL_DENSE_BYTES, elsewhere; false where its runs are wrong. */
export function writeDense(
  u8: Uint8Array,
  at: number,
  length: number,
  to: Uint8Array,
  toAt: number,
): boolean {
  to.fill(0, toAt, toAt + HLL_DENSE_BYTES)
  to.set(u8.subarray(at, at + HLL_HEADER_BYTES), toAt)
  to[toAt + ENCODING] = DENSE
  return forEachRun(u8, at, length, (index, run, value) => {
    for (let i = index; value > 0 && i < index + run; i++) denseSet(to, toAt, i, value)
  })
}

/** How many registers a run of one byte is; of one of two bytes, more than there are: whoever adds up several sees that it went too far. */
const RUN_OF_BYTE = new Uint16Array(256)
for (let byte = 0; byte < 256; byte++) {
  RUN_OF_BYTE[byte] = isValue(byte) ? valueRun(byte) : isLong(byte) ? REGISTERS : byte + 1
}

// What `sparseSet` returns, if not the new length.
export const UNCHANGED = 0
export const DAMAGED = -1
export const TOO_LARGE = -2

/**
 * Raises a register of a sparse one to `value`, the string having room for HLL_GROWTH_BYTES more. Returns its new length;
 * UNCHANGED where the register was as high; TOO_LARGE where it has to become dense first; DAMAGED where its runs are wrong.
 */
export function sparseSet(
  u8: Uint8Array,
  at: number,
  length: number,
  limit: number,
  index: number,
  value: number,
): number {
  if (value > SPARSE_VALUE_MAX) return TOO_LARGE
  const begin = at + HLL_HEADER_BYTES
  const end = at + length
  let previous = begin
  let first = 0
  let p = begin
  let run = 0
  let size = 1
  while (p < end) {
    // Most runs have one byte, and most are passed by.
    while (p + 4 <= end) {
      const four =
        RUN_OF_BYTE[u8[p]!]! + RUN_OF_BYTE[u8[p + 1]!]! + RUN_OF_BYTE[u8[p + 2]!]! + RUN_OF_BYTE[u8[p + 3]!]!
      if (index < first + four) break
      first += four
      previous = p + 3
      p += 4
    }
    if (p === end) break
    const byte = u8[p]!
    size = 1
    if (isLong(byte)) {
      if (p + 1 === end) return DAMAGED
      run = (((byte & 63) << 8) | u8[p + 1]!) + 1
      size = 2
    } else run = RUN_OF_BYTE[byte]!
    if (index < first + run) break
    previous = p
    p += size
    first += run
  }
  if (p >= end) return DAMAGED
  const byte = u8[p]!
  const old = isValue(byte) ? valueIn(byte) : 0
  if (old >= value) return UNCHANGED
  if (run === 1 && size === 1) {
    u8[p] = valueByte(value, 1)
    return joinRuns(u8, at, previous, end)
  }
  const before = index - first
  const after = first + run - 1 - index
  const grows = runBytes(before, old) + 1 + runBytes(after, old) - size
  if (grows > 0 && length + grows > limit) return TOO_LARGE
  if (grows !== 0) u8.copyWithin(p + size + grows, p + size, end)
  p = writeRun(u8, p, before, old)
  u8[p++] = valueByte(value, 1)
  writeRun(u8, p, after, old)
  return joinRuns(u8, at, previous, end + grows)
}

/** How many bytes a run takes that is a part of another one. */
function runBytes(run: number, value: number): number {
  if (run === 0) return 0
  return value === 0 && run > SHORT_ZEROS_MAX ? 2 : 1
}

function writeRun(u8: Uint8Array, at: number, run: number, value: number): number {
  if (run === 0) return at
  if (value > 0) u8[at] = valueByte(value, run)
  else if (run <= SHORT_ZEROS_MAX) u8[at] = run - 1
  else {
    u8[at] = 0x40 | ((run - 1) >> 8)
    u8[at + 1] = (run - 1) & 0xff
    return at + 2
  }
  return at + 1
}

/** Looks at five runs from the one in front of the change on, and joins neighbours of the same value. */
function joinRuns(u8: Uint8Array, at: number, from: number, until: number): number {
  let end = until
  let p = from
  for (let left = 5; p < end && left > 0; left--) {
    const byte = u8[p]!
    if (!isValue(byte)) {
      p += isLong(byte) ? 2 : 1
      continue
    }
    if (p + 1 < end && isValue(u8[p + 1]!) && valueIn(byte) === valueIn(u8[p + 1]!)) {
      const run = valueRun(byte) + valueRun(u8[p + 1]!)
      if (run <= SPARSE_RUN_MAX) {
        u8[p + 1] = valueByte(valueIn(byte), run)
        u8.copyWithin(p, p + 1, end)
        end--
        continue
      }
    }
    p++
  }
  forgetCount(u8, at)
  return end - at
}
