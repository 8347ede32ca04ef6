/** What shoal-server prints about itself and about a configuration it cannot use. */

import type { ConfigError } from '../../server/config/parse.js'
import { REDIS_VERSION, SHOAL_VERSION } from '../../server/version.js'

export const HELP = `Usage: shoal-server [/path/to/redis.conf] [options] [-]
       shoal-server - (read config from stdin)
       shoal-server -v or --version
       shoal-server -h or --help

Examples:
       shoal-server (run the server with default conf)
       echo 'maxmemory 128mb' | shoal-server -
       shoal-server /etc/redis/6379.conf
       shoal-server --port 7777
       shoal-server --port 7777 --replicaof 127.0.0.1 8888
       shoal-server /etc/myredis.conf --loglevel verbose -
`

/** As redis-server prints it: tools look for the first words. */
export function versionLine(): string {
  return `Shoal server v=${SHOAL_VERSION} (Redis ${REDIS_VERSION}) sha=00000000:0 malloc=byteheap bits=64 build=0`
}

/** Redis's message for a configuration that cannot be used. */
export function configErrorText(error: ConfigError): string {
  if (error.kind === 'file') return `Fatal error, can't open config file '${error.path}': ${error.reason}\n`
  const head = `\n*** FATAL CONFIG FILE ERROR (Redis ${REDIS_VERSION}) ***\n`
  if (error.kind === 'whole') return `${head}${error.reason}\n`
  return `${head}Reading the configuration file, at line ${error.lineNumber}\n>>> '${error.line}'\n${error.reason}\n`
}
