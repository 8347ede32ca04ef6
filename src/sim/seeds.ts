/**
 * Seeds that once failed, with what they found; `npm test` replays them for ever. A seed finds its bug only as long as
 * the scenario draws the same numbers, so add a test of its own beside the code for what it showed.
 */

export const FAILED_ONCE: readonly { readonly seed: number; readonly found: string }[] = []
