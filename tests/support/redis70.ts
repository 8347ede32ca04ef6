/**
 * Where redis-server 7.0, the oracle on test machines, differs from 7.2 on purpose of both. Only what is named here is
 * normalised. Everything else is compared byte by byte.
 *
 *     scores   7.0 writes C's `%.17g` (`1e-07`, `0.10000000000000001`), 7.2 few digits (`1e-7`, `0.1`)
 *     digests  contain scores as text
 */

import { formatDouble, seventeenDigits } from '../../src/bytes/double.js'
import type { Database } from '../../src/keyspace/database.js'
import type { Keyspace } from '../../src/keyspace/keyspace.js'
import { digestOfDataset, digestOfValue } from '../../src/server/admin/digest.js'

/** The digest that redis-server 7.0 has of this value. */
export const digestOfValueIn70 = (db: Database, key: Uint8Array) => digestOfValue(db, key, seventeenDigits)

/** The digest that redis-server 7.0 has of this dataset. */
export const digestOfDatasetIn70 = (keyspace: Keyspace) => digestOfDataset(keyspace, seventeenDigits)

/** A score as redis-server 7.0 wrote it, as 7.2 writes the same double. What is no finite number stays. */
export function scoreIn72(text: string): string {
  const value = Number(text)
  return text === '' || !Number.isFinite(value) ? text : formatDouble(value)
}
