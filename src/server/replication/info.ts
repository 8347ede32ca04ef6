/** INFO's section Replication. */

import { infoReplication } from '../../replication/report.js'
import type { Replication } from '../../replication/state.js'
import type { InfoLine } from '../info.js'

export function infoLines(r: Replication, now_ms: number): InfoLine[] {
  return infoReplication(r, now_ms).map((line) => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon), line.slice(colon + 1)] as const
  })
}
