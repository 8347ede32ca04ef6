/** Random commands of all types on the same few keys; what `mixed.test.ts` says is left out is left out here. */

import fc from 'fast-check'
import type { Line } from '../support/compare.js'
import { bytesOf, latin1 } from '../support/runner.js'
import { genericCommand, stringCommand } from './arbitrary.js'
import { bitCommand, fieldCommand } from './arbitrary-bitmaps.js'
import { hashCommand, setCommand } from './arbitrary-collections.js'
import { geoCommand } from './arbitrary-geo.js'
import { command as logCommand } from './arbitrary-hyperloglogs.js'
import { listCommand } from './arbitrary-lists.js'
import { sorting } from './arbitrary-sort.js'
import { changing as changingSorted, reading as readingSorted } from './arbitrary-sorted-sets.js'
import {
  adding,
  changing as changingStreams,
  grouped,
  reading as readingStreams,
} from './arbitrary-streams.js'

/** All keys that these commands name. */
export const NAMES = [
  'a',
  'b',
  'c',
  'k',
  '',
  '\0\xff\r\n',
  'key:1',
  '{t}x',
  'd',
  'string',
  'set',
  'list',
  'zset',
]

/** Encodings are compared type by type: 7.2 has other ones. */
const keyCommand = genericCommand.filter(([name]) => !/^object$/i.test(String(name)))
/** Not of sets, which are in no order. */
const sorts = sorting.filter(
  (line) =>
    !/^(set|zset|string)$/.test(latin1(bytesOf(line[1] ?? ''))) &&
    !line.some((part) => /^store$/i.test(latin1(bytesOf(part)))),
)
export const command: fc.Arbitrary<Line> = fc
  .oneof(
    { weight: 3, arbitrary: stringCommand },
    { weight: 4, arbitrary: keyCommand },
    { weight: 2, arbitrary: bitCommand },
    { weight: 1, arbitrary: fieldCommand },
    { weight: 3, arbitrary: hashCommand },
    { weight: 3, arbitrary: setCommand },
    { weight: 3, arbitrary: listCommand },
    { weight: 2, arbitrary: changingSorted },
    { weight: 2, arbitrary: readingSorted },
    { weight: 2, arbitrary: adding },
    { weight: 1, arbitrary: changingStreams },
    { weight: 2, arbitrary: grouped },
    { weight: 1, arbitrary: readingStreams },
    { weight: 2, arbitrary: geoCommand },
    { weight: 1, arbitrary: logCommand },
    { weight: 1, arbitrary: sorts },
  )
  .filter((line) => !line.some((part) => /^(storedist|object|bylex)$/i.test(latin1(bytesOf(part)))))

/** Small ones, so that few commands make large forms. */
export const LIMITS = new Map([
  ['list-max-listpack-size', 5],
  ['hash-max-listpack-entries', 4],
  ['hash-max-listpack-value', 64],
  ['set-max-intset-entries', 4],
  ['zset-max-listpack-entries', 4],
  ['zset-max-listpack-value', 64],
  ['stream-node-max-entries', 5],
  ['stream-node-max-bytes', 4096],
  ['hll-sparse-max-bytes', 300],
])
