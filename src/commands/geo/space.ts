/** Room that commands on places use again and again. It belongs to a `Call`, on which one of them runs at a time. */

import { FixedPoint } from '../../bytes/fixed-point.js'
import { Piece } from '../../keyspace/collections/piece.js'
import { Distances } from './distance.js'
import { GEOHASH_LETTERS, type Place } from './hash.js'
import { Matches } from './matches.js'

export class GeoSpace {
  readonly matches = new Matches()
  readonly distances = new Distances()
  readonly digits = new FixedPoint()
  readonly letters = new Uint8Array(GEOHASH_LETTERS)
  /** The name of a match. */
  readonly member = new Piece()
  readonly place: Place = { longitude: 0, latitude: 0 }
  readonly other: Place = { longitude: 0, latitude: 0 }
}
