/**
 * Replies of redis-server 7.0 and of Shoal that are not the same bytes and mean the same: members in another order, scores with
 * other digits, and what 7.2, which Shoal follows, has otherwise than 7.0.
 */

import type { Difference, Line } from '../support/compare.js'
import { scoreIn72 } from '../support/redis70.js'
import { bytesOf, latin1 } from '../support/runner.js'
import { type Decoded, decode } from '../support/wire.js'

/** Replies whose order is a hash table's own affair. */
const UNORDERED =
  /^(smembers|sinter|sunion|sdiff|sscan|spop|srandmember|hgetall|hkeys|hvals|hscan|hrandfield)$/i

export function alikeCollections(line: Line, redis: string, shoal: string): boolean {
  // Since 7.2 the arguments of HSET and SADD count before they are looked at, those given twice too.
  if (/^object$/i.test(String(line[0]))) return /listpack|intset/.test(redis) && /hashtable/.test(shoal)
  if (!UNORDERED.test(String(line[0])) || redis.length !== shoal.length) return false
  const inPairs = /^(hgetall|hscan)$/i.test(String(line[0]))
  const leaves = (reply: string): string => {
    const decoded = decode(reply)
    const list = Array.isArray(decoded) ? decoded : [decoded]
    // A scan's cursor comes first.
    const elements = /scan$/i.test(String(line[0])) && Array.isArray(list[1]) ? (list[1] as Decoded[]) : list
    const units: string[] = []
    for (let i = 0; i < elements.length; i += inPairs ? 2 : 1) {
      units.push(JSON.stringify(inPairs ? elements.slice(i, i + 2) : elements[i]))
    }
    return [reply[0], JSON.stringify(elements === list ? null : list[0]), ...units.sort()].join(' ')
  }
  return leaves(redis) === leaves(shoal)
}

const NUMBER = /^[-+]?(\d|inf)/

/**
 * Since 7.2 the arguments of ZADD and SADD count before they are looked at, and small sets are listpacks. Scores of 7.0 have
 * other digits (`scoreIn72`).
 */
export function alikeSorted(line: Line, redis: string, shoal: string): boolean {
  if (/^object$/i.test(String(line[0]))) {
    return (/listpack/.test(redis) && /skiplist/.test(shoal)) || /hashtable|intset/.test(redis)
  }
  if (/^zscan$/i.test(String(line[0]))) return scanned(redis) === scanned(shoal)
  const [a, b] = [redis, shoal].map((reply) => reply.replace(/^[,$]\d+\r\n(?=[-\d])|^,/gm, '').split('\r\n'))
  return (
    a!.length === b!.length &&
    a!.every((part, i) => part === b![i] || (NUMBER.test(part) && scoreIn72(part) === b![i]))
  )
}

/** What a scan found, in no order: that of a large set is the table's own affair. */
function scanned(reply: string): string {
  const [cursor, page] = decode(reply) as [string, string[] | undefined]
  if (!Array.isArray(page)) return reply
  const pairs: string[] = []
  for (let i = 0; i < page.length; i += 2) pairs.push(`${page[i]} ${Number(page[i + 1])}`)
  return JSON.stringify([cursor, pairs.sort()])
}

const MAX = '18446744073709551615'

/** A reply without what 7.0 has otherwise, and without times. */
export function masked(line: Line, reply: string): string {
  const name = String(line[0]).toLowerCase()
  if (name === 'xinfo') {
    return (
      reply
        .replace(/\$8\r\ninactive\r\n:-?\d+\r\n/g, '')
        .replace(/\$11\r\nactive-time\r\n:-?\d+\r\n/g, '')
        .replace(/(\$9\r\nseen-time\r\n|\$4\r\nidle\r\n):\d+/g, '$1:<ms>')
        .replace(/:1[6-9]\d{11}\r/g, ':<ms>\r')
        .replace(/[*%]\d+\r\n(?=\$4\r\nname)/g, '')
        .replace(/\*0\r\n$/, '')
        // What Redis makes of an empty stream in a file of an older version.
        .replace(`$41\r\n${MAX}-${MAX}`, '$3\r\n0-0')
    )
  }
  // When an entry was given to its consumer: a few milliseconds ago, or long ago where XCLAIM said so.
  if (name === 'xpending') return reply.replace(/(\r\n):\d+(\r\n:\d+\r\n)(?=\*4|$)/g, '$1:<ms>$2')
  // Where the part after the time has no next number, 7.0 may say something that it meant to say earlier.
  if (name === 'xadd' && line.some((part) => /^\d+-\*$/.test(String(part)))) {
    return reply.replace(
      'Elements are too large to be stored',
      'The ID specified in XADD is equal or smaller than the target stream top item',
    )
  }
  // Since 7.2 the text names the command.
  if (name.startsWith('xread')) return reply.replace(/^-ERR Unbalanced .*/, '-ERR Unbalanced')
  return reply
}

export function alikeStreams(line: Line, redis: string, shoal: string): boolean {
  return masked(line, redis) === masked(line, shoal)
}

/**
 * Since 7.2 a consumer is made even if XCLAIM finds nothing for it, or XREADGROUP nothing new. Here each is made before such a
 * command, so that both have it.
 */
export function prepared(lines: readonly Line[]): Line[] {
  return lines.flatMap((line) => {
    const [name, ...rest] = line
    if (/^xclaim$|^xautoclaim$/i.test(String(name))) {
      return [['XGROUP', 'CREATECONSUMER', ...rest.slice(0, 3)], line]
    }
    if (!/^xreadgroup$/i.test(String(name))) return [line]
    const keys = line.slice(line.findIndex((part) => /^streams$/i.test(String(part))) + 1)
    const makers = keys
      .slice(0, keys.length / 2)
      .map((one): Line => ['XGROUP', 'CREATECONSUMER', one, line[2] ?? '', line[3] ?? ''])
    return [...makers, line]
  })
}

/** Scores that were distances may differ in their last bit; Redis 7.0 shows 17 digits where 7.2 shows as few as needed. */
export function alikePlaces(line: Line, redis: string, shoal: string): boolean {
  if (!/^zrange$/i.test(String(line[0]))) return false
  const a = (decode(redis) as string[]).flat() as string[]
  const b = (decode(shoal) as string[]).flat() as string[]
  return (
    a.length === b.length && a.every((part, i) => part === b[i] || nearlyEqual(Number(part), Number(b[i])))
  )
}

export function nearlyEqual(a: number, b: number): boolean {
  return Math.abs(a - b) <= Math.abs(a) * 1e-15
}

const has = (line: Line, word: string) => line.some((part) => String(part).toLowerCase() === word)

/** Where nothing says what comes first, the same elements count, and with LIMIT as many. */
export function alikeSorts(line: Line, redis: string, shoal: string): boolean {
  const name = latin1(bytesOf(line[1] ?? ''))
  const unordered = name === 'set' || name === 'zset'
  if (!unordered || !(has(line, 'by') || has(line, 'alpha')) || redis[0] !== '*' || shoal[0] !== '*')
    return false
  const a = decode(redis) as unknown[]
  const b = decode(shoal) as unknown[]
  if (has(line, 'limit') || has(line, 'get')) return a.length === b.length
  return [...a].map(String).sort().join() === [...b].map(String).sort().join()
}

/** Which keys are missed depends on the order of a set's members; in lists it is compared below. */
export function isAboutMisses({ command, redis, shoal }: Difference): boolean {
  const others = (list: string) => list.replace(/keymiss \d+ [^;]*(; |$)/g, '')
  return command === 'notifications' && others(redis) === others(shoal)
}

/** Sorts without an order that are stored would make the rest of the sequence another one. */
export const stable = (line: Line) =>
  !((has(line, 'by') || has(line, 'alpha')) && has(line, 'store') && (has(line, 'set') || has(line, 'zset')))

/** For commands of all types in one sequence. */
export function alikeAny(line: Line, redis: string, shoal: string): boolean {
  const name = String(line[0]).toLowerCase()
  if (name.startsWith('x')) return alikeStreams(line, redis, shoal)
  if (name.startsWith('sort')) return alikeSorts(line, redis, shoal)
  if (name.startsWith('z')) return alikeSorted(line, redis, shoal)
  return alikeCollections(line, redis, shoal)
}
