/** Room that searches of places use again and again. It belongs to a `Call`, on which one of them runs at a time. */

import { Piece } from '../../keyspace/collections/piece.js'
import { Distances } from './distance.js'
import type { Place } from './hash.js'
import { Matches } from './matches.js'

export class GeoSpace {
  readonly matches = new Matches()
  readonly distances = new Distances()
  /** The name of a match. */
  readonly member = new Piece()
  readonly place: Place = { longitude: 0, latitude: 0 }
}
