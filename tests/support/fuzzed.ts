/**
 * What stands in for fast-check while `npm run fuzz` runs (vitest.config.ts puts it there): every property is drawn again
 * and again, with a new seed each time, until its share of the time is over, and what fails is written down together with
 * what replays it.
 *
 *     SHOAL_FUZZ    {"seed": base of all seeds, "box_ms": time a property, "report": file of one JSON a line}
 *     SHOAL_REPLAY  SEED/PATH/NTH: the NTH property that the test checks starts there; the others are as in `npm test`
 */

import { appendFileSync } from 'node:fs'
import { relative } from 'node:path'
import { TestRunner } from 'vitest'
import * as real from '../../node_modules/fast-check/lib/fast-check.js'

export * from '../../node_modules/fast-check/lib/fast-check.js'

/** Of the timeout of a test, the part that is used for drawing; shrinking needs time, too. */
const DRAWING_PART = 0.4
const SEED_STEP = 0x9e3779b9

interface Fuzz {
  readonly seed: number
  readonly box_ms: number
  readonly report: string
}

/** One property of one test: what fuzz.mjs reads. */
export interface FuzzReport {
  readonly file: string
  readonly test: string
  /** Among the properties that this test checks, from 1. */
  readonly nth: number
  readonly cases: number
  readonly failed: boolean
  readonly seed: number
  readonly path: string | null
}

const fuzz: Fuzz | null = JSON.parse(process.env['SHOAL_FUZZ'] ?? 'null')
const replay = /^(-?\d+)\/([\d:]+)(?:\/(\d+))?$/.exec(process.env['SHOAL_REPLAY'] ?? '')

/** How many properties each test has checked. */
const checked = new Map<string, number>()
let seed = fuzz?.seed ?? 0

function nextSeed(): number {
  seed = (seed + SEED_STEP) | 0
  return seed
}

class Place {
  readonly test = TestRunner.getCurrentTest()
  readonly name: string
  readonly nth: number
  readonly deadline_ms: number
  cases = 0

  constructor() {
    const names: string[] = []
    for (let at: { name: string; suite?: unknown } | undefined = this.test; at !== undefined; ) {
      if (at.name !== '') names.unshift(at.name)
      at = at.suite as typeof at
    }
    this.name = names.join(' ')
    this.nth = (checked.get(this.name) ?? 0) + 1
    checked.set(this.name, this.nth)
    const timeout_ms = this.test?.timeout ?? Number.POSITIVE_INFINITY
    this.deadline_ms = performance.now() + Math.min(fuzz?.box_ms ?? 0, timeout_ms * DRAWING_PART)
  }

  /** Whether these are the last details; then they are reported. */
  isLast<T>(details: real.RunDetails<T>): boolean {
    this.cases += details.numRuns
    if (!details.failed && performance.now() < this.deadline_ms) return false
    if (fuzz === null) return true
    const report: FuzzReport = {
      file: relative(process.cwd(), this.test?.file.filepath ?? ''),
      test: this.name,
      nth: this.nth,
      cases: this.cases,
      failed: details.failed,
      seed: details.seed,
      path: details.counterexamplePath,
    }
    appendFileSync(fuzz.report, `${JSON.stringify(report)}\n`)
    return true
  }

  parameters<T>(given: real.Parameters<T> | undefined): real.Parameters<T> | undefined {
    if (fuzz !== null) return { ...given, seed: nextSeed() }
    if (replay === null || Number(replay[3] ?? 1) !== this.nth) return given
    return { ...given, seed: Number(replay[1]), path: replay[2]! }
  }
}

async function checkAgain<T>(property: real.IRawProperty<T>, given: real.Parameters<T> | undefined) {
  const place = new Place()
  for (;;) {
    const details = await real.check(property, place.parameters(given))
    if (place.isLast(details)) return details
  }
}

function checkSynchronously<T>(property: real.IRawProperty<T>, given: real.Parameters<T> | undefined) {
  const place = new Place()
  for (;;) {
    const details = real.check(property, place.parameters(given)) as real.RunDetails<T>
    if (place.isLast(details)) return details
  }
}

export function check<T>(property: real.IRawProperty<T>, given?: real.Parameters<T>) {
  // What failed once is replayed with its own seed.
  if (given?.path !== undefined) return real.check(property, given)
  return property.isAsync() ? checkAgain(property, given) : checkSynchronously(property, given)
}

function report<T>(details: real.RunDetails<T>): void {
  if (!details.failed) return
  const { errorInstance: cause } = details
  const why = cause instanceof Error ? cause.message : String(cause)
  throw new Error(`${why}\n${real.defaultReportMessage(details)}`, { cause })
}

export function assert<T>(property: real.IRawProperty<T>, given?: real.Parameters<T>) {
  const details = check(property, given)
  return details instanceof Promise ? details.then(report) : report(details as real.RunDetails<T>)
}

export default { ...real.default, assert, check }
