/**
 * shoal-server: a data node as a process, started as redis-server is: `shoal-server [redis.conf] [options] [-]`.
 * Node cannot fork, so with `daemonize yes` this process checks the configuration, starts the node as a detached
 * process of its own, waits until that one listens (or says why it cannot), and ends.
 */

import { runServer } from './server/run.js'

void runServer(process.argv.slice(2))
