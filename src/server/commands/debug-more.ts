/**
 * The subcommands of DEBUG that put a node into an odd state on purpose, so that tests (Redis's own among them) can look at
 * what is otherwise rare: a clockwork that stands still, a disk that is slow, replicas that were told something else.
 */

import { constants } from 'node:os'
import { QUOTED_BYTES_MAX } from '../../bytes/text-limits.js'
import { PLAIN_BYTES_MIN } from '../../keyspace/collections/quicklist.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import { sizeOf } from '../config/numbers.js'
import { SHOAL_VERSION } from '../version.js'
import type { DebugHandler } from './debug.js'

export interface Subcommand {
  /** Numbers of arguments that it takes, DEBUG and its name included. */
  readonly counts: (count: number) => boolean
  readonly help: readonly string[]
  readonly run: DebugHandler
}

export const exactly =
  (...counts: number[]) =>
  (count: number): boolean =>
    counts.includes(count)
export const atLeast =
  (least: number) =>
  (count: number): boolean =>
    count >= least

const PACKED_BYTES_MAX = 1n << 32n

const isOn = (args: Args): boolean => Number.parseInt(args.numeral(2), 10) !== 0

/** What is no real setting here, but must be well-formed. */
function acceptBufferSetting(args: Args, reply: Reply): void {
  if (args.is(2, 'peak-reset-time')) {
    if (!args.is(3, 'never') && !args.is(3, 'reset') && Number.isNaN(args.integer(3))) {
      return reply.error('ERR value is not an integer or out of range')
    }
  } else if (!args.is(2, 'resizing')) {
    return reply.error('ERR syntax error')
  }
  reply.ok()
}

export const ODD_STATES: Readonly<Record<string, Subcommand>> = {
  'aof-flush-sleep': {
    counts: exactly(3),
    help: [
      'AOF-FLUSH-SLEEP <microsec>',
      '    Stand still for so long before each write to the append-only file.',
    ],
    run: (node, _client, args, reply) => {
      const delay_us = args.integer(2)
      if (Number.isNaN(delay_us)) return reply.error('ERR value is not an integer or out of range')
      if (node.persistence !== null) node.persistence.aof.delay_us = delay_us
      reply.ok()
    },
  },
  'change-repl-id': {
    counts: exactly(2),
    help: [
      'CHANGE-REPL-ID',
      '    Give the history of this node another ID, so that replicas must begin anew.',
    ],
    run: (node, _client, _args, reply) => {
      if (node.replication === null) return reply.error('ERR This instance has no replication')
      node.log('notice', 'Changing replication IDs after receiving change-repl-id')
      node.replication.changeId()
      reply.ok()
    },
  },
  'pause-cron': {
    counts: exactly(3),
    help: ['PAUSE-CRON <0|1>', '    Stop what is done regularly: expiry, timeouts, limits.'],
    run: (node, _client, args, reply) => {
      node.cronPaused = isOn(args)
      reply.ok()
    },
  },
  'quicklist-packed-threshold': {
    counts: exactly(3),
    help: [
      'QUICKLIST-PACKED-THRESHOLD <size>',
      '    Elements of so many bytes get nodes of their own in large lists. 0 restores the default.',
    ],
    run: (node, _client, args, reply) => {
      const size = sizeOf(args.numeral(2))
      if (size === undefined || size > PACKED_BYTES_MAX) {
        return reply.error('ERR argument must be a memory value bigger than 1 and smaller than 4gb')
      }
      node.keyspace.plainBytesMin = size === 0n ? PLAIN_BYTES_MIN : Number(size)
      reply.ok()
    },
  },
  replicate: {
    counts: atLeast(3),
    help: [
      'REPLICATE <string> [<string> ...]',
      '    Send the replicas a command of their own: data will differ.',
    ],
    run: (node, _client, args, reply) => {
      const words = Array.from({ length: args.count - 2 }, (_, i) => args.copy(i + 2))
      const shown = words
        .map((_, i) => args.shown(i + 2))
        .join(' ')
        .slice(0, QUOTED_BYTES_MAX)
      node.log('warning', `DEBUG REPLICATE: replicas are told: ${shown}`)
      node.propagation.message(-1, words)
      reply.ok()
    },
  },
  replybuffer: {
    counts: exactly(4),
    help: [
      'REPLYBUFFER PEAK-RESET-TIME <NEVER|RESET|time> | RESIZING <0|1>',
      '    Accepted, without effect: a client has a reply buffer only while there is something in it.',
    ],
    run: (_node, _client, args, reply) => acceptBufferSetting(args, reply),
  },
  segfault: {
    counts: exactly(2),
    help: ['SEGFAULT', '    Crash the server with sigsegv.'],
    run: (node) => {
      node.log('warning', `Shoal ${SHOAL_VERSION} crashed by signal: ${constants.signals.SIGSEGV}`)
      process.kill(process.pid, 'SIGSEGV')
    },
  },
  'set-skip-checksum-validation': {
    counts: exactly(3),
    help: [
      'SET-SKIP-CHECKSUM-VALIDATION <0|1>',
      "    Enables or disables checksum checks for RDB files and RESTORE's payload.",
    ],
    run: (node, _client, args, reply) => {
      node.keyspace.skipsChecksums = isOn(args)
      reply.ok()
    },
  },
}
