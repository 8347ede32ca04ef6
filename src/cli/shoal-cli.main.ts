/** The program `shoal-cli`. */

import { processIo } from './cli/io.js'
import { runCli } from './cli/run.js'

void runCli(process.argv.slice(2), processIo()).then((code) => {
  process.exitCode = code
})
