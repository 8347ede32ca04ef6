import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { WORKING } from './status.js'

const ROOT = join(import.meta.dirname, '../..')
const ROOMS = ['server', 'commands', 'keyspace', 'cli/server']

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return path.endsWith(join('server', 'config')) ? [] : sources(path)
    return /(?<!\.test)\.ts$/.test(entry.name) ? [readFileSync(path, 'utf8')] : []
  })
}

test('a directive that is said to work is looked at by somebody', () => {
  const text = ROOMS.flatMap((room) => sources(join(ROOT, room))).join('\n')
  const unread = WORKING.filter(
    (name) => !text.includes(`'${name}'`) && !new RegExp(`values\\.${name}\\b`).test(text),
  )
  expect(unread).toEqual([])
})
