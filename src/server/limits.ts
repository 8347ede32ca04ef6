/** The keyspace's limits for small collections, kept as the configuration says. */

import {
  type CollectionLimit,
  type CollectionLimits,
  DEFAULT_LIMITS,
} from '../keyspace/collections/limits.js'
import type { ServerNode } from './node.js'

/** Takes the limits from the configuration, and again whenever that changes: the keyspace gets another function then. */
export function keepLimits(node: ServerNode): void {
  const limits: CollectionLimits = { ...DEFAULT_LIMITS }
  const names = Object.keys(limits) as CollectionLimit[]
  const read = () => {
    for (const name of names) limits[name] = node.configNumber(name)
    node.keyspace.limit = (name) => limits[name]
    return undefined
  }
  read()
  node.config.onChange(names, read)
}
