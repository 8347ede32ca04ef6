/**
 * CRC16 and the slot of a key. Redis Cluster names the CRC: CCITT (XMODEM), polynomial 0x1021, initial value 0,
 * not reflected. Source: the Redis Cluster specification, "Key distribution model".
 */

export const SLOTS = 16384

const TABLE = (() => {
  const table = new Uint16Array(256)
  for (let i = 0; i < 256; i++) {
    let crc = i << 8
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) !== 0 ? (crc << 1) ^ 0x1021 : crc << 1
    table[i] = crc
  }
  return table
})()

/** CRC16 of `buf[start, end)`: 0 to 65535. */
export function crc16(buf: Uint8Array, start: number, end: number): number {
  let crc = 0
  for (let i = start; i < end; i++) crc = ((crc << 8) & 0xffff) ^ TABLE[(crc >>> 8) ^ buf[i]!]!
  return crc
}

const OPEN = 0x7b
const CLOSE = 0x7d

/**
 * The slot of the key `buf[start, end)`. When the key holds a `{`, and after it a `}` with at least one byte
 * between, only what lies between the first `{` and the next `}` is hashed: the hash tag.
 */
export function keySlot(buf: Uint8Array, start: number, end: number): number {
  for (let open = start; open < end; open++) {
    if (buf[open] !== OPEN) continue
    for (let close = open + 1; close < end; close++) {
      if (buf[close] !== CLOSE) continue
      if (close > open + 1) return crc16(buf, open + 1, close) & (SLOTS - 1)
      break
    }
    break
  }
  return crc16(buf, start, end) & (SLOTS - 1)
}
