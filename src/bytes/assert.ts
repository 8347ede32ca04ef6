/**
 * Assertions: for what cannot happen unless the code is wrong. One that fails means that an invariant of the data broke, so the
 * node stops before it acknowledges or spreads anything (server/failures.ts); any other exception ends at most the client whose
 * command it came from.
 */

export class AssertionError extends Error {
  override name = 'AssertionError'
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message)
}
