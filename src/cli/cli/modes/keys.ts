/** Modes that walk over all keys: --scan, --bigkeys, --memkeys, --hotkeys. */

import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Argument,
  ConnectionError,
  errorOf,
  numberOf,
  type Reply,
  textOf,
} from '../../../client/index.js'
import { Exit } from '../exit.js'
import type { Session } from '../session.js'
import { type Bytes, quote, toBytes } from '../text.js'
import { dbSize, percent, scanKeys, watchInterrupt } from './common.js'

export async function listKeys(session: Session): Promise<number> {
  const { options } = session
  const interrupt = watchInterrupt(session)
  for await (const keys of scanKeys(session, interrupt.interrupted)) {
    session.print(keys.map((key) => `${options.output === 'standard' ? quote(key) : key}\n`).join(''))
    await session.flushed()
    if (options.interval_ms > 0) await sleep(options.interval_ms)
  }
  interrupt.stop()
  return 0
}

interface KeyType {
  readonly name: string
  /** Undefined: a module's type, whose members nobody can count. */
  readonly command: string | undefined
  readonly unit: string
  biggest: number
  biggestKey: string | undefined
  count: number
  total: number
}

const KINDS: readonly (readonly [string, string, string])[] = [
  ['list', 'LLEN', 'items'],
  ['hash', 'HLEN', 'fields'],
  ['string', 'STRLEN', 'bytes'],
  ['stream', 'XLEN', 'entries'],
  ['set', 'SCARD', 'members'],
  ['zset', 'ZCARD', 'members'],
]

const PROGRESS_EVERY_KEYS = 1_000_000
const LOOPS_PER_PAUSE = 100

function intro(what: string): string {
  return (
    `\n# Scanning the entire keyspace to find ${what} keys as well as\n` +
    '# average sizes per key type.  You can use -i 0.1 to sleep 0.1 sec\n' +
    '# per 100 SCAN commands (not usually needed).\n\n'
  )
}

async function pipeline(session: Session, commands: Argument[][], complaint: string): Promise<Reply[]> {
  try {
    return await session.connection!.pipeline(commands)
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error
    session.complain(`${complaint} (${error.message})\n`)
    throw new Exit(1)
  }
}

export async function bigKeys(session: Session, byMemory: boolean): Promise<number> {
  const types = new Map<string, KeyType>(
    KINDS.map(([name, command, unit]) => [name, keyType(name, command, unit)]),
  )
  const interrupt = watchInterrupt(session)
  const totalKeys = await dbSize(session)
  let sampled = 0
  let nameBytes = 0
  let loops = 0
  let done = Number.NaN
  session.print(intro('biggest'))
  for await (const keys of scanKeys(session, interrupt.interrupted)) {
    done = (100 * sampled) / totalKeys
    loops++
    const found = await typesOf(session, types, keys)
    const sizes = await sizesOf(session, keys, found, byMemory)
    keys.forEach((key, i) => {
      const type = found[i]
      if (type === undefined) return
      const size = sizes[i]!
      type.total += size
      type.count++
      nameBytes += key.length
      sampled++
      if (type.biggest < size) {
        type.biggest = size
        type.biggestKey = quote(key)
        const unit = byMemory ? 'bytes' : type.unit
        session.print(
          `[${percent(done)}%] Biggest ${type.name.padEnd(6)} found so far '${type.biggestKey}' with ${size} ${unit}\n`,
        )
      }
      if (sampled % PROGRESS_EVERY_KEYS === 0)
        session.print(`[${percent(done)}%] Sampled ${sampled} keys so far\n`)
    })
    const { interval_ms } = session.options
    if (interval_ms > 0 && loops % LOOPS_PER_PAUSE === 0) await sleep(interval_ms)
  }
  interrupt.stop()
  const average = (sum: number, count: number) => (count > 0 ? sum / count : 0).toFixed(2)
  session.print(
    `\n-------- summary -------\n\n${interrupt.interrupted() ? `[${percent(done)}%] ` : ''}` +
      `Sampled ${sampled} keys in the keyspace!\n` +
      `Total key length in bytes is ${nameBytes} (avg len ${average(nameBytes, sampled)})\n\n`,
  )
  for (const { name, biggestKey, biggest, unit } of types.values()) {
    if (biggestKey === undefined) continue
    session.print(
      `Biggest ${name.padStart(6)} found '${biggestKey}' has ${biggest} ${byMemory ? 'bytes' : unit}\n`,
    )
  }
  session.print('\n')
  for (const { name, count, total, unit } of types.values()) {
    const share = percent(sampled > 0 ? (100 * count) / sampled : 0)
    session.print(
      `${count} ${name}s with ${total} ${byMemory ? 'bytes' : unit} ` +
        `(${share}% of keys, avg size ${average(total, count)})\n`,
    )
  }
  return 0
}

function keyType(name: string, command: string | undefined, unit: string): KeyType {
  return { name, command, unit, biggest: 0, biggestKey: undefined, count: 0, total: 0 }
}

async function typesOf(
  session: Session,
  types: Map<string, KeyType>,
  keys: readonly Bytes[],
): Promise<(KeyType | undefined)[]> {
  const replies = await pipeline(
    session,
    keys.map((key) => ['TYPE', toBytes(key)]),
    'Error getting type for keys',
  )
  return replies.map((reply) => {
    const error = errorOf(reply)
    if (error !== undefined) {
      session.complain(`TYPE returned an error: ${error}\n`)
      throw new Exit(1)
    }
    const name = textOf(reply) ?? 'none'
    if (name === 'none') return undefined // gone since SCAN
    const known = types.get(name) ?? keyType(name, undefined, '?')
    types.set(name, known)
    return known
  })
}

async function sizesOf(
  session: Session,
  keys: readonly Bytes[],
  types: readonly (KeyType | undefined)[],
  byMemory: boolean,
): Promise<number[]> {
  const { memorySamples } = session.options
  const asked = keys.flatMap((key, i) => {
    const type = types[i]
    if (type === undefined || (type.command === undefined && !byMemory)) return []
    const samples = memorySamples > 0 ? ['SAMPLES', memorySamples] : []
    const command: Argument[] = byMemory
      ? ['MEMORY', 'USAGE', toBytes(key), ...samples]
      : [type.command!, toBytes(key)]
    return [{ i, command }]
  })
  const replies = await pipeline(
    session,
    asked.map((one) => one.command),
    'Error getting size for keys',
  )
  const sizes = keys.map(() => 0)
  replies.forEach((reply, place) => {
    const { i } = asked[place]!
    if (reply.kind === 'integer') {
      sizes[i] = Number(reply.value)
      return
    }
    const command = byMemory ? 'MEMORY USAGE' : types[i]!.command
    session.complain(`Warning:  ${command} on '${keys[i]}' failed (may have changed type)\n`)
  })
  return sizes
}

const HOT_KEYS = 16

export async function hotKeys(session: Session): Promise<number> {
  const interrupt = watchInterrupt(session)
  const totalKeys = await dbSize(session)
  /** The hottest so far, coldest of them first. */
  const hottest: { key: string; count: number }[] = []
  let sampled = 0
  let loops = 0
  let done = Number.NaN
  session.print(intro('hot'))
  for await (const keys of scanKeys(session, interrupt.interrupted)) {
    done = (100 * sampled) / totalKeys
    loops++
    const commands = keys.map((key) => ['OBJECT', 'FREQ', toBytes(key)])
    const replies = await pipeline(session, commands, 'Error getting freq for keys')
    replies.forEach((reply, i) => {
      const error = errorOf(reply)
      if (error !== undefined) {
        session.complain(`Error: ${error}\n`)
        throw new Exit(1)
      }
      const name = quote(keys[i]!)
      const count = numberOf(reply)
      if (count === undefined)
        session.complain(`Warning: OBJECT freq on '${name}' failed (may have been deleted)\n`)
      sampled++
      if (sampled % PROGRESS_EVERY_KEYS === 0)
        session.print(`[${percent(done)}%] Sampled ${sampled} keys so far\n`)
      if (count === undefined || !enter(hottest, { key: name, count })) return
      session.print(`[${percent(done)}%] Hot key '${name}' found so far with counter ${count}\n`)
    })
    const { interval_ms } = session.options
    if (interval_ms > 0 && loops % LOOPS_PER_PAUSE === 0) await sleep(interval_ms)
  }
  interrupt.stop()
  session.print(
    `\n-------- summary -------\n\n${interrupt.interrupted() ? `[${percent(done)}%] ` : ''}` +
      `Sampled ${sampled} keys in the keyspace!\n`,
  )
  for (const { key, count } of hottest.toReversed()) {
    session.print(`hot key found with counter: ${count}\tkeyname: ${key}\n`)
  }
  return 0
}

/** Keeps the hottest in order; of equals the earlier one stays the hotter. False: it is none of them. */
function enter(hottest: { key: string; count: number }[], one: { key: string; count: number }): boolean {
  if (one.count <= 0) return false
  const place = hottest.findIndex((other) => other.count >= one.count)
  if (hottest.length >= HOT_KEYS) {
    if (place === 0) return false
    hottest.splice(place === -1 ? hottest.length : place, 0, one)
    hottest.shift()
  } else hottest.splice(place === -1 ? hottest.length : place, 0, one)
  return true
}
