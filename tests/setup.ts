/**
 * Properties draw new cases every time, which is how they find things. CI draws the same ones each time: whether a change
 * may land must not depend on chance. What chance finds elsewhere becomes a test of its own.
 */

import fc from 'fast-check'

if (process.env['CI']) fc.configureGlobal({ seed: 20261123 })
