/**
 * A set of handles, as bits: one for each unit of the heap, in pieces that belong to a page of it and are made when one of its
 * handles comes in. A JavaScript Set of a million numbers is moved as a whole each time it doubles, and the
 * collector goes through all of it; here no call does more than clear one piece.
 */

/** Handles of a page: 64 KiB in units of 16 bytes. */
const PAGE_SHIFT = 12
const WORDS = (1 << PAGE_SHIFT) / 32

interface Piece {
  readonly bits: Uint32Array
  count: number
}

export class HandleSet {
  size = 0
  private readonly pieces = new Map<number, Piece>()
  private readonly spare: Piece[] = []
  // The piece that was last looked at, since neighbours come together.
  private lastPage = -1
  private last: Piece | undefined

  has(handle: number): boolean {
    const piece = this.pieceOf(handle >>> PAGE_SHIFT)
    return piece !== undefined && (piece.bits[wordOf(handle)]! & (1 << (handle & 31))) !== 0
  }

  add(handle: number): void {
    const page = handle >>> PAGE_SHIFT
    const piece = this.pieceOf(page) ?? this.make(page)
    const word = wordOf(handle)
    const bit = 1 << (handle & 31)
    if ((piece.bits[word]! & bit) !== 0) return
    piece.bits[word] = piece.bits[word]! | bit
    piece.count++
    this.size++
  }

  /** True where it was there. */
  delete(handle: number): boolean {
    const page = handle >>> PAGE_SHIFT
    const piece = this.pieceOf(page)
    if (piece === undefined) return false
    const word = wordOf(handle)
    const bit = 1 << (handle & 31)
    if ((piece.bits[word]! & bit) === 0) return false
    piece.bits[word] = piece.bits[word]! & ~bit
    this.size--
    if (--piece.count === 0) {
      // All its bits are 0 again.
      this.pieces.delete(page)
      this.spare.push(piece)
      this.lastPage = -1
      this.last = undefined
    }
    return true
  }

  private pieceOf(page: number): Piece | undefined {
    if (page === this.lastPage) return this.last
    const piece = this.pieces.get(page)
    this.lastPage = page
    this.last = piece
    return piece
  }

  private make(page: number): Piece {
    const piece = this.spare.pop() ?? { bits: new Uint32Array(WORDS), count: 0 }
    this.pieces.set(page, piece)
    this.lastPage = page
    this.last = piece
    return piece
  }
}

function wordOf(handle: number): number {
  return (handle >>> 5) & (WORDS - 1)
}
