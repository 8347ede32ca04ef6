/**
 * Retells every story of this folder and compares. Where behaviour has changed on purpose:
 * `UPDATE_STORIES=1 npx vitest run tests/stories` writes them anew; then read what changed before committing.
 */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { retell } from '../../src/sim/story.js'

const here = new URL('.', import.meta.url)
const stories = readdirSync(here).filter((file) => file.endsWith('.txt'))

test.each(stories)('%s', (file) => {
  const path = new URL(file, here)
  const told = readFileSync(path, 'utf8')
  const again = retell(told)
  expect(again).not.toContain('VIOLATION')
  if (process.env['UPDATE_STORIES'] === '1') writeFileSync(path, again)
  else expect(again).toBe(told)
})

test('there are stories', () => {
  expect(stories.length).toBeGreaterThanOrEqual(7)
})
