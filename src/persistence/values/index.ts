/** The codecs by type. A type that is missing here cannot be saved, loaded, dumped or restored. */

import { HASH, LIST, SET, STREAM, ZSET } from '../../keyspace/entries.js'
import { VALUE_TYPES } from '../rdb/format.js'
import type { ValueCodec } from './codec.js'
import { HASH_CODEC } from './hash.js'
import { LIST_CODEC } from './list.js'
import { SET_CODEC } from './set.js'
import { STREAM_CODEC } from './stream.js'
import { ZSET_CODEC } from './zset.js'

const CODECS: ReadonlyMap<number, ValueCodec> = new Map([
  [HASH, HASH_CODEC],
  [LIST, LIST_CODEC],
  [SET, SET_CODEC],
  [ZSET, ZSET_CODEC],
  [STREAM, STREAM_CODEC],
])
const TYPE_OF_NAME: ReadonlyMap<string, number> = new Map([
  ['hash', HASH],
  ['list', LIST],
  ['set', SET],
  ['zset', ZSET],
  ['stream', STREAM],
])

/** By the type of an entry. */
export function codecOf(type: number): ValueCodec | undefined {
  return CODECS.get(type)
}

/** By the type byte of RDB data. */
export function codecForRdb(rdbType: number): ValueCodec | undefined {
  const type = TYPE_OF_NAME.get(VALUE_TYPES.get(rdbType)?.name ?? '')
  return type === undefined ? undefined : CODECS.get(type)
}
