/**
 * MIGRATE: keys go to another node and, acknowledged there, are removed here. What needs a socket is the host's
 * (MigrateRequest); which keys, in which form, and what becomes of them afterwards is told here.
 */

import { ascii } from '../../bytes/ascii.js'
import { NAME_BYTES_MAX } from '../../bytes/text-limits.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import {
  command,
  KEY_ACCESS,
  KEY_DELETE,
  KEY_INCOMPLETE,
  KEY_RW,
  keyAt,
  MOVABLE_KEYS,
  WRITE,
} from '../command.js'
import { NOT_AN_INTEGER, replyError, SYNTAX } from '../errors.js'
import { CHANGED_HERE, type MigrateOutcome, type MigratingKey, NOTIFY_GENERIC } from '../host.js'
import { nearInteger } from '../int64.js'
import { readKey } from '../lookup.js'
import { dumpEntry } from './dump.js'

const DEL = ascii('DEL')
const DEFAULT_TIMEOUT_MS = 1000
const KEY_FLAGS = KEY_RW | KEY_ACCESS | KEY_DELETE
const CHANGED_MEANWHILE = 'IOERR a key has changed here after it was sent: it is on both instances'
const KEYS_NEED_EMPTY = 'ERR When using MIGRATE KEYS option, the key argument must be set to the empty string'

interface MigrateOptions {
  copy: boolean
  replace: boolean
  auth: Uint8Array[]
  firstKey: number
  keyCount: number
}

/** The options, or what is wrong with them. */
function readOptions(args: Args): MigrateOptions | string {
  const options: MigrateOptions = { copy: false, replace: false, auth: [], firstKey: 3, keyCount: 1 }
  for (let i = 6; i < args.count; i++) {
    const more = args.count - 1 - i
    if (args.is(i, 'copy')) {
      options.copy = true
    } else if (args.is(i, 'replace')) {
      options.replace = true
    } else if (args.is(i, 'auth') && more >= 1) {
      // A user name that an AUTH2 gave before stays, as in Redis.
      options.auth = [...options.auth.slice(0, -1), args.copy(++i)]
    } else if (args.is(i, 'auth2') && more >= 2) {
      options.auth = [args.copy(i + 1), args.copy(i + 2)]
      i += 2
    } else if (args.is(i, 'keys')) {
      if (args.length(3) !== 0) return KEYS_NEED_EMPTY
      options.firstKey = i + 1
      options.keyCount = more
      break
    } else {
      return SYNTAX
    }
  }
  return options
}

/** The keys that are there, as they are now; null where one holds a value that cannot be sent. */
function collect(call: Call, args: Args, options: MigrateOptions): MigratingKey[] | null {
  const keys: MigratingKey[] = []
  for (let i = 0; i < options.keyCount; i++) {
    const index = options.firstKey + i
    const handle = readKey(call, args, index)
    if (handle === 0) continue
    if (!dumpEntry(call, handle)) return null
    const expiry_ms = call.db.entries.exactExpiry(handle)
    keys.push({ key: args.copy(index), payload: call.dumping.take(), expiry_ms })
  }
  return keys
}

/** What the other node has taken is removed here, and goes out as DEL. */
function removeMoved(call: Call, keys: readonly MigratingKey[], outcomes: readonly MigrateOutcome[]): void {
  const removed: Uint8Array[] = []
  for (const [i, outcome] of outcomes.entries()) {
    const key = keys[i]?.key
    if (outcome !== null || key === undefined || !call.db.delete(key, 0, key.length)) continue
    removed.push(key)
    call.dirty++
    call.notify(NOTIFY_GENERIC, 'del', key, 0, key.length)
  }
  if (removed.length > 0) call.propagate(DEL, ...removed)
}

export const migrate = command(
  {
    name: 'MIGRATE',
    arity: -6,
    flags: WRITE | MOVABLE_KEYS,
    since: '2.6.0',
    group: 'generic',
    summary: 'Moves keys to another node.',
    complexity: 'O(N) with N bytes or elements of the values, here and there',
    syntax:
      'host port <key | ""> destination-db timeout [COPY] [REPLACE] [AUTH password | AUTH2 username password] [KEYS key [key ...]]',
    keys: [
      ...keyAt(3, KEY_FLAGS),
      {
        flags: KEY_FLAGS | KEY_INCOMPLETE,
        begin: { keyword: 'KEYS', from: -2 },
        find: { last: -1, step: 1, limit: 0 },
      },
    ],
    categories: ['keyspace', 'dangerous'],
    tips: ['nondeterministic_output'],
    history: [
      ['3.0.0', 'Knows `COPY` and `REPLACE`.'],
      ['3.0.6', 'Knows `KEYS`.'],
      ['4.0.7', 'Knows `AUTH`.'],
      ['6.0.0', 'Knows `AUTH2`.'],
    ],
  },
  (call, args, reply) => {
    const options = readOptions(args)
    if (typeof options === 'string') {
      reply.error(options)
      return
    }
    const timeout_ms = nearInteger(args, 5)
    const db = nearInteger(args, 4)
    if (Number.isNaN(timeout_ms) || Number.isNaN(db)) {
      reply.error(NOT_AN_INTEGER)
      return
    }
    const keys = collect(call, args, options)
    if (keys === null || call.host.migrate === undefined) {
      reply.error('ERR MIGRATE cannot send these keys from here')
    } else if (keys.length === 0) {
      reply.simple('NOKEY')
    } else if (call.caller.denyBlocking) {
      // Redis stops the whole node until the other one has answered; here only the client waits, which EXEC cannot.
      reply.error('ERR MIGRATE is not allowed in a transaction or a script')
    } else {
      call.host.migrate({
        host: args.text(1, NAME_BYTES_MAX),
        port: Math.trunc(Number.parseInt(args.numeral(2), 10)) || 0,
        db,
        timeout_ms: timeout_ms > 0 ? timeout_ms : DEFAULT_TIMEOUT_MS,
        replace: options.replace,
        auth: options.auth,
        keys,
        finish: (later, answer, outcomes, failed) =>
          finish(later, answer, options.copy ? [] : keys, outcomes, failed),
      })
    }
  },
  findMigrateKeys,
)

/** Whether a key that the other node has taken is still here, with another value than that. */
function stayed(call: Call, keys: readonly MigratingKey[], outcomes: readonly MigrateOutcome[]): boolean {
  return keys.some(({ key }, i) => outcomes[i] === CHANGED_HERE && call.db.find(key, 0, key.length) !== 0)
}

function finish(
  call: Call,
  reply: Reply,
  keys: readonly MigratingKey[],
  outcomes: readonly MigrateOutcome[],
  failed: string | null,
): void {
  removeMoved(call, keys, outcomes)
  const refused = outcomes.find((outcome) => typeof outcome === 'string')
  if (refused !== undefined) replyError(reply, `ERR Target instance replied with error: ${refused}`)
  else if (failed === null && stayed(call, keys, outcomes)) reply.error(CHANGED_MEANWHILE)
  else if (failed !== null) replyError(reply, failed)
  else reply.ok()
}

/** One key as argument 3, or, where that is empty, all that follows KEYS. */
function findMigrateKeys(args: Args, push: (index: number) => void): void {
  for (let i = 6; i < args.count; i++) {
    if (args.is(i, 'keys')) {
      // With a key in its usual place this is a mistake, which the command itself will name.
      if (args.length(3) === 0) for (let key = i + 1; key < args.count; key++) push(key)
      return
    }
    if (args.is(i, 'auth')) i++
    else if (args.is(i, 'auth2')) i += 2
  }
  push(3)
}

export const MIGRATE_FAMILY = [migrate]
