/**
 * DEBUG: what tests need to look into a node or to put it into an odd state. Closed unless
 * enable-debug-command says otherwise, as in Redis. Other parts add theirs to `admin.debug`.
 */

import { ascii, utf8 } from '../../bytes/ascii.js'
import { ADMIN, type Command, LOADING, NOSCRIPT, PROTECTED, STALE } from '../../commands/command.js'
import { NO_SUCH_KEY } from '../../commands/errors.js'
import { encodingName, kindOf } from '../../commands/types.js'
import { NO_EXPIRY } from '../../keyspace/entries.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import { rewriteConfigFile } from '../admin/config-file.js'
import { digestOfDataset, digestOfValue } from '../admin/digest.js'
import { listpackText } from '../admin/listpack-text.js'
import { reloadAof, reloadRdb } from '../admin/reload.js'
import type { Client } from '../client.js'
import type { ServerNode } from '../node.js'
import { standStill } from '../persistence/append-only.js'
import { serverCommand } from '../server-command.js'
import { mayProtected } from './config.js'
import { atLeast, exactly, ODD_STATES, type Subcommand } from './debug-more.js'
import { declare } from './declare.js'

export type DebugHandler = (node: ServerNode, client: Client, args: Args, reply: Reply) => void

/** A payload of DUMP is the value with its type in front, and version and checksum behind. */
const PAYLOAD_FRAME_BYTES = 11
const UNKNOWN_TYPE = 'ERR DEBUG DIGEST does not know the type of a value'

/** Answers when a load from the disk is over; the client waits until then. */
function answerLater(
  node: ServerNode,
  client: Client,
  work: Promise<boolean>,
  failure: string,
  told: string,
): void {
  client.blocked = { kind: 'debug', deadline_ms: 0, timeout: () => {}, cancel: () => {} }
  const finish = (ok: boolean): void => {
    if (client.gone) return
    const reply = node.turn.outOf(client)
    if (ok) {
      node.log('notice', told)
      reply.ok()
    } else {
      node.countError(failure)
      reply.error(failure)
    }
    node.unblock(client)
  }
  work.then(finish, () => finish(false))
}

const reload: DebugHandler = (node, client, args, reply) => {
  let [save, flush] = [true, true]
  for (let i = 2; i < args.count; i++) {
    if (args.is(i, 'nosave')) save = false
    else if (args.is(i, 'noflush') || args.is(i, 'merge')) flush = flush && !args.is(i, 'noflush')
    else return reply.error('ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.')
  }
  const { persistence } = node
  if (persistence === null || client.denyBlocking) return reply.error('ERR DEBUG RELOAD is not possible here')
  if (save && !persistence.rdb.save()) return reply.error('ERR')
  const failure = 'ERR Error trying to load the RDB dump, check server logs.'
  answerLater(node, client, reloadRdb(node, persistence, flush), failure, 'DB reloaded by DEBUG RELOAD')
}

const loadAof: DebugHandler = (node, client, _args, reply) => {
  const { persistence } = node
  if (persistence === null || client.denyBlocking)
    return reply.error('ERR DEBUG LOADAOF is not possible here')
  const failure = 'ERR Error trying to load the AOF files, check server logs.'
  answerLater(node, client, reloadAof(node, persistence), failure, 'Append Only File loaded by DEBUG LOADAOF')
}

const object: DebugHandler = (node, client, args, reply) => {
  const db = node.keyspace.databases[client.db]!
  const handle = db.peek(args.buf, args.start(2), args.end(2))
  if (handle === 0) return reply.error(NO_SUCH_KEY)
  const { entries } = db
  const { dumping } = node.call
  const kind = kindOf(entries.type(handle))
  kind?.dump(dumping, node.keyspace, handle, node.config.values.rdbcompression)
  const length = kind === undefined ? 0 : dumping.length - PAYLOAD_FRAME_BYTES
  const clock = entries.access(handle) & 0xffffff
  const idle_s = (node.keyspace.lruClock - clock) & 0xffffff
  reply.simple(
    `Value at:0x${handle.toString(16)} refcount:1 encoding:${encodingName(entries.encoding(handle))} ` +
      `serializedlength:${length} lru:${clock} lru_seconds_idle:${idle_s}`,
  )
}

const populate: DebugHandler = (node, client, args, reply) => {
  const count = args.integer(2)
  const size = args.count === 5 ? args.integer(4) : 0
  if (!(count >= 0) || !(size >= 0)) return reply.error('ERR value is out of range, must be positive')
  const db = node.keyspace.databases[client.db]!
  const prefix = args.count >= 4 ? args.copy(3) : ascii('key')
  for (let i = 0; i < count; i++) {
    const tail = ascii(`:${i}`)
    const key = new Uint8Array(prefix.length + tail.length)
    key.set(prefix)
    key.set(tail, prefix.length)
    if (db.find(key, 0, key.length) !== 0) continue
    const text = ascii(`value:${i}`)
    let value = text
    if (size > 0) {
      value = new Uint8Array(size)
      value.set(text.subarray(0, size))
    }
    db.setString(key, 0, key.length, value, 0, value.length, NO_EXPIRY)
  }
  reply.ok()
}

const protocol: DebugHandler = (_node, _client, args, reply) => {
  const say: Readonly<Record<string, () => void>> = {
    string: () => reply.bulkText('Hello World'),
    integer: () => reply.int(12345),
    // biome-ignore lint/suspicious/noApproximativeNumericConstant: the number that Redis sends here.
    double: () => reply.double(3.141),
    bignum: () => {
      const digits = '1234567999999999999999999999999999999'
      if (reply.protocol === 2) reply.bulkText(digits)
      else reply.raw(utf8(`(${digits}\r\n`))
    },
    null: () => reply.nil(),
    array: () => {
      reply.array(3)
      for (let i = 0; i < 3; i++) reply.int(i)
    },
    set: () => {
      reply.set(3)
      for (let i = 0; i < 3; i++) reply.int(i)
    },
    map: () => {
      reply.map(3)
      for (let i = 0; i < 3; i++) {
        reply.int(i)
        reply.bool(i === 1)
      }
    },
    attrib: () => {
      if (reply.protocol >= 3) {
        reply.raw(utf8('|1\r\n'))
        reply.bulkText('key-popularity')
        reply.array(2)
        reply.bulkText('key:123')
        reply.int(90)
      }
      reply.bulkText('Some real reply following the attribute')
    },
    push: () => {
      if (reply.protocol < 3) return reply.error('ERR RESP2 is not supported by this command')
      reply.push(2)
      reply.bulkText('server-cpu-usage')
      reply.int(42)
      reply.bulkText('Some real reply following the push reply')
    },
    true: () => reply.bool(true),
    false: () => reply.bool(false),
    verbatim: () => reply.verbatim('This is a verbatim\nstring'),
  }
  const name = args.word(2)
  if (Object.hasOwn(say, name)) return say[name]!()
  reply.error(
    'ERR Wrong protocol type name. Please use one of the following: string|integer|double|bignum|null|array|set|' +
      'map|attrib|push|verbatim|true|false',
  )
}

const sleep: DebugHandler = (_node, _client, args, reply) => {
  const seconds = Number.parseFloat(args.numeral(2))
  // The whole process stands still, as redis-server does: that is what it is for.
  if (seconds > 0) standStill(seconds * 1000)
  reply.ok()
}

const SUBCOMMANDS: Readonly<Record<string, Subcommand>> = {
  'config-rewrite-force-all': {
    counts: exactly(2),
    help: [
      'CONFIG-REWRITE-FORCE-ALL',
      '    Like CONFIG REWRITE but writes all configuration options, including',
      '    keywords not listed in original configuration file or default values.',
    ],
    run: (node, _client, _args, reply) => {
      const { file } = node.config
      if (file === undefined) return reply.error('ERR The server is running without a config file')
      const error = rewriteConfigFile(node.config, file, node.admin?.users.describe(), true)
      if (error === undefined) reply.ok()
      else reply.error(`ERR CONFIG-REWRITE-FORCE-ALL failed: ${error}`)
    },
  },
  digest: {
    counts: exactly(2),
    help: ['DIGEST', '    Output a hex signature representing the current DB content.'],
    run: (node, _client, _args, reply) => {
      const digest = digestOfDataset(node.keyspace)
      if (digest === undefined) reply.error(UNKNOWN_TYPE)
      else reply.simple(digest)
    },
  },
  'digest-value': {
    counts: atLeast(2),
    help: [
      'DIGEST-VALUE <key> [<key> ...]',
      '    Output a hex signature of the values of all the specified keys.',
    ],
    run: (node, client, args, reply) => {
      const db = node.keyspace.databases[client.db]!
      const digests: string[] = []
      for (let i = 2; i < args.count; i++) {
        const digest = digestOfValue(db, args.view(i))
        if (digest === undefined) return reply.error(UNKNOWN_TYPE)
        digests.push(digest)
      }
      reply.array(digests.length)
      for (const digest of digests) reply.simple(digest)
    },
  },
  error: {
    counts: exactly(3),
    help: [
      'ERROR <string>',
      '    Return a Redis protocol error with <string> as message. Useful for clients',
      '    unit tests to simulate Redis errors.',
    ],
    run: (_node, _client, args, reply) => reply.error(args.quoted(2)),
  },
  listpack: {
    counts: exactly(3),
    help: ['LISTPACK <key>', '    Show low level info about the listpack encoding of <key>.'],
    run: (node, client, args, reply) => {
      const db = node.keyspace.databases[client.db]!
      const handle = db.peek(args.buf, args.start(2), args.end(2))
      if (handle === 0) return reply.error(NO_SUCH_KEY)
      const lines = listpackText(db, handle)
      if (lines === null) return reply.error('ERR Not a listpack encoded object.')
      for (const line of lines) node.log('notice', line)
      reply.simple('Listpack structure printed on stdout')
    },
  },
  loadaof: {
    counts: atLeast(2),
    help: ['LOADAOF', '    Flush the AOF buffers on disk and reload the AOF in memory.'],
    run: loadAof,
  },
  log: {
    counts: exactly(3),
    help: ['LOG <message>', '    Write <message> to the server log.'],
    run: (node, _client, args, reply) => {
      node.log('warning', `DEBUG LOG: ${args.quoted(2)}`)
      reply.ok()
    },
  },
  object: {
    counts: exactly(3),
    help: ['OBJECT <key>', '    Show low level info about `key` and associated value.'],
    run: object,
  },
  panic: {
    counts: atLeast(2),
    help: ['PANIC', '    Crash the server simulating a panic.'],
    run: (node) => {
      node.log('warning', 'DEBUG PANIC: the process ends here')
      process.abort()
    },
  },
  populate: {
    counts: exactly(3, 4, 5),
    help: [
      'POPULATE <count> [<prefix>] [<size>]',
      '    Create <count> string keys named key:<num>. If <prefix> is specified then',
      "    it is used instead of the 'key' prefix.",
    ],
    run: populate,
  },
  protocol: {
    counts: exactly(3),
    help: [
      'PROTOCOL <type>',
      '    Reply with a test value of the specified type. <type> can be: string,',
      '    integer, double, bignum, null, array, set, map, attrib, push, verbatim,',
      '    true, false.',
    ],
    run: protocol,
  },
  reload: {
    counts: atLeast(2),
    help: [
      'RELOAD [option ...]',
      '    Save the RDB on disk and reload it back to memory. Valid <option> values:',
      '    * MERGE: conflicting keys will be loaded from RDB.',
      '    * NOFLUSH: the existing database will not be removed before load.',
      '    * NOSAVE: the RDB will not be saved before load.',
    ],
    run: reload,
  },
  'set-active-expire': {
    counts: exactly(3),
    help: [
      'SET-ACTIVE-EXPIRE <0|1>',
      '    Setting it to 0 disables expiring keys (and hash-fields) in background',
    ],
    run: (node, _client, args, reply) => {
      node.activeExpire = Number.parseInt(args.numeral(2), 10) !== 0
      reply.ok()
    },
  },
  sleep: {
    counts: exactly(3),
    help: ['SLEEP <seconds>', '    Stop the server for <seconds>. Decimals allowed.'],
    run: sleep,
  },
  ...ODD_STATES,
}

function help(reply: Reply): void {
  const lines = Object.values(SUBCOMMANDS).flatMap((subcommand) => subcommand.help)
  reply.array(lines.length + 3)
  reply.simple('DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:')
  for (const line of lines) reply.simple(line)
  reply.simple('HELP')
  reply.simple('    Print this help.')
}

export const debugCommand: Command = serverCommand(
  declare(
    'server',
    'DEBUG',
    -2,
    ADMIN | NOSCRIPT | LOADING | STALE | PROTECTED,
    '1.0.0',
    'Looks into a node, for tests.',
    {
      complexity: 'Depends on subcommand.',
    },
  ),
  (node, client, args, reply) => {
    if (!mayProtected(node.config.values['enable-debug-command'], client)) {
      return reply.error(
        'ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from ' +
          'a local connection, otherwise you need to set this option in the configuration file, and then restart ' +
          'the server.',
      )
    }
    const name = args.word(1)
    if (name === 'help' && args.count === 2) return help(reply)
    const own = Object.hasOwn(SUBCOMMANDS, name) ? SUBCOMMANDS[name]! : undefined
    const added = node.admin?.debug.get(name)
    if (own?.counts(args.count) === true) return own.run(node, client, args, reply)
    if (added !== undefined) return added(node, client, args, reply)
    reply.error(`ERR unknown subcommand or wrong number of arguments for '${args.shown(1)}'. Try DEBUG HELP.`)
  },
)
