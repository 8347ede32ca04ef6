/** The program `shoal-trib`. */

import { processIo } from './cli/io.js'
import { runTrib } from './trib/run.js'

process.exitCode = await runTrib(process.argv.slice(2), processIo())
