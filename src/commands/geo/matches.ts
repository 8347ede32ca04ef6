/** What a search has found: names and numbers in growing arrays, without an object for each match. */

import type { Piece } from '../../keyspace/collections/piece.js'

const INITIAL_MATCHES = 128
const INITIAL_BYTES = 1024

function grown<T extends { readonly length: number; set(source: T): void }>(from: T, to: T): T {
  to.set(from)
  return to
}

export class Matches {
  count = 0
  /** Whether the distances are those that Redis finds, to the last digit; else they are right but for NEAR_ERROR. */
  exact = true
  /** Metres from the middle, or NaN while nobody has asked. */
  distances = new Float64Array(INITIAL_MATCHES)
  scores = new Float64Array(INITIAL_MATCHES)
  /** The names, one behind the other. */
  names = new Uint8Array(INITIAL_BYTES)
  private ends = new Uint32Array(INITIAL_MATCHES)

  add(member: Piece, score: number, distance_m: number): void {
    const at = this.count
    if (at === this.scores.length) this.growNumbers()
    const start = this.start(at)
    const end = start + member.length
    if (end > this.names.length) {
      this.names = grown(this.names, new Uint8Array(Math.max(end, this.names.length * 2)))
    }
    if (member.length > 48) this.names.set(member.buf.subarray(member.start, member.end), start)
    else for (let i = 0; i < member.length; i++) this.names[start + i] = member.buf[member.start + i]!
    this.ends[at] = end
    this.scores[at] = score
    this.distances[at] = distance_m
    this.count++
  }

  /** Where in `names` the name of a match begins. */
  start(index: number): number {
    return index === 0 ? 0 : this.ends[index - 1]!
  }

  end(index: number): number {
    return this.ends[index]!
  }

  private growNumbers(): void {
    const size = this.scores.length * 2
    this.scores = grown(this.scores, new Float64Array(size))
    this.distances = grown(this.distances, new Float64Array(size))
    this.ends = grown(this.ends, new Uint32Array(size))
  }
}
