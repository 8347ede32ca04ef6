/**
 * A bound on shrinking. fast-check shrinks a failing case until nothing smaller fails, which takes hours for long arrays; a
 * synchronous property holds the event loop meanwhile, so that no timeout of the test runner fires. The clock starts
 * with the first failure: a property that holds is never cut short, however slow the machine is.
 */

import fc from 'fast-check'

/** Milliseconds from the first failing case; then the smallest case found so far is reported. Less than any test's timeout. */
export const SHRINK_LIMIT_MS = 10_000

type Outcome = ReturnType<fc.IRawProperty<unknown>['run']>
type Settled = Awaited<Outcome>

/** A plugin that ends shrinking `limit_ms` after the first failure. */
export function boundedShrinking(
  limit_ms: number,
  now_ms: () => number = () => performance.now(),
): fc.Plugin<unknown> {
  return () => {
    let deadline_ms = Number.POSITIVE_INFINITY
    const note = (outcome: Settled): Settled => {
      const failed = outcome !== null && !fc.PreconditionFailure.isFailure(outcome)
      if (failed && deadline_ms === Number.POSITIVE_INFINITY) deadline_ms = now_ms() + limit_ms
      return outcome
    }
    return {
      decorateRun: (run) => (value) => {
        // `true` ends the whole check; what failed before stays a failure.
        if (now_ms() >= deadline_ms) return new fc.PreconditionFailure(true)
        const outcome = run(value)
        return outcome !== null && 'then' in outcome ? outcome.then(note) : note(outcome)
      },
    }
  }
}
