/**
 * CLUSTER and its subcommands, as inputs of the state machine. COUNTKEYSINSLOT and GETKEYSINSLOT need the keyspace
 * and belong to the server. Replies and errors are Redis 7.2's.
 */

import { keySlot } from '../bytes/crc16.js'
import {
  bumpEpochCommand,
  failover,
  forget,
  meet,
  replicateCommand,
  reset,
  setConfigEpoch,
} from './command-node.js'
import { changeRanges, changeSlots, flushSlots, setSlot } from './command-slots.js'
import { countReports } from './failure.js'
import { HELP } from './help.js'
import type { Reply } from './reply.js'
import { array, bulk, error, int, OK, simple } from './reply.js'
import { infoText, linksReply, nodesText, replicasReply, shardsReply, slotsReply } from './reports.js'
import type { Viewer } from './state.js'
import type { Turn } from './turn.js'

interface Subcommand {
  /** Arguments after the subcommand's name: at least, at most. */
  readonly min: number
  readonly max: number
  readonly run: (turn: Turn, args: readonly string[], viewer: Viewer) => Reply
}

const MANY = Number.POSITIVE_INFINITY
const sub = (min: number, max: number, run: Subcommand['run']): Subcommand => ({ min, max, run })

const SUBCOMMANDS: ReadonlyMap<string, Subcommand> = new Map([
  ['addslots', sub(1, MANY, (turn, args) => changeSlots(turn, args, false))],
  ['addslotsrange', sub(2, MANY, (turn, args) => rangesOrArity(turn, args, false))],
  ['bumpepoch', sub(0, 0, (turn) => bumpEpochCommand(turn))],
  ['count-failure-reports', sub(1, 1, (turn, args) => countFailureReports(turn, args[0]!))],
  ['delslots', sub(1, MANY, (turn, args) => changeSlots(turn, args, true))],
  ['delslotsrange', sub(2, MANY, (turn, args) => rangesOrArity(turn, args, true))],
  ['failover', sub(0, 1, (turn, args) => failover(turn, args[0]))],
  ['flushslots', sub(0, 0, (turn) => flushSlots(turn))],
  ['forget', sub(1, 1, (turn, args) => forget(turn, args[0]!))],
  ['help', sub(0, 0, () => array(HELP.map(simple)))],
  ['info', sub(0, 0, (turn) => ({ kind: 'verbatim', text: infoText(turn.state) }))],
  ['keyslot', sub(1, 1, (_turn, args) => int(slotOfText(args[0]!)))],
  ['links', sub(0, 0, (turn) => linksReply(turn.state))],
  ['meet', sub(2, 3, (turn, args) => meet(turn, args))],
  ['myid', sub(0, 0, (turn) => bulk(turn.state.myself.name))],
  ['myshardid', sub(0, 0, (turn) => bulk(turn.state.myself.shardId))],
  ['nodes', sub(0, 0, (turn, _args, viewer) => ({ kind: 'verbatim', text: nodesText(turn.state, viewer) }))],
  ['replicas', sub(1, 1, (turn, args, viewer) => replicasReply(turn.state, args[0]!, viewer))],
  ['replicate', sub(1, 1, (turn, args) => replicateCommand(turn, args[0]!))],
  ['reset', sub(0, 1, (turn, args) => reset(turn, args[0]))],
  ['saveconfig', sub(0, 0, (turn) => saveConfig(turn))],
  ['set-config-epoch', sub(1, 1, (turn, args) => setConfigEpoch(turn, args[0]!))],
  ['setslot', sub(2, MANY, (turn, args) => setSlot(turn, args))],
  ['shards', sub(0, 0, (turn, _args, viewer) => shardsReply(turn.state, viewer))],
  ['slaves', sub(1, 1, (turn, args, viewer) => replicasReply(turn.state, args[0]!, viewer))],
  ['slots', sub(0, 0, (turn, _args, viewer) => slotsReply(turn.state, viewer))],
])

/** Subcommands whose surplus arguments Redis answers with its general error, since their declared arity is open. */
const OPEN_ARITY = new Set(['meet', 'failover', 'reset'])

/** Names that runCommand knows, in lower case. */
export function subcommandNames(): string[] {
  return [...SUBCOMMANDS.keys()]
}

/** @param args the subcommand and its arguments, one byte a character. */
export function runCommand(turn: Turn, args: readonly string[], viewer: Viewer): Reply {
  const given = args[0]
  if (given === undefined) return error("wrong number of arguments for 'cluster' command")
  const name = given.toLowerCase()
  const found = SUBCOMMANDS.get(name)
  if (found === undefined) return error(`unknown subcommand '${given.slice(0, 128)}'. Try CLUSTER HELP.`)
  const rest = args.slice(1)
  if (rest.length < found.min) return arityError(name)
  if (rest.length > found.max) return OPEN_ARITY.has(name) ? syntaxError(given) : arityError(name)
  return found.run(turn, rest, viewer)
}

function arityError(name: string): Reply {
  return error(`wrong number of arguments for 'cluster|${name}' command`)
}

function syntaxError(given: string): Reply {
  return error(
    `unknown subcommand or wrong number of arguments for '${given.slice(0, 128)}'. Try CLUSTER HELP.`,
  )
}

function rangesOrArity(turn: Turn, args: readonly string[], remove: boolean): Reply {
  if (args.length % 2 !== 0) return arityError(remove ? 'delslotsrange' : 'addslotsrange')
  return changeRanges(turn, args, remove)
}

function countFailureReports(turn: Turn, name: string): Reply {
  const node = turn.state.nodes.get(name)
  if (node === undefined) return error(`Unknown node ${name}`)
  return int(countReports(turn.state, node, turn.now_ms))
}

/** A shell that can tell of an unwritable file answers itself (server/cluster/part.ts). */
function saveConfig(turn: Turn): Reply {
  turn.ready.persist = true
  return OK
}

function slotOfText(text: string): number {
  const key = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) key[i] = text.charCodeAt(i)
  return keySlot(key, 0, key.length)
}
