// Brings versions of Node from the package registry: node scripts/nodes.mjs FOLDER 22 24 prints a line for each: its major number
// and the path of its program, below FOLDER.
//
// The npm package `node` has an install script that brings a package for the platform, in which the program lies.
// Here that one is installed by itself, so that no script need run. Nothing of the project's dependencies changes.
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'

const PLATFORM = process.platform === 'win32' ? 'win' : process.platform
const NAME = `node-${PLATFORM}-${process.arch}`

function install(folder, major) {
  const prefix = join(folder, major)
  mkdirSync(prefix, { recursive: true })
  const options = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  const { status, stderr, error } = spawnSync(
    'npm',
    ['install', ...options, '--prefix', prefix, `${NAME}@${major}`],
    {
      cwd: prefix,
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
      shell: process.platform === 'win32',
    },
  )
  if (status !== 0) throw new Error(`${NAME}@${major} could not be installed: ${error?.message ?? stderr}`)
  const program = join(prefix, 'node_modules', NAME, 'bin', PLATFORM === 'win' ? 'node.exe' : 'node')
  const told = spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout ?? ''
  if (!told.startsWith(`v${major}.`)) throw new Error(`${program} is no Node ${major}: ${told}`)
  return program
}

const [folder, ...majors] = process.argv.slice(2)
if (folder === undefined || majors.length === 0 || majors.some((major) => !/^\d+$/.test(major))) {
  console.error('usage: node scripts/nodes.mjs FOLDER MAJOR …')
  process.exit(2)
}
try {
  for (const major of majors) console.log(`${major} ${install(resolve(folder), major)}`)
} catch (error) {
  console.error(error.message)
  process.exit(1)
}
