/**
 * How many random cases a comparison draws, and what it says of the one that failed. They are few and always the same;
 * `SHOAL_DIFFERENTIAL_RUNS=3000 npx vitest run tests/differential` draws thousands a property, `npm run fuzz` other ones each time.
 */

import fc from 'fast-check'

const WANTED = process.env['SHOAL_DIFFERENTIAL_RUNS']
/** Of a string, what is shown at most. */
const SHOWN_CHARACTERS = 80

/** As many cases as SHOAL_DIFFERENTIAL_RUNS asks for, or as many as take a moment. */
export function runsOf(few: number): number {
  return WANTED === undefined ? few : Number(WANTED)
}

/** For `describe`: time enough for so many cases, and for finding the shortest one that fails. */
export const DEEP = { timeout: 60_000 + Number(WANTED ?? 0) * 200 }

/**
 * Checks the cases that `failedOnce` names, then draws `runs` others; throws an error with a short form of the shortest that
 * fails, and the seed that gives it again.
 */
export async function holds<Case extends unknown[]>(
  property: fc.IAsyncProperty<Case>,
  runs: number,
  failedOnce: readonly { readonly seed: number; readonly path: string }[] = [],
): Promise<void> {
  for (const once of failedOnce) throwShortly(await fc.check(property, { ...once, numRuns: 1 }))
  throwShortly(await fc.check(property, { numRuns: runs }))
}

function throwShortly<Case extends unknown[]>(result: fc.RunDetails<Case>): void {
  if (!result.failed) return
  const cases = (result.counterexample ?? []).map(shortly).join('\n')
  const error = result.errorInstance
  const told = error instanceof Error ? (error.stack ?? error.message) : String(error)
  const found = (error as { actual?: unknown } | null)?.actual
  throw new Error(
    `failed after ${result.numRuns} cases (seed ${result.seed}, path ${result.counterexamplePath}):\n${cases}\n` +
      `got ${shortly(found)}\n${told.slice(0, 3000)}`,
    { cause: error },
  )
}

/** One line a command, long strings and arrays of bytes cut. */
function shortly(value: unknown): string {
  if (!Array.isArray(value)) return text(value)
  return value.map((line) => (Array.isArray(line) ? line.map(text).join(' ') : text(line))).join('\n')
}

function text(value: unknown): string {
  if (value instanceof Uint8Array) return text(Buffer.from(value).toString('latin1'))
  const words = typeof value === 'bigint' ? String(value) : (JSON.stringify(value) ?? String(value))
  if (words.length <= SHOWN_CHARACTERS * 4) return words
  return `${words.slice(0, SHOWN_CHARACTERS)}…(${words.length})…${words.slice(-SHOWN_CHARACTERS)}`
}
