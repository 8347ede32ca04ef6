/**
 * The table of commands: found by the bytes of their names in any case of letters, without making a string. Names are
 * hashed by their first four letters and their length into a table that is made large enough to have few collisions.
 */

import type { Args } from '../resp/args.js'
import { type Command, FAST, type KeySpec } from './command.js'

/** A command as the dispatcher sees it: numbers that it needs at once, and counters for INFO commandstats. */
export class Entry {
  readonly command: Command
  readonly handler: Command['handler']
  readonly arity: number
  readonly flags: number
  /** As INFO and errors name it: `get`, `config|get`. */
  readonly fullName: string
  readonly parent: Entry | null
  readonly subcommands: readonly Entry[]
  readonly name: Uint8Array
  /** Index of the first key if it is where most commands have it, 0 if not or if there are no keys. */
  readonly firstKey: number
  /** Whether `firstKey` is the only key. */
  readonly singleKey: boolean
  /** As in the key specification, where there is `firstKey`: the last key's index, from the end where negative; and the distance. */
  readonly lastKey: number
  readonly keyStep: number
  /** See Declaration.elements; `elementFrom` is 0 where there are none. */
  readonly elementFrom: number
  readonly elementStep: number
  /** A number of its own, from 0 up: for ACL's bitmaps. */
  readonly id: number

  /**
   * It is over so soon that reading the clock for each call would cost too much of it: one in some is timed. Whoever wants
   * to hear of each call takes it back for a while.
   */
  sampled: boolean

  calls = 0
  usec = 0
  rejected = 0
  failed = 0

  constructor(command: Command, parent: Entry | null, nextId: () => number) {
    this.command = command
    this.handler = command.handler
    this.arity = command.arity
    this.flags = command.flags
    this.parent = parent
    // SET lacks the flag only because its value may be long.
    this.sampled = (command.flags & FAST) !== 0 || command.name === 'SET'
    const name = command.name.toLowerCase()
    this.fullName = parent === null ? name : `${parent.fullName}|${name}`
    this.name = Uint8Array.from(name, (char) => char.charCodeAt(0))
    this.id = nextId()
    this.subcommands = (command.subcommands ?? []).map((sub) => new Entry(sub, this, nextId))
    const spec = command.keys?.[0]
    const plain =
      command.keyFinder === undefined && spec !== undefined && 'index' in spec.begin && 'last' in spec.find
    this.firstKey = plain && 'index' in spec.begin ? spec.begin.index : 0
    this.singleKey = plain && command.keys!.length === 1 && 'last' in spec.find && spec.find.last === 0
    const find = plain && 'last' in spec.find ? spec.find : { last: 0, step: 1 }
    this.lastKey = find.last < 0 ? find.last : this.firstKey + find.last
    this.keyStep = Math.max(1, find.step)
    const [from, step] = command.elements ?? [0, 0]
    this.elementFrom = from
    this.elementStep = step
  }
}

export class CommandTable {
  readonly entries: readonly Entry[]
  private readonly places: (Entry | null)[]
  private readonly mask: number
  /** What was found last: pipelines are often of one command. */
  private last: Entry | null = null
  private readonly byName = new Map<string, Entry>()

  /** `renamed`: `rename-command` of the configuration, from lower-case name to the new one, '' to take it away. */
  constructor(commands: readonly Command[], renamed: ReadonlyMap<string, string> = new Map()) {
    let ids = 0
    this.entries = commands.map((declared) => new Entry(declared, null, () => ids++))
    let size = 1024
    while (size < commands.length * 8) size *= 2
    this.mask = size - 1
    this.places = new Array<Entry | null>(size).fill(null)
    for (const entry of this.entries) {
      const name = renamed.get(entry.fullName) ?? entry.fullName
      if (name === '') continue
      const bytes = Uint8Array.from(name.toLowerCase(), (char) => char.charCodeAt(0))
      this.byName.set(name.toLowerCase(), entry)
      let at = hashName(bytes, 0, bytes.length) & this.mask
      while (this.places[at] !== null) at = (at + 1) & this.mask
      this.places[at] = name.toLowerCase() === entry.fullName ? entry : renamedEntry(entry, bytes)
    }
  }

  /** The command whose name is `buf[start, end)`, or null. */
  find(buf: Uint8Array, start: number, end: number): Entry | null {
    const last = this.last
    if (last !== null && sameName(last.name, buf, start, end)) return last
    let at = hashName(buf, start, end) & this.mask
    for (;;) {
      const entry = this.places[at]!
      if (entry === null) return null
      if (sameName(entry.name, buf, start, end)) {
        this.last = entry
        return entry
      }
      at = (at + 1) & this.mask
    }
  }

  /** The subcommand that argument 1 names, or null. */
  findSubcommand(entry: Entry, args: Args): Entry | null {
    for (const sub of entry.subcommands)
      if (sameName(sub.name, args.buf, args.start(1), args.end(1))) return sub
    return null
  }

  /** By lower-case name, `config|get` included; undefined if there is none. */
  get(fullName: string): Entry | undefined {
    const [name, sub, more] = fullName.split('|') as [string, string?, string?]
    if (more !== undefined) return undefined
    const entry = this.byName.get(name)
    if (sub === undefined || entry === undefined) return entry
    return entry.subcommands.find((candidate) => candidate.fullName.split('|')[1] === sub)
  }
}

/** A view of the entry under another name; counters and handler stay the original's. */
function renamedEntry(entry: Entry, name: Uint8Array): Entry {
  return Object.create(entry, { name: { value: name } }) as Entry
}

function hashName(buf: Uint8Array, start: number, end: number): number {
  // Letters differ from their other case by one bit, which is set here for all bytes alike.
  const length = end - start
  let hash = length
  const limit = length < 8 ? end : start + 8
  for (let i = start; i < limit; i++) hash = Math.imul(hash, 31) + (buf[i]! | 0x20)
  return hash ^ (hash >>> 10)
}

/** Whether `buf[start, end)` is the name, which is in lower case, in any case of letters. */
function sameName(name: Uint8Array, buf: Uint8Array, start: number, end: number): boolean {
  const length = end - start
  if (name.length !== length) return false
  for (let i = 0; i < length; i++) {
    const byte = name[i]!
    const difference = byte ^ buf[start + i]!
    // A letter may be the other one of its two cases; no other byte may differ.
    if (difference !== 0 && (difference !== 0x20 || byte < 0x61 || byte > 0x7a)) return false
  }
  return true
}

/**
 * Calls `push` with the index of every key among the arguments, as the key specifications say. Returns false where the
 * arguments contradict the specification (a number of keys that is none).
 */
export function findKeys(
  command: Command,
  args: Args,
  push: (index: number, flags: number) => void,
): boolean {
  if (command.keyFinder !== undefined) {
    command.keyFinder(args, (index, flags = 0) => push(index, flags))
    return true
  }
  for (const spec of command.keys ?? []) if (!findSpecKeys(spec, args, push)) return false
  return true
}

function findSpecKeys(spec: KeySpec, args: Args, push: (index: number, flags: number) => void): boolean {
  if ('unknown' in spec.begin || 'unknown' in spec.find) return true
  const first =
    'index' in spec.begin ? spec.begin.index : findKeyword(spec.begin.keyword, spec.begin.from, args)
  if (first <= 0 || first >= args.count) return true
  const find = spec.find
  if ('keyNumber' in find) {
    const count = args.integer(first + find.keyNumber)
    const begin = first + find.firstKey
    if (!(count >= 0) || begin + (count - 1) * find.step >= args.count) return false
    for (let i = 0; i < count; i++) push(begin + i * find.step, spec.flags)
    return true
  }
  let last = find.last >= 0 ? first + find.last : args.count + find.last
  if (find.last === -1 && find.limit > 1) last = first + Math.floor((args.count - first) / find.limit) - 1
  if (last >= args.count) return false
  for (let i = first; i <= last; i += find.step) push(i, spec.flags)
  return true
}

function findKeyword(keyword: string, from: number, args: Args): number {
  const word = keyword.toLowerCase()
  if (from >= 0) {
    for (let i = from; i < args.count; i++) if (args.is(i, word)) return i + 1
  } else {
    for (let i = args.count + from; i > 0; i--) if (args.is(i, word)) return i + 1
  }
  return 0
}
