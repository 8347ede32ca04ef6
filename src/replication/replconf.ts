/**
 * REPLCONF: what a replica tells its master before the synchronisation, and its acknowledgements afterwards; and the
 * master's wish for one (GETACK).
 */
import { acknowledged } from './acks.js'
import type { LinkId, Turn } from './effects.js'
import { isReplica, linkOf } from './links.js'
import type { ReplicaLink, Replication } from './state.js'
import { readInteger, wordOf } from './wire.js'

/** Longest name of a host that a replica may announce. */
const HOST_LENGTH_MAX = 255

const NOT_AN_INTEGER = 'ERR value is not an integer or out of range'

/** What the command is answered with; null: nothing at all. An error begins with its code. */
export type Answer = { ok: true } | { error: string } | null

/** `args`: all arguments, the command's name at the front. */
export function replconf(
  r: Replication,
  id: LinkId,
  peerIp: string,
  args: readonly Uint8Array[],
  turn: Turn,
): Answer {
  if (args.length % 2 === 0) return { error: 'ERR syntax error' }
  for (let i = 1; i < args.length; i += 2) {
    const option = wordOf(args[i]!).toLowerCase()
    const value = wordOf(args[i + 1]!)
    if (option === 'ack') {
      acknowledge(r, id, args, i, turn)
      return null
    }
    if (option === 'getack') return null // meant for a replica's own link to its master, which does not come here
    const error = setOption(linkOf(r, id, peerIp), option, value, wordOf(args[i]!))
    if (error !== null) return { error }
  }
  return { ok: true }
}

function acknowledge(r: Replication, id: LinkId, args: readonly Uint8Array[], i: number, turn: Turn): void {
  const offset = readInteger(wordOf(args[i + 1]!))
  if (!isReplica(r, id) || offset === null) return
  const hasFack = args.length > i + 3 && wordOf(args[i + 2]!).toLowerCase() === 'fack'
  acknowledged(r, id, offset, hasFack ? readInteger(wordOf(args[i + 3]!)) : null, turn)
}

/** One option of a replica; an error text if it is refused. */
function setOption(link: ReplicaLink, option: string, value: string, asWritten: string): string | null {
  switch (option) {
    case 'listening-port': {
      const port = readInteger(value)
      if (port === null) return NOT_AN_INTEGER
      link.listeningPort = port
      return null
    }
    case 'ip-address':
      if (value.length > HOST_LENGTH_MAX) {
        return `ERR REPLCONF ip-address provided by replica instance is too long: ${value.length} bytes`
      }
      link.announcedIp = value
      return null
    case 'capa':
      // Capabilities that we do not know are not ours to use, and no error.
      if (value.toLowerCase() === 'eof') link.capaEof = true
      else if (value.toLowerCase() === 'psync2') link.capaPsync2 = true
      return null
    case 'version': // Valkey 8 says it; nothing depends on it
      return null
    case 'rdb-only': {
      const flag = readInteger(value)
      if (flag === null) return NOT_AN_INTEGER
      if (flag !== 0 && flag !== 1) return 'ERR value is out of range, value must between 0 and 1'
      link.rdbOnly = flag === 1
      return null
    }
    case 'rdb-filter-only':
      return setFilter(link, value)
    default:
      return `ERR Unrecognized REPLCONF option: ${asWritten}`
  }
}

/** The parts of a snapshot that the replica wants; '' means none. */
function setFilter(link: ReplicaLink, value: string): string | null {
  link.excludeData = true
  link.excludeFunctions = true
  for (const part of value.split(/\s+/)) {
    if (part === '') continue
    if (part.toLowerCase() !== 'functions') return `ERR Unsupported rdb-filter-only option: ${part}`
    link.excludeFunctions = false
  }
  return null
}
