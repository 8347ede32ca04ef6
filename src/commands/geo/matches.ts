/**
 * What a search has found: numbers in growing arrays, without an object for each match, that the next search uses again. Members of a large
 * set stay where they are; the texts of a small one's, which may be integers, are written down.
 */

import type { Piece } from '../../keyspace/collections/piece.js'
import type { Ranking } from '../../keyspace/collections/ranking.js'
import type { Distances } from './distance.js'
import { decodeScore, type Place } from './hash.js'

const INITIAL_MATCHES = 128
const INITIAL_BYTES = 1024
/** Arrays for more than this are not kept. */
const KEPT_MATCHES_MAX = 4096
const KEPT_BYTES_MAX = 256 * 1024

function grown<T extends { readonly length: number; set(source: T): void }>(from: T, to: T): T {
  to.set(from)
  return to
}

export class Matches {
  count = 0
  scores = new Float64Array(INITIAL_MATCHES)
  /** What tells the distances from the middle nearly exactly: `Distances.haversine`, or NaN where nobody needs it. */
  haversines = new Float64Array(INITIAL_MATCHES)
  /** The large set that is searched, if it is one. */
  private ranking: Ranking | null = null
  /** The elements of that, or where in `names` a match's name ends. */
  private members = new Uint32Array(INITIAL_MATCHES)
  /** The names, one behind the other. */
  private names = new Uint8Array(INITIAL_BYTES)
  /** Metres from the middle, to the last digit, or NaN while nobody has asked. */
  private exact = new Float64Array(INITIAL_MATCHES)
  private readonly place: Place = { longitude: 0, latitude: 0 }

  /** Begins to collect members of a large set, or of a small one. */
  begin(ranking: Ranking | null): void {
    this.count = 0
    this.ranking = ranking
  }

  /** Nothing of the set is kept, nor more room than is used again. */
  end(): void {
    this.ranking = null
    if (this.scores.length > KEPT_MATCHES_MAX) {
      this.scores = new Float64Array(INITIAL_MATCHES)
      this.haversines = new Float64Array(INITIAL_MATCHES)
      this.members = new Uint32Array(INITIAL_MATCHES)
      this.exact = new Float64Array(INITIAL_MATCHES)
    }
    if (this.names.length > KEPT_BYTES_MAX) this.names = new Uint8Array(INITIAL_BYTES)
  }

  /** Adds an element of the large set. */
  add(element: number, score: number, haversine: number): void {
    const at = this.count
    if (at === this.scores.length) this.growNumbers()
    this.members[at] = element
    this.scores[at] = score
    this.haversines[at] = haversine
    this.exact[at] = Number.NaN
    this.count++
  }

  /** Adds a member of a small set. */
  addNamed({ buf, start, end }: Piece, score: number, haversine: number): void {
    const at = this.nameStart(this.count)
    const nameEnd = at + end - start
    if (nameEnd > this.names.length) {
      this.names = grown(this.names, new Uint8Array(Math.max(nameEnd, this.names.length * 2)))
    }
    this.names.set(buf.subarray(start, end), at)
    this.add(nameEnd, score, haversine)
  }

  /** Shows the name of a match. */
  name(index: number, into: Piece): void {
    const { ranking } = this
    const member = this.members[index]!
    if (ranking === null) into.range(this.names, this.nameStart(index), member)
    else {
      const start = ranking.memberStart(member)
      into.range(ranking.bytesOf(member), start, start + ranking.memberLength(member))
    }
  }

  /** The distance of a match from the middle, in the digits that Redis gives. */
  distance(index: number, distances: Distances): number {
    const known = this.exact[index]!
    if (!Number.isNaN(known)) return known
    const { place } = this
    decodeScore(this.scores[index]!, place)
    const distance_m = distances.to(place.longitude, place.latitude)
    this.exact[index] = distance_m
    return distance_m
  }

  private nameStart(index: number): number {
    return index === 0 ? 0 : this.members[index - 1]!
  }

  private growNumbers(): void {
    const size = this.scores.length * 2
    this.scores = grown(this.scores, new Float64Array(size))
    this.haversines = grown(this.haversines, new Float64Array(size))
    this.members = grown(this.members, new Uint32Array(size))
    this.exact = grown(this.exact, new Float64Array(size))
  }
}
