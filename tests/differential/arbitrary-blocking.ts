/** Random commands that wait for keys, and those that make them ready; as texts with blanks between the words. */

import fc from 'fast-check'

export const key = fc.constantFrom('a', 'b', 'c')
const element = fc.nat(9).map(String)
const end = fc.constantFrom('LEFT', 'RIGHT')
export const words = (...parts: fc.Arbitrary<string>[]) => fc.tuple(...parts).map((list) => list.join(' '))
export const word = (...options: string[]) => fc.constantFrom(...options)

const push = words(word('LPUSH', 'RPUSH'), key, element)
const pushMany = words(word('LPUSH', 'RPUSH'), key, element, element, element)
const add = words(word('ZADD'), key, element, word('x', 'y', 'z'))
export const writeList = fc.oneof(
  { weight: 6, arbitrary: push },
  { weight: 3, arbitrary: pushMany },
  { weight: 1, arbitrary: words(word('LPUSHX', 'RPUSHX'), key, element) },
  { weight: 1, arbitrary: words(word('LINSERT'), key, word('BEFORE'), element, element) },
  { weight: 2, arbitrary: words(word('RPOPLPUSH'), key, key) },
  { weight: 2, arbitrary: words(word('LMOVE'), key, key, end, end) },
  { weight: 2, arbitrary: words(word('LPOP', 'RPOP'), key) },
)
export const writeSorted = fc.oneof(
  { weight: 6, arbitrary: add },
  { weight: 1, arbitrary: words(word('ZADD'), key, word('1 x 2 y 3 z')) },
  { weight: 1, arbitrary: words(word('ZINCRBY'), key, element, word('x', 'y')) },
  { weight: 1, arbitrary: words(word('ZUNIONSTORE', 'ZINTERSTORE'), key, word('1'), key) },
  { weight: 1, arbitrary: words(word('ZRANGESTORE'), key, key, word('0 -1')) },
  { weight: 2, arbitrary: words(word('ZPOPMIN', 'ZPOPMAX'), key) },
)
export const writeAny = fc.oneof(
  { weight: 2, arbitrary: words(word('DEL', 'UNLINK'), key) },
  { weight: 1, arbitrary: words(word('PEXPIRE'), key, word('-1')) },
  { weight: 2, arbitrary: words(word('RENAME', 'RENAMENX', 'COPY'), key, key) },
  { weight: 1, arbitrary: words(word('COPY'), key, key, word('DB 1', 'REPLACE', 'DB 0')) },
  { weight: 1, arbitrary: words(word('MOVE'), key, word('0', '1')) },
  { weight: 1, arbitrary: word('FLUSHALL', 'FLUSHDB', 'PING') },
)
export const write = fc.oneof(
  { weight: 4, arbitrary: writeList },
  { weight: 3, arbitrary: writeSorted },
  { weight: 3, arbitrary: writeAny },
  { weight: 1, arbitrary: words(word('SET', 'SADD', 'APPEND'), key, element) },
)
export const moveOne = fc.oneof(
  words(word('BLMOVE'), key, key, end, end, word('0')),
  words(word('BRPOPLPUSH'), key, key, word('0')),
)

/** Commands that wait for the lists, or sorted sets, that `keys` gives. */
export function waitForOf(keys: fc.Arbitrary<readonly string[]>, lists: boolean): fc.Arbitrary<string> {
  const listed = keys.map((list) => list.join(' '))
  const counted = keys.map((list) => `${list.length} ${list.join(' ')}`)
  const count = word('', ' COUNT 2', ' COUNT 9')
  const names = lists ? word('BLPOP', 'BRPOP') : word('BZPOPMIN', 'BZPOPMAX')
  const many = fc.tuple(counted, lists ? end : word('MIN', 'MAX'), count)
  return fc.oneof(
    { weight: 2, arbitrary: words(names, listed, word('0')) },
    {
      weight: 1,
      arbitrary: many.map(([list, where, more]) => `B${lists ? 'L' : 'Z'}MPOP 0 ${list} ${where}${more}`),
    },
  )
}

export function waitFor(keys: fc.Arbitrary<readonly string[]>): fc.Arbitrary<string> {
  return fc.oneof(waitForOf(keys, true), waitForOf(keys, false))
}

/**
 * Streams, whose IDs are given, since those that servers make up tell the time. One stream a client: whoever looked in vain
 * goes to the end of all its queues, in 7.2, where 7.0 looked for it and left it where it stood.
 */
const id = fc.tuple(fc.nat(5), fc.nat(3)).map((parts) => parts.join('-'))
const group = word('g', 'h')
export const writeStream = fc.oneof(
  { weight: 6, arbitrary: words(word('XADD'), key, id, word('f v', 'f v g w')) },
  { weight: 4, arbitrary: words(word('XGROUP CREATE'), key, group, word('$ MKSTREAM', '0 MKSTREAM', '1-1')) },
  { weight: 1, arbitrary: words(word('XGROUP DESTROY'), key, group) },
  { weight: 1, arbitrary: words(word('XACK'), key, group, id) },
  { weight: 1, arbitrary: words(word('XDEL'), key, id) },
  { weight: 1, arbitrary: words(word('XTRIM'), key, word('MAXLEN 1')) },
  { weight: 1, arbitrary: words(word('DEL', 'UNLINK'), key) },
  { weight: 1, arbitrary: word('FLUSHALL', 'FLUSHDB', 'PING') },
)
export const readStream = fc.oneof(
  words(word('XREAD BLOCK 0 STREAMS', 'XREAD COUNT 1 BLOCK 0 STREAMS'), key, fc.oneof(word('$', '0'), id)),
  words(
    word('XREADGROUP GROUP'),
    group,
    word('c', 'd'),
    word('BLOCK 0', 'COUNT 1 BLOCK 0'),
    word('STREAMS', 'NOACK STREAMS'),
    key,
    word('>', '>', '>', '0'),
  ),
)
