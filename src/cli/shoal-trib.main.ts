/** The program `shoal-trib`. */

import { processIo } from './cli/io.js'
import { runTrib } from './trib/run.js'

void runTrib(process.argv.slice(2), processIo()).then((code) => {
  process.exitCode = code
})
