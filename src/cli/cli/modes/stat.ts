/** --stat: a line of numbers each second, until interrupted. */

import { setTimeout as sleep } from 'node:timers/promises'
import { errorOf, textOf } from '../../../client/index.js'
import type { Session } from '../session.js'
import { persistent } from './common.js'

const LINES_PER_HEADER = 20
const HEADER =
  '------- data ------ --------------------- load -------------------- - child -\n' +
  'keys       mem      clients blocked requests            connections          \n'

export async function stat(session: Session): Promise<number> {
  const interval_ms = session.options.interval_ms > 0 ? session.options.interval_ms : 1000
  let requests = 0
  for (let line = 0; ; line++) {
    const reply = await persistent(session, 'INFO')
    const error = errorOf(reply)
    if (error !== undefined) {
      session.complain(`ERROR: ${error}\n`)
      return 1
    }
    const info = textOf(reply) ?? ''
    const number = (field: string) => Number(new RegExp(`${field}:(-?\\d+)`).exec(info)?.[1] ?? 0)
    const keys = [...info.matchAll(/^db\d+:keys=(\d+)/gm)].reduce((sum, match) => sum + Number(match[1]), 0)
    const processed = number('total_commands_processed')
    const child =
      number('bgsave_in_progress') | (number('aof_rewrite_in_progress') << 1) | (number('\nloading') << 2)
    if (line % LINES_PER_HEADER === 0) session.print(HEADER)
    session.print(
      `${String(keys).padEnd(11)}${bytesText(number('used_memory')).padEnd(8)}` +
        ` ${String(number('connected_clients')).padEnd(8)}${String(number('blocked_clients')).padEnd(8)}` +
        `${`${processed} (+${requests === 0 ? 0 : processed - requests})`.padEnd(19)}` +
        ` ${String(number('total_connections_received')).padEnd(12)}` +
        `${['', 'SAVE', 'AOF', 'SAVE+AOF', 'LOAD'][child] ?? ''}\n`,
    )
    requests = processed
    await sleep(interval_ms)
  }
}

function bytesText(bytes: number): string {
  if (bytes < 1024) return `${bytes}B`
  if (bytes < 1024 ** 2) return `${(bytes / 1024).toFixed(2)}K`
  if (bytes < 1024 ** 3) return `${(bytes / 1024 ** 2).toFixed(2)}M`
  return `${(bytes / 1024 ** 3).toFixed(2)}G`
}
