/** GET and SET: the two commands that most others are measured by. */

import { STRING } from '../../keyspace/entries.js'
import { command, FAST, firstKey, KEY_ACCESS, KEY_RO, READONLY } from '../command.js'
import { WRONGTYPE } from '../errors.js'
import { NOTIFY_KEY_MISS } from '../host.js'

export const get = command(
  {
    name: 'GET',
    arity: 2,
    flags: READONLY | FAST,
    since: '1.0.0',
    group: 'string',
    summary: 'Returns the string value of a key.',
    complexity: 'O(1)',
    syntax: 'key',
    keys: firstKey(KEY_RO | KEY_ACCESS),
  },
  (call, args, reply) => {
    const start = args.start(1)
    const end = args.end(1)
    const handle = call.db.read(args.buf, start, end)
    if (handle === 0) {
      call.notify(NOTIFY_KEY_MISS, 'keymiss', args.buf, start, end)
      reply.nil()
      return
    }
    const entries = call.db.entries
    if (entries.type(handle) !== STRING) {
      reply.error(WRONGTYPE)
      return
    }
    const at = entries.valueStart(handle)
    reply.bulkRange(entries.bytes(handle), at, at + entries.valueLength(handle))
  },
)
