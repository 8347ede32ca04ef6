// Makes a fresh clone usable with Node and npm alone: installs the dependencies where they are missing or
// older than the lock file, and builds where dist/ is older than the sources. Does nothing when all is there.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

const newest = (path) => {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (!stat) return 0
  if (!stat.isDirectory()) return stat.mtimeMs
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))))
}
const run = (command, ...args) => {
  const { status } = spawnSync(command, args, { stdio: 'inherit', shell: process.platform === 'win32' })
  if (status !== 0) process.exit(status ?? 1)
}

if (newest('node_modules/.package-lock.json') < newest('package-lock.json')) {
  run('npm', existsSync('package-lock.json') ? 'ci' : 'install', '--no-audit', '--no-fund')
}
if (
  newest('dist/shoal.main.js') < Math.max(newest('src'), newest('scripts/build.mjs'), newest('package.json'))
) {
  run(process.execPath, 'scripts/build.mjs')
}
