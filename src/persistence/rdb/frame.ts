/**
 * Finds where a value ends, for every type, without understanding it: the layout strings of format.ts are the
 * programs, and this is the machine. It can stop after any part when the bytes run out and go on when more have
 * come, so that a list of a million elements is walked once, however small the pieces in which it arrives.
 */

import { BAD, type Cursor, DONE, MORE, type Step } from './cursor.js'
import { VALUE_TYPES } from './format.js'

interface Program {
  /** Character codes of the layout. */
  code: Uint8Array
  /** For each `(` the position of its `)`, and the other way round. */
  partner: Uint8Array
}

const STRING = 0x53
const LENGTH = 0x4c
const DOUBLE = 0x44
const EIGHT = 0x38
const SIXTEEN = 0x78
const MODULE = 0x4d
const OPEN = 0x28

function compile(layout: string): Program {
  const code = Uint8Array.from(layout, (letter) => letter.charCodeAt(0))
  const partner = new Uint8Array(code.length)
  const open: number[] = []
  for (let i = 0; i < code.length; i++) {
    if (layout[i] === '(') open.push(i)
    if (layout[i] !== ')') continue
    const from = open.pop()!
    partner[from] = i
    partner[i] = from
  }
  return { code, partner }
}

const PROGRAMS: ReadonlyMap<number, Program> = new Map(
  Array.from(VALUE_TYPES, ([type, { layout }]) => [type, compile(layout)]),
)
const MODULE_PROGRAM = compile('M')

/** Deepest nesting of (…) in any layout. */
const DEPTH_MAX = 4

export class ValueFramer {
  /** How far into the item the walk has come. */
  reached = 0
  /** The first count met, -1 before: zero tells an empty collection. */
  firstCount = -1
  private program: Program = MODULE_PROGRAM
  private at = 0
  private depth = 0
  private readonly left = new Float64Array(DEPTH_MAX)

  /** Begins at a value of `type`; false when there is no such type. */
  begin(type: number): boolean {
    const program = PROGRAMS.get(type)
    if (program === undefined) return false
    this.reset(program)
    return true
  }

  /** Begins at a module's parts. */
  beginModule(): void {
    this.reset(MODULE_PROGRAM)
  }

  /** Walks on from `cursor.pos`. After MORE, `cursor.pos` is where to go on. */
  run(cursor: Cursor): Step {
    const { code } = this.program
    while (this.at < code.length) {
      const step = this.part(cursor, code[this.at]!)
      if (step !== DONE) return step
    }
    return DONE
  }

  private reset(program: Program): void {
    this.program = program
    this.at = 0
    this.depth = 0
    this.reached = 0
    this.firstCount = -1
  }

  private part(cursor: Cursor, letter: number): Step {
    if (letter === STRING) return this.after(cursor.skipString())
    if (letter === LENGTH) return this.after(cursor.readLength())
    if (letter === EIGHT) return this.after(cursor.skip(8))
    if (letter === SIXTEEN) return this.after(cursor.skip(16))
    if (letter === DOUBLE) return this.after(skipDouble(cursor))
    if (letter === MODULE) return this.module(cursor)
    if (letter === OPEN) {
      const step = cursor.readLength()
      if (step !== DONE) return step
      if (this.firstCount < 0) this.firstCount = cursor.length
      if (cursor.length === 0) {
        this.at = this.program.partner[this.at]! + 1
      } else {
        this.left[this.depth++] = cursor.length
        this.at++
      }
      return DONE
    }
    const left = --this.left[this.depth - 1]!
    if (left > 0) {
      this.at = this.program.partner[this.at]! + 1
    } else {
      this.depth--
      this.at++
    }
    return DONE
  }

  private after(step: Step): Step {
    if (step === DONE) this.at++
    return step
  }

  /** One part of a module's value: an opcode and its operand. Opcode 0 is the end. */
  private module(cursor: Cursor): Step {
    const start = cursor.pos
    let step = cursor.readLength()
    if (step !== DONE) return step
    const opcode = cursor.length
    if (opcode === 0) return this.after(DONE)
    if (opcode === 1 || opcode === 2) step = cursor.readLength()
    else if (opcode === 3) step = cursor.skip(4)
    else if (opcode === 4) step = cursor.skip(8)
    else if (opcode === 5) step = cursor.skipString()
    else return cursor.bad(`Unknown opcode ${opcode} in a module's value`)
    if (step === MORE) cursor.pos = start
    return step === BAD ? BAD : step
  }
}

/** A double as files before version 8 hold it: a length byte and ASCII, or 253 to 255 for nan and infinities. */
function skipDouble(cursor: Cursor): Step {
  if (cursor.pos >= cursor.end) return MORE
  const length = cursor.buf[cursor.pos]!
  return cursor.skip(length >= 253 ? 1 : 1 + length)
}
