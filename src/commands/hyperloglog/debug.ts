/** PFDEBUG, PFSELFTEST: a look into HyperLogLogs, and whether they count right here. */

import {
  DAMAGED,
  denseRegister,
  denseSet,
  elementPattern,
  HLL_DENSE_BYTES,
  HLL_EMPTY_BYTES,
  HLL_GROWTH_BYTES,
  HLL_HEADER_BYTES,
  isDense,
  REGISTERS,
  raisedTo,
  registerOf,
  sparseSet,
  TOO_LARGE,
  writeDense,
  writeEmpty,
} from '../../keyspace/collections/hyperloglog.js'
import { COUNTS, countElements } from '../../keyspace/collections/hyperloglog-count.js'
import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import type { Call } from '../call.js'
import { ADMIN, command, DENYOOM, KEY_ACCESS, KEY_RW, keyAt, WRITE } from '../command.js'
import { replyError } from '../errors.js'
import { CORRUPTED, entryToChange, makeDense, WRONG } from './value.js'

/** The runs as people read them: `z:3 Z:100 v:1,2`, zeros in short and long runs, a value and how often. */
function decoded(u8: Uint8Array, at: number, length: number): string {
  const end = at + length
  const runs: string[] = []
  for (let p = at + HLL_HEADER_BYTES; p < end; p++) {
    const byte = u8[p]!
    if ((byte & 0x80) !== 0) runs.push(`v:${((byte >> 2) & 31) + 1},${(byte & 3) + 1}`)
    else if ((byte & 0x40) === 0) runs.push(`z:${(byte & 63) + 1}`)
    else {
      p++
      runs.push(`Z:${(((byte & 63) << 8) | (p < end ? u8[p]! : 0)) + 1}`)
    }
  }
  return runs.join(' ')
}

/** Makes the HyperLogLog dense, which goes out as a change; its entry, or 0 after an error was replied. */
function densed(call: Call, args: Args, handle: number, reply: Reply): number {
  const { entries } = call.db
  if (isDense(entries.bytes(handle), entries.valueStart(handle))) return handle
  const made = makeDense(call, args, 2, handle)
  if (made === DAMAGED) {
    reply.error(CORRUPTED)
    return 0
  }
  call.dirty++
  return made
}

export const pfdebug = command(
  {
    name: 'PFDEBUG',
    arity: 3,
    flags: WRITE | DENYOOM | ADMIN,
    since: '2.8.9',
    group: 'hyperloglog',
    summary: 'Shows the insides of a HyperLogLog, or makes it dense.',
    complexity: 'O(1)',
    syntax: 'subcommand key',
    keys: keyAt(2, KEY_RW | KEY_ACCESS),
  },
  (call, args, reply) => {
    const handle = entryToChange(call, args, 2, reply)
    if (handle === WRONG) return
    if (handle === 0) {
      reply.error('ERR The specified key does not exist')
      return
    }
    const { entries } = call.db
    const u8 = entries.bytes(handle)
    const at = entries.valueStart(handle)
    const dense = isDense(u8, at)
    if (args.is(1, 'getreg')) {
      const made = densed(call, args, handle, reply)
      if (made === 0) return
      const start = entries.valueStart(made)
      reply.array(REGISTERS)
      for (let i = 0; i < REGISTERS; i++) reply.int(denseRegister(entries.bytes(made), start, i))
    } else if (args.is(1, 'decode')) {
      if (dense) reply.error('ERR HLL encoding is not sparse')
      else reply.bulkText(decoded(u8, at, entries.valueLength(handle)))
    } else if (args.is(1, 'encoding')) reply.simple(dense ? 'dense' : 'sparse')
    else if (args.is(1, 'todense')) {
      if (densed(call, args, handle, reply) !== 0) reply.int(dense ? 0 : 1)
    } else replyError(reply, `ERR Unknown PFDEBUG subcommand '${args.quoted(1)}'`)
  },
)

const REGISTER_ROUNDS = 100
/** Redis goes to ten million, for which nothing else would be served for a second. */
const ELEMENTS = 1_000_000

/** Whether registers keep what they are set to, and leave their neighbours alone; else which one does not. */
function registerFault(random32: () => number): string {
  const bytes = new Uint8Array(HLL_DENSE_BYTES)
  const model = new Uint8Array(REGISTERS)
  for (let round = 0; round < REGISTER_ROUNDS; round++) {
    bytes.fill(0)
    for (let i = 0; i < REGISTERS; i++) {
      model[i] = random32() & 63
      denseSet(bytes, 0, i, model[i]!)
    }
    for (let i = 0; i < REGISTERS; i++) {
      const found = denseRegister(bytes, 0, i)
      if (found !== model[i]) return `TESTFAILED Register ${i} should be ${model[i]} but is ${found}`
    }
  }
  return ''
}

/** A HyperLogLog that is sparse as long as it may be, outside of the keyspace. */
class Growing {
  bytes = new Uint8Array(HLL_DENSE_BYTES)
  length = HLL_EMPTY_BYTES
  private readonly limit: number

  constructor(limit: number) {
    this.limit = Math.min(limit, HLL_DENSE_BYTES - HLL_GROWTH_BYTES)
    writeEmpty(this.bytes, 0)
  }

  add(pattern: number): void {
    const register = registerOf(pattern)
    const value = raisedTo(pattern)
    if (!isDense(this.bytes, 0)) {
      const outcome = sparseSet(this.bytes, 0, this.length, this.limit, register, value)
      if (outcome > 0) this.length = outcome
      if (outcome !== TOO_LARGE) return
      const dense = new Uint8Array(HLL_DENSE_BYTES)
      writeDense(this.bytes, 0, this.length, dense, 0)
      this.bytes = dense
      this.length = HLL_DENSE_BYTES
    }
    denseSet(this.bytes, 0, register, value)
  }
}

/** Whether estimates are near enough at every power of ten, and the same in both forms; else what is wrong. */
function estimateFault(random32: () => number, limit: number): string {
  const dense = new Uint8Array(HLL_DENSE_BYTES)
  const growing = new Growing(limit)
  const counts = new Int32Array(COUNTS)
  const element = new Uint8Array(8)
  const words = new Int32Array(element.buffer)
  const seed = random32()
  words[1] = random32()
  let checkpoint = 1
  for (let i = 1; i <= ELEMENTS; i++) {
    words[0] = i ^ seed
    const pattern = elementPattern(element, 0, 8)
    denseSet(dense, 0, registerOf(pattern), raisedTo(pattern))
    growing.add(pattern)
    if (i !== checkpoint) continue
    if (i < limit / 2 && isDense(growing.bytes, 0)) return 'TESTFAILED sparse encoding not used'
    const count = countElements(counts, dense, 0, HLL_DENSE_BYTES)
    if (count !== countElements(counts, growing.bytes, 0, growing.length))
      return 'TESTFAILED dense/sparse disagree'
    // Six times the standard error; of ten elements two may meet in one register.
    const allowed = i === 10 ? 1 : Math.ceil((1.04 / Math.sqrt(REGISTERS)) * 6 * i)
    const error = Math.abs(count - i)
    if (error > allowed) return `TESTFAILED Too big error. card:${i} abserr:${error}`
    checkpoint *= 10
  }
  return ''
}

export const pfselftest = command(
  {
    name: 'PFSELFTEST',
    arity: 1,
    flags: ADMIN,
    since: '2.8.9',
    group: 'hyperloglog',
    summary: 'Tests whether HyperLogLogs count right here.',
    complexity: 'O(1), but of a second',
  },
  (call, _args, reply) => {
    const random32 = () => call.host.random32()
    const limit = call.keyspace.limit('hll-sparse-max-bytes')
    const fault = registerFault(random32) || estimateFault(random32, limit)
    if (fault === '') reply.ok()
    else reply.error(fault)
  },
)

export const HYPERLOGLOG_DEBUG_FAMILY = [pfdebug, pfselftest]
