/** Which module does what an option asks for. Each gives the program's exit code. */

import type { Mode } from '../options.js'
import type { Session } from '../session.js'

export async function runMode(mode: Mode, session: Session): Promise<number> {
  if (mode === 'intrinsic-latency') return (await import('./latency.js')).intrinsicLatency(session)
  if (mode === 'latency-dist' || mode === 'lru-test') {
    session.complain(`shoal-cli does not have --${mode}.\n`)
    return 1
  }
  if (!(await session.connect())) return 1
  switch (mode) {
    case 'latency':
      return (await import('./latency.js')).latency(session)
    case 'scan':
      return (await import('./keys.js')).listKeys(session)
    case 'bigkeys':
    case 'memkeys':
      return (await import('./keys.js')).bigKeys(session, mode === 'memkeys')
    case 'hotkeys':
      return (await import('./keys.js')).hotKeys(session)
    case 'stat':
      return (await import('./stat.js')).stat(session)
    case 'pipe':
      return (await import('./pipe.js')).pipe(session)
    case 'rdb':
    case 'functions-rdb':
      return (await import('./replica.js')).fetchRdb(session, mode === 'functions-rdb')
    case 'replica':
      return (await import('./replica.js')).showReplication(session)
  }
}
