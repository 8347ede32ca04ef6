/**
 * Properties draw the same cases at every run of `npm test`, on every machine: whether a change may land must not depend on
 * chance. `npm run fuzz` draws new ones; what it finds becomes a test of its own, or a seed that is replayed for ever.
 */

import fc from 'fast-check'
import { boundedShrinking, SHRINK_LIMIT_MS } from './support/shrinking.js'

const SEED = 20261123

fc.configureGlobal({ seed: SEED })
fc.installGlobalPlugin(boundedShrinking(SHRINK_LIMIT_MS))
