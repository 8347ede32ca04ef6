/** The commands that search: what each of them is called and takes. */

import {
  command,
  DENYOOM,
  firstKey,
  KEY_ACCESS,
  KEY_OW,
  KEY_RO,
  KEY_UPDATE,
  type KeySpec,
  keyAt,
  READONLY,
  WRITE,
} from '../command.js'
import type { SearchKind } from './request.js'
import { search } from './search.js'

const UNIT = '<M | KM | FT | MI>'
const COUNT = '[COUNT count [ANY]]'
const SHOWN = '[WITHCOORD] [WITHDIST] [WITHHASH]'
const SHAPE = `<FROMMEMBER member | FROMLONLAT longitude latitude> <BYRADIUS radius ${UNIT} | BYBOX width height ${UNIT}>`
const STORE = '[STORE key | STOREDIST key]'
const COST =
  'O(N+log(M)) with N members in the boxes of the map that cover what is searched, and M members of the set'
const UPPER_CASE = ['7.0.0', 'Takes units in upper case.'] as const
const ANY = ['6.2.0', 'Knows `ANY`.'] as const
const source = firstKey(KEY_RO | KEY_ACCESS)

/** The keys of GEORADIUS: STORE and STOREDIST stand somewhere behind the front. */
function storingKeys(from: number): KeySpec[] {
  const find = { last: 0, step: 1, limit: 0 }
  const flags = KEY_OW | KEY_UPDATE
  return [
    ...source,
    { flags, begin: { keyword: 'STORE', from }, find },
    { flags, begin: { keyword: 'STOREDIST', from }, find },
  ]
}

const OPTIONS: SearchKind = { middle: 'options', key: 1, mayStore: false, stores: false }

export const geosearch = command(
  {
    name: 'GEOSEARCH',
    arity: -7,
    flags: READONLY,
    since: '6.2.0',
    group: 'geo',
    summary: 'Returns the members within a circle or a box.',
    complexity: COST,
    syntax: `key ${SHAPE} [ASC | DESC] ${COUNT} ${SHOWN}`,
    keys: source,
    history: [UPPER_CASE],
  },
  (call, args, reply) => search(call, args, OPTIONS, reply),
)

const STORING: SearchKind = { middle: 'options', key: 2, mayStore: false, stores: true }

export const geosearchstore = command(
  {
    name: 'GEOSEARCHSTORE',
    arity: -8,
    flags: WRITE | DENYOOM,
    since: '6.2.0',
    group: 'geo',
    summary: 'Stores the members within a circle or a box, with their places or distances; counts them.',
    complexity: COST,
    syntax: `destination source ${SHAPE} [ASC | DESC] ${COUNT} [STOREDIST]`,
    keys: [...keyAt(1, KEY_OW | KEY_UPDATE), ...keyAt(2, KEY_RO | KEY_ACCESS)],
    history: [UPPER_CASE],
  },
  (call, args, reply) => search(call, args, STORING, reply),
)

const PLACE: SearchKind = { middle: 'place', key: 1, mayStore: true, stores: false }
const MEMBER: SearchKind = { middle: 'member', key: 1, mayStore: true, stores: false }
const TAIL = `radius ${UNIT} ${SHOWN} ${COUNT} [ASC | DESC]`

export const georadius = command(
  {
    name: 'GEORADIUS',
    arity: -6,
    flags: WRITE | DENYOOM,
    since: '3.2.0',
    group: 'geo',
    summary: 'Returns the members around a place, or stores them.',
    complexity: COST,
    syntax: `key longitude latitude ${TAIL} ${STORE}`,
    keys: storingKeys(6),
    history: [ANY, UPPER_CASE],
    deprecated: {
      since: '6.2.0',
      replacedBy: '`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument',
    },
  },
  (call, args, reply) => search(call, args, PLACE, reply),
)

export const georadiusRo = command(
  {
    name: 'GEORADIUS_RO',
    arity: -6,
    flags: READONLY,
    since: '3.2.10',
    group: 'geo',
    summary: 'Returns the members around a place.',
    complexity: COST,
    syntax: `key longitude latitude ${TAIL}`,
    keys: source,
    history: [ANY],
    deprecated: { since: '6.2.0', replacedBy: '`GEOSEARCH` with the `BYRADIUS` argument' },
  },
  (call, args, reply) => search(call, args, { ...PLACE, mayStore: false }, reply),
)

export const georadiusbymember = command(
  {
    name: 'GEORADIUSBYMEMBER',
    arity: -5,
    flags: WRITE | DENYOOM,
    since: '3.2.0',
    group: 'geo',
    summary: 'Returns the members around one of them, or stores them.',
    complexity: COST,
    syntax: `key member ${TAIL} ${STORE}`,
    keys: storingKeys(5),
    history: [ANY, UPPER_CASE],
    deprecated: {
      since: '6.2.0',
      replacedBy: '`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments',
    },
  },
  (call, args, reply) => search(call, args, MEMBER, reply),
)

export const georadiusbymemberRo = command(
  {
    name: 'GEORADIUSBYMEMBER_RO',
    arity: -5,
    flags: READONLY,
    since: '3.2.10',
    group: 'geo',
    summary: 'Returns the members around one of them.',
    complexity: COST,
    syntax: `key member ${TAIL}`,
    keys: source,
    deprecated: {
      since: '6.2.0',
      replacedBy: '`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments',
    },
  },
  (call, args, reply) => search(call, args, { ...MEMBER, mayStore: false }, reply),
)

export const GEO_SEARCH_FAMILY = [
  geosearch,
  geosearchstore,
  georadius,
  georadiusRo,
  georadiusbymember,
  georadiusbymemberRo,
]
