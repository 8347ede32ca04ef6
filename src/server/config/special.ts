/**
 * Directives that are more than one word of a plain kind: lists of points in time, limits by class of
 * client, addresses, flags of notification. Each is a value with a type, and how to set, show and rewrite
 * it; table.ts names them.
 */

import {
  NOTIFY_EVICTED,
  NOTIFY_EXPIRED,
  NOTIFY_GENERIC,
  NOTIFY_HASH,
  NOTIFY_KEY_MISS,
  NOTIFY_KEYEVENT,
  NOTIFY_KEYSPACE,
  NOTIFY_LIST,
  NOTIFY_MODULE,
  NOTIFY_NEW,
  NOTIFY_SET,
  NOTIFY_STREAM,
  NOTIFY_STRING,
  NOTIFY_ZSET,
} from '../../commands/host.js'
import type { Circumstances, Flag, Outcome, RewriteLine, SpecialDirective } from './directive.js'
import { floatOf, floatText, looseIntegerOf, sizeOf, sizeText } from './numbers.js'
import { beforeNul, lower, quoted } from './text.js'

const MULTI: readonly Flag[] = ['multi-arg']

/** A snapshot is due after `seconds` when at least `changes` writes have happened. */
export interface SavePoint {
  readonly seconds: number
  readonly changes: number
}

export const DEFAULT_SAVE: readonly SavePoint[] = [
  { seconds: 3600, changes: 1 },
  { seconds: 300, changes: 100 },
  { seconds: 60, changes: 10000 },
]

const toInt32 = (value: bigint): number => Number(BigInt.asIntN(32, value))

function setSave(
  given: readonly string[],
  current: readonly SavePoint[],
  at: Circumstances,
): Outcome<readonly SavePoint[]> {
  const empty = given.length === 1 && given[0] === ''
  const words = empty ? [] : given
  const numbers = words.map((word) => looseIntegerOf(beforeNul(word)))
  const wrong = (n: bigint | undefined, i: number) => n === undefined || n < (i % 2 === 0 ? 1n : 0n)
  if (words.length % 2 !== 0 || numbers.some(wrong)) return { error: 'Invalid save parameters' }
  const points: SavePoint[] = []
  for (let i = 0; i < numbers.length; i += 2) {
    points.push({ seconds: Number(numbers[i]!), changes: toInt32(numbers[i + 1]!) })
  }
  // The first save line of a file replaces the default points, every further one adds its own.
  const adds = at.readingFile && at.saveSeen && !empty
  if (at.readingFile) at.saveSeen = true
  return { value: adds ? [...current, ...points] : points, changed: true }
}

export const save: SpecialDirective<readonly SavePoint[]> = {
  kind: 'special',
  flags: MULTI,
  initial: DEFAULT_SAVE,
  set: setSave,
  show: (points) => points.map((p) => `${p.seconds} ${p.changes}`).join(' '),
  rewrite: (name, points) =>
    points.length === 0
      ? [{ text: `${name} ""`, force: true }]
      : points.map((p) => ({ text: `${name} ${p.seconds} ${p.changes}`, force: true })),
}

/** Bytes a client may leave unread: at once (hard), or for some seconds (soft). 0 means no limit. */
export interface BufferLimit {
  readonly hard: number
  readonly soft: number
  readonly seconds: number
}

export interface BufferLimits {
  readonly normal: BufferLimit
  readonly replica: BufferLimit
  readonly pubsub: BufferLimit
}

const CLIENT_CLASSES = ['normal', 'replica', 'pubsub'] as const

const MB = 1024 * 1024

export const DEFAULT_BUFFER_LIMITS: BufferLimits = {
  normal: { hard: 0, soft: 0, seconds: 0 },
  replica: { hard: 256 * MB, soft: 64 * MB, seconds: 60 },
  pubsub: { hard: 32 * MB, soft: 8 * MB, seconds: 60 },
}

function setBufferLimits(words: readonly string[], current: BufferLimits): Outcome<BufferLimits> {
  if (words.length % 4 !== 0) {
    return { error: 'Wrong number of arguments in buffer limit configuration.' }
  }
  const value: Record<(typeof CLIENT_CLASSES)[number], BufferLimit> = { ...current }
  for (let i = 0; i < words.length; i += 4) {
    const given = lower(beforeNul(words[i]!))
    const name = CLIENT_CLASSES.find((known) => known === (given === 'slave' ? 'replica' : given))
    if (name === undefined) return { error: 'Invalid client class specified in buffer limit configuration.' }
    const hard = sizeOf(beforeNul(words[i + 1]!))
    const soft = sizeOf(beforeNul(words[i + 2]!))
    const loose = looseIntegerOf(beforeNul(words[i + 3]!))
    const seconds = loose === undefined ? -1 : toInt32(loose)
    if (hard === undefined || soft === undefined || seconds < 0) {
      return { error: 'Error in hard, soft or soft_seconds setting in buffer limit configuration.' }
    }
    value[name] = { hard: Number(hard), soft: Number(soft), seconds }
  }
  return { value, changed: true }
}

export const clientOutputBufferLimit: SpecialDirective<BufferLimits> = {
  kind: 'special',
  flags: MULTI,
  initial: DEFAULT_BUFFER_LIMITS,
  set: setBufferLimits,
  show: (limits) =>
    CLIENT_CLASSES.map((name) => {
      const { hard, soft, seconds } = limits[name]
      return `${name === 'replica' ? 'slave' : name} ${hard} ${soft} ${seconds}`
    }).join(' '),
  rewrite: (option, limits) =>
    CLIENT_CLASSES.map((name) => {
      const { hard, soft, seconds } = limits[name]
      const initial = DEFAULT_BUFFER_LIMITS[name]
      const same = hard === initial.hard && soft === initial.soft && seconds === initial.seconds
      const sizes = `${sizeText(BigInt(hard))} ${sizeText(BigInt(soft))}`
      return { text: `${option} ${name} ${sizes} ${seconds}`, force: !same }
    }),
}

const OOM_COUNT = 3
const OOM_INITIAL: readonly number[] = [0, 200, 800]

function setOomScores(
  words: readonly string[],
  current: readonly number[],
  at: Circumstances,
): Outcome<readonly number[]> {
  if (words.length !== OOM_COUNT) return { error: 'wrong number of arguments' }
  const value: number[] = []
  for (const word of words) {
    const score = looseIntegerOf(beforeNul(word))
    if (score === undefined || score < -2000n || score > 2000n) {
      return { error: 'Invalid oom-score-adj-values, elements must be between -2000 and 2000.' }
    }
    value.push(Number(score))
  }
  if (value[1]! < value[0]! || value[2]! < value[1]!) {
    at.warn(
      'The oom-score-adj-values configuration may not work for non-privileged processes! ' +
        'Please consult the documentation.',
    )
  }
  return { value, changed: value.some((score, i) => score !== current[i]) }
}

/** Scores of a master, a replica and a background process. */
export const oomScoreAdjValues: SpecialDirective<readonly number[]> = {
  kind: 'special',
  flags: MULTI,
  initial: OOM_INITIAL,
  set: setOomScores,
  show: (scores) => scores.join(' '),
  rewrite: (name, scores) => [
    { text: `${name} ${scores.join(' ')}`, force: scores.some((score, i) => score !== OOM_INITIAL[i]) },
  ],
}

/** The letters of the classes of events, in the order in which they are shown. */
const EVENTS: readonly (readonly [letter: string, kind: number])[] = [
  ['g', NOTIFY_GENERIC],
  ['$', NOTIFY_STRING],
  ['l', NOTIFY_LIST],
  ['s', NOTIFY_SET],
  ['h', NOTIFY_HASH],
  ['z', NOTIFY_ZSET],
  ['x', NOTIFY_EXPIRED],
  ['e', NOTIFY_EVICTED],
  ['t', NOTIFY_STREAM],
  ['d', NOTIFY_MODULE],
  ['n', NOTIFY_NEW],
  ['K', NOTIFY_KEYSPACE],
  ['E', NOTIFY_KEYEVENT],
  ['m', NOTIFY_KEY_MISS],
]
/** What `A` stands for: the first ten. */
const ALL_EVENTS = EVENTS.slice(0, 10).reduce((mask, [, kind]) => mask | kind, 0)

function setNotify(words: readonly string[]): Outcome<number> {
  if (words.length !== 1) return { error: 'wrong number of arguments' }
  let mask = 0
  for (const char of beforeNul(words[0]!)) {
    const kind = char === 'A' ? ALL_EVENTS : EVENTS.find(([letter]) => letter === char)?.[1]
    if (kind === undefined) return { error: "Invalid event class character. Use 'Ag$lshzxeKEtmdn'." }
    mask |= kind
  }
  return { value: mask, changed: true }
}

/** With A in the place of all that it stands for; n is swallowed by A, as in Redis. */
function showNotify(mask: number): string {
  const all = (mask & ALL_EVENTS) === ALL_EVENTS
  const hidden = all ? ALL_EVENTS | NOTIFY_NEW : 0
  const letters = EVENTS.map(([letter, kind]) => ((mask & ~hidden & kind) === 0 ? '' : letter))
  return `${all ? 'A' : ''}${letters.join('')}`
}

/** The value is a mask of the kinds in commands/host.ts. */
export const notifyKeyspaceEvents: SpecialDirective<number> = {
  kind: 'special',
  flags: [],
  initial: 0,
  set: setNotify,
  show: showNotify,
  rewrite: (name, mask) => [{ text: `${name} ${quoted(showNotify(mask))}`, force: mask !== 0 }],
}

const BIND_ADDRESSES_MAX = 16
const BIND_INITIAL: readonly string[] = ['*', '-::*']

function setBind(words: readonly string[]): Outcome<readonly string[]> {
  if (words.length > BIND_ADDRESSES_MAX) return { error: 'Too many bind addresses specified.' }
  const empty = words.length === 1 && words[0] === ''
  return { value: empty ? [] : words.map(beforeNul), changed: true }
}

/** Addresses to listen on; '*' and '::*' are all of a family, a leading '-' makes one optional. */
export const bind: SpecialDirective<readonly string[]> = {
  kind: 'special',
  flags: MULTI,
  initial: BIND_INITIAL,
  set: setBind,
  show: (addresses) => addresses.join(' '),
  rewrite: (name, addresses) => {
    const initial = addresses.length === 2 && addresses.every((address, i) => address === BIND_INITIAL[i])
    if (initial) return []
    return [{ text: `${name} ${addresses.length === 0 ? '""' : addresses.join(' ')}`, force: true }]
  },
}

/** The master to follow; undefined for a master. */
export interface MasterAddress {
  readonly host: string
  readonly port: number
}

const SHOWN_MASTER_CHARS_MAX = 255

function setReplicaOf(words: readonly string[]): Outcome<MasterAddress | undefined> {
  if (words.length !== 2) return { error: 'wrong number of arguments' }
  const [host, portText] = [beforeNul(words[0]!), beforeNul(words[1]!)]
  if (lower(host) === 'no' && lower(portText) === 'one') return { value: undefined, changed: true }
  const port = looseIntegerOf(portText)
  if (port === undefined || toInt32(port) < 0 || toInt32(port) > 65535)
    return { error: 'Invalid master port' }
  return { value: { host, port: toInt32(port) }, changed: true }
}

export const replicaof: SpecialDirective<MasterAddress | undefined> = {
  kind: 'special',
  flags: ['immutable', ...MULTI],
  alias: 'slaveof',
  initial: undefined,
  set: setReplicaOf,
  show: (master) =>
    master === undefined ? '' : `${master.host} ${master.port}`.slice(0, SHOWN_MASTER_CHARS_MAX),
  rewrite: (name, master, clusterEnabled) =>
    clusterEnabled || master === undefined
      ? []
      : [{ text: `${name} ${master.host} ${master.port}`, force: true }],
}

function setPercentiles(words: readonly string[]): Outcome<readonly number[]> {
  const value: number[] = []
  if (words.length === 1 && words[0] === '') return { value, changed: true }
  for (const word of words) {
    const percentile = floatOf(word)
    if (percentile === undefined) return { error: 'Invalid latency-tracking-info-percentiles parameters' }
    if (percentile > 100 || percentile < 0) {
      return { error: 'latency-tracking-info-percentiles parameters should sit between [0.0,100.0]' }
    }
    value.push(percentile)
  }
  return { value, changed: true }
}

export const latencyTrackingInfoPercentiles: SpecialDirective<readonly number[]> = {
  kind: 'special',
  flags: MULTI,
  initial: [50, 99, 99.9],
  set: setPercentiles,
  show: (percentiles) => percentiles.map(floatText).join(' '),
  rewrite: (name, percentiles): readonly RewriteLine[] => [
    {
      text: `${name} ${percentiles.length === 0 ? '""' : percentiles.map(floatText).join(' ')}`,
      force: true,
    },
  ],
}

/**
 * The working directory. A node is an object and does not change the directory of its process: it keeps
 * the absolute path, and whoever opens a file resolves its name against it.
 */
export const dir: SpecialDirective<string> = {
  kind: 'special',
  flags: ['protected', 'deny-loading'],
  initial: '/',
  set: (words, current, at) => {
    if (words.length !== 1) return { error: 'wrong number of arguments' }
    const reached = at.changeDirectory(current, beforeNul(words[0]!))
    return 'reason' in reached ? { error: reached.reason } : { value: reached.path, changed: true }
  },
  show: (path) => path,
  rewrite: (name, path) => [{ text: `${name} ${quoted(path)}`, force: true }],
}
