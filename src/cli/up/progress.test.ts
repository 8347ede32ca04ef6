/** What is shown while a cluster comes up: on a terminal it changes in place, in a file it only grows. */

import { Writable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import type { NodePlan, UpEvent } from '../../launch/index.js'
import { processIo } from '../cli/io.js'
import { createProgress } from './progress.js'
import { slotMapLines, tableLines } from './slot-map.js'

function show(terminal: boolean, events: readonly UpEvent[]): string {
  let said = ''
  const stdout = Object.assign(
    new Writable({
      write(chunk: Uint8Array, _encoding, done) {
        said += chunk.toString()
        done()
      },
    }),
    { isTTY: terminal },
  )
  const progress = createProgress({ ...processIo(), stdout, env: { NO_COLOR: '1' } })
  for (const event of events) progress.show(event)
  progress.end()
  return said
}

const node = (address: string) => ({ address }) as NodePlan
const EVENTS: readonly UpEvent[] = [
  { kind: 'plan', dir: '/d', nodes: [node('a:1'), node('a:2')], fresh: true },
  { kind: 'node', address: 'a:1', state: 'starting' },
  { kind: 'node', address: 'a:2', state: 'found', pid: 7 },
  { kind: 'node', address: 'a:1', state: 'serving', pid: 8 },
  { kind: 'manager', line: '[OK] Done.' },
  { kind: 'settling' },
]

describe('progress', () => {
  test('in a file: a line for what has happened', () => {
    expect(show(false, EVENTS)).toMatch(
      new RegExp(
        '^Making a cluster of 2 nodes in /d\na:2 runs already \\(pid 7\\)\na:1 started \\(pid 8\\)\n\\[OK\\] Done\\.\n' +
          '\\(cluster_state:ok on all 2 nodes after \\d+\\.\\d\\d s\\)\n$',
      ),
    )
  })

  test('on a terminal: a line for each node, repainted', () => {
    const screen: string[] = []
    let row = 0
    for (const piece of show(true, EVENTS).split('\n')) {
      const [, ...sequences] = piece.split('\x1b[')
      for (const up of sequences.map((one) => /^(\d+)A/.exec(one))) if (up !== null) row -= Number(up[1])
      screen[row++] =
        sequences.length === 0 ? piece : sequences.map((one) => one.replace(/^\d+[AK]/, '')).join('')
    }
    expect(screen.slice(0, 4)).toEqual([
      'Making a cluster of 2 nodes in /d',
      '✔ a:1 started (pid 8)',
      '✔ a:2 runs already (pid 7)',
      '[OK] Done.',
    ])
  })
})

describe('tables', () => {
  test('slot map', () => {
    expect(
      slotMapLines([
        {
          master: 'h:1',
          slots: [
            { first: 0, last: 99 },
            { first: 7000, last: 7000 },
          ],
          replicas: ['h:2', 'h:3'],
        },
      ]),
    ).toEqual(['slots      master  replicas', '0-99 7000  h:1     h:2 h:3'])
  })

  test('columns to the right', () => {
    expect(
      tableLines(
        [
          ['a', 'n'],
          ['bb', '10'],
        ],
        new Set([1]),
      ),
    ).toEqual(['a    n', 'bb  10'])
  })
})
