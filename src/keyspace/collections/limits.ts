/** Up to which size collections keep their small form: directives of the configuration, and what they are if nobody says. */

export type CollectionLimit =
  | 'hash-max-listpack-entries'
  | 'hash-max-listpack-value'
  | 'list-max-listpack-size'
  | 'list-compress-depth'
  | 'set-max-intset-entries'
  | 'set-max-listpack-entries'
  | 'set-max-listpack-value'
  | 'zset-max-listpack-entries'
  | 'zset-max-listpack-value'
  | 'stream-node-max-bytes'
  | 'stream-node-max-entries'
  | 'hll-sparse-max-bytes'

/** Plain numbers: they are asked for with every element that is written, and a configuration is slow to read. */
export type CollectionLimits = Record<CollectionLimit, number>

export const DEFAULT_LIMITS: Readonly<CollectionLimits> = {
  'hash-max-listpack-entries': 512,
  'hash-max-listpack-value': 64,
  'list-max-listpack-size': -2,
  'list-compress-depth': 0,
  'set-max-intset-entries': 512,
  'set-max-listpack-entries': 128,
  'set-max-listpack-value': 64,
  'zset-max-listpack-entries': 128,
  'zset-max-listpack-value': 64,
  'stream-node-max-bytes': 4096,
  'stream-node-max-entries': 100,
  'hll-sparse-max-bytes': 3000,
}

export function defaultLimit(name: CollectionLimit): number {
  return DEFAULT_LIMITS[name]
}
