/** LATENCY: what the node and its commands took their time for. */

import { QUOTED_BYTES_MAX, WORD_BYTES_MAX } from '../../bytes/text-limits.js'
import { ADMIN, type Command, container, LOADING, NOSCRIPT, STALE } from '../../commands/command.js'
import type { Entry } from '../../commands/table.js'
import type { Reply } from '../../resp/reply.js'
import type { Histogram } from '../admin/command-times.js'
import { latencyReport } from '../admin/latency-doctor.js'
import { drawLatency } from '../admin/sparkline.js'
import { serverCommand } from '../server-command.js'
import { declare, helpCommand } from './declare.js'

const NODES = 'request_policy:all_nodes'
const NONE_HERE = 'ERR This instance has no administration'
const WATCH = ADMIN | NOSCRIPT | LOADING | STALE
const SPECIAL = ['nondeterministic_output', NODES, 'response_policy:special']

const doctor = serverCommand(
  declare('server', 'DOCTOR', 2, WATCH, '2.8.13', 'Tells in words what took long, and what may help.', {
    tips: SPECIAL,
  }),
  (node, _client, _args, reply) => {
    if (node.admin === null) return reply.error(NONE_HERE)
    const now_s = Math.floor(node.clock.now_ms() / 1000)
    reply.verbatim(latencyReport(node.admin.latency, node.config.values, now_s))
  },
)

const graph = serverCommand(
  declare('server', 'GRAPH', 3, WATCH, '2.8.13', 'Draws the samples of an event.', {
    syntax: 'event',
    tips: SPECIAL,
  }),
  (node, _client, args, reply) => {
    if (node.admin === null) return reply.error(NONE_HERE)
    const name = args.text(2, QUOTED_BYTES_MAX)
    const found = node.admin.latency.latest().find((event) => event.name === name)
    if (found === undefined) return reply.error(`ERR No samples available for event '${name}'`)
    const now_s = Math.floor(node.clock.now_ms() / 1000)
    reply.verbatim(drawLatency(name, node.admin.latency.history(name), found.max_ms, now_s))
  },
)

/** The calls of a command, and how many of them took how long at most. */
function tellTimes(reply: Reply, entry: Entry, histogram: Histogram): void {
  // Where calls are sampled, the last one that was timed may stand for some that have not come yet.
  const calls = Math.min(histogram.total, entry.calls)
  const levels = histogram.levels()
  reply.bulkText(entry.fullName)
  reply.map(2)
  reply.bulkText('calls')
  reply.int(calls)
  reply.bulkText('histogram_usec')
  reply.map(levels.length)
  for (const [usec, count] of levels) {
    reply.int(usec)
    reply.int(Math.min(count, calls))
  }
}

const histogram = serverCommand(
  declare('server', 'HISTOGRAM', -2, WATCH, '7.0.0', 'Tells how long commands took.', {
    complexity: 'O(N) where N is the number of commands with latency information being retrieved.',
    syntax: '[command [command ...]]',
    tips: SPECIAL,
  }),
  (node, _client, args, reply) => {
    const times = node.admin?.times
    if (times === undefined) return reply.error(NONE_HERE)
    const found: [Entry, Histogram][] = []
    const take = (entry: Entry): void => {
      const of = times.of(entry)
      if (of !== undefined) found.push([entry, of])
    }
    if (args.count === 2) found.push(...times.all())
    for (let i = 2; i < args.count; i++) {
      const entry = node.table.get(args.word(i))
      if (entry === undefined) continue
      take(entry)
      for (const subcommand of entry.subcommands) take(subcommand)
    }
    reply.map(found.length)
    for (const [entry, of] of found) tellTimes(reply, entry, of)
  },
)

export const latencyCommand: Command = container(
  declare('server', 'LATENCY', -2, 0, '2.8.13', 'A container for commands about latency.', {
    complexity: 'Depends on subcommand.',
  }),
  [
    serverCommand(
      declare('server', 'HISTORY', 3, WATCH, '2.8.13', 'Returns the samples of an event.', {
        syntax: 'event',
        tips: SPECIAL,
      }),
      (node, _client, args, reply) => {
        const samples = node.admin?.latency.history(args.text(2, WORD_BYTES_MAX)) ?? []
        reply.array(samples.length)
        for (const { at_s, latency_ms } of samples) {
          reply.array(2)
          reply.int(at_s)
          reply.int(latency_ms)
        }
      },
    ),
    graph,
    histogram,
    doctor,
    serverCommand(
      declare('server', 'LATEST', 2, WATCH, '2.8.13', 'Returns the last sample of each event.', {
        tips: SPECIAL,
      }),
      (node, _client, _args, reply) => {
        const events = node.admin?.latency.latest() ?? []
        reply.array(events.length)
        for (const { name, last, max_ms } of events) {
          reply.array(4)
          reply.bulkText(name)
          reply.int(last.at_s)
          reply.int(last.latency_ms)
          reply.int(max_ms)
        }
      },
    ),
    serverCommand(
      declare('server', 'RESET', -2, WATCH, '2.8.13', 'Forgets the samples of events.', {
        syntax: '[event [event ...]]',
        tips: [NODES, 'response_policy:agg_sum'],
      }),
      (node, _client, args, reply) => {
        if (node.admin === null) return reply.error(NONE_HERE)
        const names = Array.from({ length: args.count - 2 }, (_, i) => args.text(i + 2, WORD_BYTES_MAX))
        reply.int(node.admin.latency.reset(names))
      },
    ),
    helpCommand('server', 'LATENCY', '2.8.13', [
      'DOCTOR',
      '    Return a human readable latency analysis report.',
      'GRAPH <event>',
      '    Return an ASCII latency graph for the <event> class.',
      'HISTORY <event>',
      '    Return time-latency samples for the <event> class.',
      'LATEST',
      '    Return the latest latency samples for all events.',
      'RESET [<event> ...]',
      '    Reset latency data of one or more <event> classes.',
      '    (default: reset all data for all event classes)',
      'HISTOGRAM [COMMAND ...]',
      '    Return a cumulative distribution of latencies in the format of a histogram for the specified command names.',
      '    If no commands are specified then all histograms are replied.',
    ]),
  ],
)
