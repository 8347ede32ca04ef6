/** `npm run fuzz` on a test file that is made for it: it draws on, tells what failed, and what it prints replays it. */

import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ROOT } from './processes.js'

/** Named like none of the tests that `npm test` includes, and removed at the end. */
const FOLDER = 'tests/.fuzz-'
const RARE = `
import fc from 'fast-check'
import { test } from 'vitest'
test('holds', () => fc.assert(fc.property(fc.nat(), (n) => n >= 0)))
test('fails (rarely)', () => {
  fc.assert(fc.property(fc.nat(), (n) => n >= 0))
  fc.assert(fc.property(fc.integer({ min: 0, max: 500 }), (n) => n !== 123), { numRuns: 10 })
})
test('fails always', () => fc.assert(fc.property(fc.nat(), () => false)))
`

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(ROOT, FOLDER))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const environment = { ...process.env, SHOAL_FUZZ: undefined, SHOAL_REPLAY: undefined, NO_COLOR: '1' }

async function fuzz(...args: string[]): Promise<{ code: number; output: string }> {
  const command = [join(ROOT, 'scripts/fuzz.mjs'), ...args]
  try {
    const { stdout } = await promisify(execFile)(process.execPath, command, { env: environment })
    return { code: 0, output: stdout }
  } catch (error) {
    const { code, stdout } = error as { code: number; stdout: string }
    return { code, output: stdout }
  }
}

test('what fails is told with the command that replays it, and ends with 1', {
  timeout: 180_000,
}, async () => {
  const path = join(folder, 'rare.test.ts')
  writeFileSync(path, RARE)
  const given = ['--minutes', '0.02', '--seconds-each', '8', '--seed', '5', relative(ROOT, folder)]
  const { code, output } = await fuzz(...given)
  expect(output).toMatch(/1 targets, 0\.02 minutes, --seed 5/)
  expect(output).toMatch(/fuzz: 1 runs of 1 targets, 2 failures/)
  expect(code).toBe(1)
  const replays = [...output.matchAll(/replay: (.*)/g)].map(([, command]) => command!)
  expect(replays).toHaveLength(2)
  expect(replays[0]).toMatch(
    /^SHOAL_REPLAY=-?\d+\/[\d:]+\/2 npx vitest run \S+ -t '\^fails \\\(rarely\\\)\$'$/,
  )
  const again = spawnSync('sh', ['-c', replays[0]!], { cwd: ROOT, env: environment, encoding: 'utf8' })
  expect(again.status).toBe(1)
  expect(again.stdout + again.stderr).toContain('Counterexample: [123]')
})

test('a path without a property, and a wrong number, are refused', async () => {
  expect((await fuzz('no-such-path')).code).toBe(2)
  expect((await fuzz('--minutes', 'x')).code).toBe(2)
})
