/** SUBSCRIBE and its kin, PUBLISH, PUBSUB. */

import { globMatch } from '../../bytes/glob.js'
import type { Call } from '../../commands/call.js'
import {
  type Command,
  container,
  FAST,
  KEY_NOT_KEY,
  keyAt,
  keyRange,
  LOADING,
  MAY_REPLICATE,
  NOSCRIPT,
  PUBSUB,
  STALE,
} from '../../commands/command.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import { type Client, IN_MULTI } from '../client.js'
import { isSilent } from '../dispatch.js'
import type { NameLinks } from '../name-links.js'
import type { ServerNode } from '../node.js'
import type { SubscriptionKind } from '../pubsub.js'
import { serverCommand } from '../server-command.js'

const LISTEN = PUBSUB | NOSCRIPT | LOADING | STALE

interface Family {
  readonly kind: SubscriptionKind
  readonly subscribe: string
  readonly unsubscribe: string
  readonly what: string
  readonly since: string
  readonly syntax: string
}

const FAMILIES: readonly Family[] = [
  {
    kind: 'channels',
    subscribe: 'SUBSCRIBE',
    unsubscribe: 'UNSUBSCRIBE',
    what: 'channels',
    since: '2.0.0',
    syntax: 'channel',
  },
  {
    kind: 'patterns',
    subscribe: 'PSUBSCRIBE',
    unsubscribe: 'PUNSUBSCRIBE',
    what: 'patterns of channels',
    since: '2.0.0',
    syntax: 'pattern',
  },
  {
    kind: 'shards',
    subscribe: 'SSUBSCRIBE',
    unsubscribe: 'SUNSUBSCRIBE',
    what: 'shard channels',
    since: '7.0.0',
    syntax: 'shardchannel',
  },
]

function confirm(
  node: ServerNode,
  client: Client,
  reply: Reply,
  word: string,
  kind: SubscriptionKind,
  name: Uint8Array | null,
): void {
  reply.push(3)
  reply.bulkText(word)
  if (name === null) reply.nil()
  else reply.bulk(name)
  reply.int(node.pubsub.count(kind, client))
}

function subscribeCommand(family: Family): Command {
  return serverCommand(
    {
      name: family.subscribe,
      arity: -2,
      flags: LISTEN,
      since: family.since,
      group: 'pubsub',
      summary: `Listens to ${family.what}.`,
      complexity: 'O(N) where N is the number of channels or patterns.',
      syntax: `${family.syntax} [${family.syntax} ...]`,
      ...(family.kind === 'shards' ? { keys: keyRange(1, -1, 1, KEY_NOT_KEY) } : {}),
    },
    (node, client, args, reply) => {
      // A transaction may listen to channels, for the sake of old clients; a script may not, and to shards neither.
      const inMulti = (client.special & IN_MULTI) !== 0 && family.kind !== 'shards'
      if (client.denyBlocking && !inMulti) {
        // Unlike the messages of this command, an error is subject to CLIENT REPLY.
        if (!isSilent(client)) reply.error(`ERR ${family.subscribe} isn't allowed for a DENY BLOCKING client`)
        return
      }
      for (let i = 1; i < args.count; i++) {
        node.pubsub.subscribe(family.kind, client, args.view(i))
        confirm(node, client, reply, family.subscribe.toLowerCase(), family.kind, args.view(i))
      }
    },
  )
}

function unsubscribeCommand(family: Family): Command {
  const word = family.unsubscribe.toLowerCase()
  return serverCommand(
    {
      name: family.unsubscribe,
      arity: -1,
      flags: LISTEN,
      since: family.since,
      group: 'pubsub',
      summary: `Ends listening to ${family.what}: those that are given, or all.`,
      complexity: 'O(N) where N is the number of channels or patterns.',
      syntax: `[${family.syntax} [${family.syntax} ...]]`,
      ...(family.kind === 'shards' ? { keys: keyRange(1, -1, 1, KEY_NOT_KEY) } : {}),
    },
    (node, client, args, reply) => {
      const end = (name: Uint8Array) => {
        node.pubsub.unsubscribe(family.kind, client, name)
        confirm(node, client, reply, word, family.kind, name)
      }
      if (args.count > 1) {
        for (let i = 1; i < args.count; i++) end(args.view(i))
        return
      }
      let name = node.pubsub.oldest(family.kind, client)
      if (name === null) confirm(node, client, reply, word, family.kind, null)
      for (; name !== null; name = node.pubsub.oldest(family.kind, client)) end(name)
    },
  )
}

/** Outside of a cluster the replicas' subscribers get the message through the replication stream. */
function tellReplicas(node: ServerNode, args: Args, call: Call): void {
  node.propagation.message(call.db.index, [args.view(0), args.view(1), args.view(2)])
}

const publish = serverCommand(
  {
    name: 'PUBLISH',
    arity: 3,
    flags: PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE,
    since: '2.0.0',
    group: 'pubsub',
    summary: 'Sends a message to a channel.',
    complexity:
      'O(N+M) where N is the number of clients subscribed to the receiving channel and M is the total number of subscribed patterns (by any client).',
    syntax: 'channel message',
  },
  (node, _client, args, reply, call) => {
    const receivers = node.pubsub.publish(args.view(1), args.view(2))
    if (node.publishToCluster !== null) node.publishToCluster(args.view(1), args.view(2), false)
    else tellReplicas(node, args, call)
    reply.int(receivers)
  },
)

const spublish = serverCommand(
  {
    name: 'SPUBLISH',
    arity: 3,
    flags: PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE,
    since: '7.0.0',
    group: 'pubsub',
    summary: 'Sends a message to a shard channel.',
    complexity: 'O(N) where N is the number of clients subscribed to the receiving shard channel.',
    syntax: 'shardchannel message',
    keys: keyAt(1, KEY_NOT_KEY),
  },
  (node, _client, args, reply, call) => {
    const receivers = node.pubsub.publishShard(args.view(1), args.view(2))
    if (node.publishToCluster !== null) node.publishToCluster(args.view(1), args.view(2), true)
    else tellReplicas(node, args, call)
    reply.int(receivers)
  },
)

function listNames(reply: Reply, names: NameLinks<Client>, pattern: Uint8Array | null): void {
  const mark = reply.length
  let count = 0
  names.forEach((handle) => {
    const name = names.bytesOf(handle)
    if (pattern !== null && !globMatch(pattern, 0, pattern.length, name, 0, name.length)) return
    if (names.countOf(handle) === 0) return
    reply.bulk(name)
    count++
  })
  reply.arrayAt(mark, count)
}

function counts(reply: Reply, args: Args, of: (name: Uint8Array) => number): void {
  reply.array((args.count - 2) * 2)
  for (let i = 2; i < args.count; i++) {
    reply.bulk(args.view(i))
    reply.int(of(args.view(i)))
  }
}

const sub = (name: string, arity: number, summary: string, syntax: string, since = '2.8.0') => ({
  name,
  arity,
  flags: PUBSUB | LOADING | STALE,
  since,
  group: 'pubsub' as const,
  summary,
  complexity: 'O(N) where N is the number of channels.',
  syntax,
})

const HELP = [
  'PUBSUB <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'CHANNELS [<pattern>]',
  "    Return the currently active channels matching a <pattern> (default: '*').",
  'NUMPAT',
  '    Return number of subscriptions to patterns.',
  'NUMSUB [<channel> ...]',
  '    Return the number of subscribers for the specified channels, excluding',
  '    pattern subscriptions(default: no channels).',
  'SHARDCHANNELS [<pattern>]',
  "    Return the currently active shard level channels matching a <pattern> (default: '*').",
  'SHARDNUMSUB [<shardchannel> ...]',
  '    Return the number of subscribers for the specified shard level channel(s)',
  'HELP',
  '    Print this help.',
]

const pubsub = container(
  {
    name: 'PUBSUB',
    arity: -2,
    flags: 0,
    since: '2.8.0',
    group: 'pubsub',
    summary: 'A container for commands that tell of subscriptions.',
    complexity: 'Depends on subcommand.',
  },
  [
    serverCommand(
      sub('CHANNELS', -2, 'Lists channels that somebody listens to.', '[pattern]'),
      (node, _c, args, reply) => listNames(reply, node.pubsub.channels, args.count > 2 ? args.view(2) : null),
    ),
    serverCommand(
      sub('SHARDCHANNELS', -2, 'Lists shard channels that somebody listens to.', '[pattern]', '7.0.0'),
      (node, _c, args, reply) => listNames(reply, node.pubsub.shards, args.count > 2 ? args.view(2) : null),
    ),
    serverCommand(
      sub('NUMSUB', -2, 'Counts the subscribers of channels.', '[channel [channel ...]]'),
      (node, _c, args, reply) => counts(reply, args, (name) => node.pubsub.listeners('channels', name)),
    ),
    serverCommand(
      sub(
        'SHARDNUMSUB',
        -2,
        'Counts the subscribers of shard channels.',
        '[shardchannel [shardchannel ...]]',
        '7.0.0',
      ),
      (node, _c, args, reply) => counts(reply, args, (name) => node.pubsub.listeners('shards', name)),
    ),
    serverCommand(
      sub('NUMPAT', 2, 'Counts the patterns that somebody listens to.', ''),
      (node, _c, _args, reply) => reply.int(node.pubsub.patterns.size),
    ),
    serverCommand(
      { ...sub('HELP', 2, 'Tells the subcommands.', '', '6.2.0'), flags: LOADING | STALE },
      (_node, _c, _args, reply) => {
        reply.array(HELP.length)
        for (const line of HELP) reply.simple(line)
      },
    ),
  ],
)

export const pubsubCommands: readonly Command[] = [
  ...FAMILIES.map(subscribeCommand),
  ...FAMILIES.map(unsubscribeCommand),
  publish,
  spublish,
  pubsub,
]
