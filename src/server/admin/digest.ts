/**
 * DEBUG DIGEST: twenty bytes that are the same for the same dataset, on any node, in any order of keys. The
 * way of mixing is Redis's (src/debug.c), so that a digest can be compared with redis-server's.
 */

import { createHash } from 'node:crypto'
import { formatDigits } from '../../bytes/double.js'
import { NO_FIELD_EXPIRY } from '../../keyspace/collections/field-times.js'
import type { Database } from '../../keyspace/database.js'
import { EXPIRES, HASH, LIST, SET, STREAM, STRING, ZSET } from '../../keyspace/entries.js'
import type { Keyspace } from '../../keyspace/keyspace.js'

const SHA1_BYTES = 20
const EXPIRE_MARK = new TextEncoder().encode('!!expire!!')
const FIELD_EXPIRE_MARK = new TextEncoder().encode('!!hexpire!!')

const sha1 = (bytes: Uint8Array): Uint8Array => createHash('sha1').update(bytes).digest()

/** Adds something whose order does not matter. */
function add(digest: Uint8Array, bytes: Uint8Array): void {
  const hash = sha1(bytes)
  for (let i = 0; i < SHA1_BYTES; i++) digest[i]! ^= hash[i]!
}

/** Adds something whose order matters. */
function mix(digest: Uint8Array, bytes: Uint8Array): void {
  add(digest, bytes)
  digest.set(sha1(digest))
}

function bigEndian32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)
}

/** How a score is written where it is mixed in. Redis 7.0 and 7.2 differ there, and so do their digests. */
type ScoreText = (score: number) => string

/** Mixes in a value; false for a type not known here. */
function valueInto(digest: Uint8Array, db: Database, handle: number, scoreText: ScoreText): boolean {
  const { entries, keyspace } = db
  const type = entries.type(handle)
  mix(digest, bigEndian32(type))
  if (type === STRING) {
    mix(digest, entries.value(handle))
  } else if (type === LIST) {
    const { element } = keyspace.lists
    keyspace.lists.forEach(handle, () => mix(digest, element.buf.subarray(element.start, element.end)))
  } else if (type === SET) {
    const { member } = keyspace.sets
    keyspace.sets.forEach(handle, () => add(digest, member.buf.subarray(member.start, member.end)))
  } else if (type === HASH) {
    const { field, value } = keyspace.hashes
    keyspace.hashes.forEach(handle, () => {
      const pair = new Uint8Array(SHA1_BYTES)
      mix(pair, field.buf.subarray(field.start, field.end))
      mix(pair, value.buf.subarray(value.start, value.end))
      if (keyspace.hashes.expiry !== NO_FIELD_EXPIRY) add(pair, FIELD_EXPIRE_MARK)
      add(digest, pair)
    })
  } else if (type === ZSET) {
    const { zsets } = keyspace
    zsets.forEach(handle, () => {
      const pair = new Uint8Array(SHA1_BYTES)
      mix(pair, zsets.member.buf.subarray(zsets.member.start, zsets.member.end))
      mix(pair, new TextEncoder().encode(scoreText(zsets.score)))
      add(digest, pair)
    })
  } else if (type === STREAM) {
    const { walk } = keyspace.streams
    walk.startAll(keyspace.streams.of(handle), false)
    while (walk.next()) {
      mix(digest, new TextEncoder().encode(walk.id.text().replace('-', '.')))
      for (let i = 0; i < walk.fields; i++) {
        walk.nextField()
        mix(digest, walk.field.buf.subarray(walk.field.start, walk.field.end))
        mix(digest, walk.value.buf.subarray(walk.value.start, walk.value.end))
      }
    }
  } else return false
  if ((entries.flags(handle) & EXPIRES) !== 0) add(digest, EXPIRE_MARK)
  return true
}

const hex = (digest: Uint8Array): string => Buffer.from(digest).toString('hex')

/** The digest of a key's value, zeros where there is no such key; undefined for a type not known here. */
export function digestOfValue(
  db: Database,
  key: Uint8Array,
  scoreText: ScoreText = formatDigits,
): string | undefined {
  const digest = new Uint8Array(SHA1_BYTES)
  const handle = db.peek(key, 0, key.length)
  if (handle !== 0 && !valueInto(digest, db, handle, scoreText)) return undefined
  return hex(digest)
}

/** The digest of everything; undefined where there is a value of a type not known here. */
export function digestOfDataset(keyspace: Keyspace, scoreText: ScoreText = formatDigits): string | undefined {
  const total = new Uint8Array(SHA1_BYTES)
  let known = true
  for (const [index, db] of keyspace.databases.entries()) {
    if (db.size === 0) continue
    mix(total, bigEndian32(index))
    db.forEach((handle) => {
      const digest = new Uint8Array(SHA1_BYTES)
      mix(digest, db.entries.key(handle))
      known = valueInto(digest, db, handle, scoreText) && known
      add(total, digest)
    })
  }
  return known ? hex(total) : undefined
}
