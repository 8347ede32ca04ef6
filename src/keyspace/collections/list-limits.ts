/** What list-max-listpack-size says: positive so many elements (and 8 KiB), negative so many bytes. */

/** No more than this where the limit counts elements. */
const SAFE_BYTES_MAX = 8192
const BYTE_LIMITS = [4096, 8192, 16384, 32768, 65536]
/** Bytes that list-max-listpack-size allows; infinite where it counts elements. */
export function listBytesMax(fill: number): number {
  return fill >= 0 ? Number.POSITIVE_INFINITY : BYTE_LIMITS[Math.min(-fill, BYTE_LIMITS.length) - 1]!
}

/** Elements that list-max-listpack-size allows; infinite where it counts bytes. */
export function listCountMax(fill: number): number {
  return fill >= 0 ? Math.max(fill, 1) : Number.POSITIVE_INFINITY
}

/** Bytes that a node may have whose elements are not alone. */
export function nodeBytesMax(fill: number): number {
  return fill >= 0 ? SAFE_BYTES_MAX : listBytesMax(fill)
}

/** Whether a listpack of so many bytes and elements is more than list-max-listpack-size allows. */
export function exceedsListLimit(fill: number, bytes: number, count: number): boolean {
  if (fill < 0) return bytes > listBytesMax(fill)
  return bytes > SAFE_BYTES_MAX || count > listCountMax(fill)
}
