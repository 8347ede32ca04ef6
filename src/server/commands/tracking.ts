/** CLIENT TRACKING and its kin: who wants to hear of changed keys, and how; see ../tracking.ts. */

import { QUOTED_BYTES_MAX } from '../../bytes/text-limits.js'
import { NOT_AN_INTEGER, SYNTAX } from '../../commands/errors.js'
import { nearInteger } from '../../commands/int64.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Client } from '../client.js'
import { textOf } from '../config/text.js'
import type { ServerNode } from '../node.js'
import type { ServerHandler } from '../server-command.js'
import type { TrackingOptions } from '../tracking.js'

const SWITCH_BCAST =
  "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a " +
  'different mode.'
const SWITCH_OPT =
  "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a " +
  'different mode.'
const NOT_TRACKING =
  'ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled'

interface Asked {
  readonly options: TrackingOptions
  readonly prefixes: Uint8Array[]
}

/** The words behind ON or OFF, or the error reply. */
function readOptions(node: ServerNode, args: Args): Asked | string {
  const options = { bcast: false, optIn: false, optOut: false, noLoop: false, redirect: 0 }
  const prefixes: Uint8Array[] = []
  for (let i = 3; i < args.count; i++) {
    const more = i + 1 < args.count
    if (more && args.is(i, 'redirect')) {
      if (options.redirect !== 0) return 'ERR A client can only redirect to a single other client'
      options.redirect = nearInteger(args, ++i)
      if (Number.isNaN(options.redirect)) return NOT_AN_INTEGER
      if (node.clients.get(options.redirect) === undefined) {
        return 'ERR The client ID you want redirect to does not exist'
      }
    } else if (args.is(i, 'bcast')) options.bcast = true
    else if (args.is(i, 'optin')) options.optIn = true
    else if (args.is(i, 'optout')) options.optOut = true
    else if (args.is(i, 'noloop')) options.noLoop = true
    else if (more && args.is(i, 'prefix')) prefixes.push(args.copy(++i))
    else return SYNTAX
  }
  return { options, prefixes }
}

/** Whether one of the two begins with the other. */
function overlap(a: Uint8Array, b: Uint8Array): boolean {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return false
  return true
}

const quoted = (prefix: Uint8Array): string => textOf(prefix, QUOTED_BYTES_MAX)
const ALONE = 'Prefixes for a single client must not overlap.'

function prefixProblem(known: readonly Uint8Array[], asked: readonly Uint8Array[]): string | undefined {
  for (const [i, prefix] of asked.entries()) {
    const old = known.find((one) => overlap(one, prefix))
    if (old !== undefined)
      return `ERR Prefix '${quoted(prefix)}' overlaps with an existing prefix '${quoted(old)}'. ${ALONE}`
    const other = asked.slice(i + 1).find((one) => overlap(one, prefix))
    if (other !== undefined)
      return `ERR Prefix '${quoted(prefix)}' overlaps with another provided prefix '${quoted(other)}'. ${ALONE}`
  }
  return undefined
}

/** Why the client cannot begin so, as it is now. */
function problem({ tracking }: Client, { options, prefixes }: Asked): string | undefined {
  if (!options.bcast && prefixes.length > 0) return 'ERR PREFIX option requires BCAST mode to be enabled'
  if (tracking !== null && tracking.bcast !== options.bcast) return SWITCH_BCAST
  if (options.bcast && (options.optIn || options.optOut)) {
    return 'ERR OPTIN and OPTOUT are not compatible with BCAST'
  }
  if (options.optIn && options.optOut) return "ERR You can't specify both OPTIN mode and OPTOUT mode"
  if (tracking !== null && ((options.optIn && tracking.optOut) || (options.optOut && tracking.optIn))) {
    return SWITCH_OPT
  }
  return options.bcast ? prefixProblem(tracking?.prefixes ?? [], prefixes) : undefined
}

export const tracking: ServerHandler = (node, client, args, reply) => {
  const asked = readOptions(node, args)
  if (typeof asked === 'string') return reply.error(asked)
  if (args.is(2, 'on')) {
    const error = problem(client, asked)
    if (error !== undefined) return reply.error(error)
    node.tracks().begin(client, asked.options, asked.prefixes)
  } else if (args.is(2, 'off')) {
    node.tracking?.end(client)
  } else {
    return reply.error(SYNTAX)
  }
  reply.ok()
}

export const caching: ServerHandler = (_node, client, args, reply) => {
  const mine = client.tracking
  if (mine === null) return reply.error(NOT_TRACKING)
  const yes = args.is(2, 'yes')
  if (!yes && !args.is(2, 'no')) return reply.error(SYNTAX)
  if (yes && !mine.optIn) {
    return reply.error('ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.')
  }
  if (!yes && !mine.optOut) {
    return reply.error('ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.')
  }
  mine.caching = true
  reply.ok()
}

export const redirection: ServerHandler = (_node, client, _args, reply) => {
  reply.int(client.tracking?.redirect ?? -1)
}

function flagsOf({ tracking: mine }: Client): string[] {
  if (mine === null) return ['off']
  const flags = ['on']
  if (mine.bcast) flags.push('bcast')
  if (mine.optIn) flags.push('optin')
  if (mine.optIn && mine.caching) flags.push('caching-yes')
  if (mine.optOut) flags.push('optout')
  if (mine.optOut && mine.caching) flags.push('caching-no')
  if (mine.noLoop) flags.push('noloop')
  if (mine.broken) flags.push('broken_redirect')
  return flags
}

export const trackingInfo: ServerHandler = (_node, client, _args, reply: Reply) => {
  const flags = flagsOf(client)
  const prefixes = [...(client.tracking?.prefixes ?? [])].sort(Buffer.compare)
  reply.map(3)
  reply.bulkText('flags')
  reply.set(flags.length)
  for (const flag of flags) reply.bulkText(flag)
  reply.bulkText('redirect')
  reply.int(client.tracking?.redirect ?? -1)
  reply.bulkText('prefixes')
  reply.array(prefixes.length)
  for (const prefix of prefixes) reply.bulk(prefix)
}
