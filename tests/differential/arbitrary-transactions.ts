/** Random commands of clients that watch keys and collect commands; as texts with blanks between the words. */

import fc from 'fast-check'

const key = fc.constantFrom('a', 'b', 'c')
export const command = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('MULTI', 'EXEC', 'MULTI', 'EXEC', 'DISCARD', 'UNWATCH') },
  { weight: 3, arbitrary: key.map((k) => `WATCH ${k}`) },
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.constantFrom('GET', 'DEL', 'INCR', 'EXISTS', 'PERSIST'), key)
      .map((p) => p.join(' ')),
  },
  { weight: 3, arbitrary: key.map((k) => `SET ${k} 1`) },
  { weight: 3, arbitrary: key.map((k) => `SET ${k} 1 PX 1`) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'FLUSHDB',
      'FLUSHALL',
      'SWAPDB 0 1',
      'SELECT 0',
      'SELECT 1',
      'NOSUCH',
      'GET',
      'MSET a 1 b 2',
      'WATCH a b',
      'PING',
      'EXEC now',
      'SAVE',
      'PUBLISH ch m',
      'RENAME a b',
    ),
  },
)
