// Makes a fresh clone usable with Node and npm alone: installs the dependencies where they are missing or are not
// those of the lock file, and builds where dist/ is older than the sources. Silent when there is nothing to do.
//
// Nothing that Shoal depends on needs an install script: esbuild's program comes as an optional dependency for the
// platform. So scripts are switched off, and development and optional dependencies are asked for by name, whatever
// NODE_ENV or the user's npm configuration leave out.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const NODE_MAJOR_MIN = 20
process.chdir(dirname(dirname(fileURLToPath(import.meta.url))))

function fail(reason) {
  console.error(`shoal: ${reason}`)
  process.exit(1)
}

/** When anything at or under `path` was last changed; removing a file changes its folder. */
function newest(path) {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat === undefined) return 0
  if (!stat.isDirectory()) return stat.mtimeMs
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))))
}

/** npm as npm itself was called, else the one on the PATH. */
function npm(args) {
  const own = process.env.npm_execpath
  const viaNode = own !== undefined && /\.c?js$/.test(own) && /npm/.test(own)
  const options = { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' }
  return viaNode
    ? spawnSync(process.execPath, [own, ...args], options)
    : spawnSync('npm', args, { ...options, shell: process.platform === 'win32' })
}

function install() {
  const stamp = 'node_modules/.shoal-lock'
  const lock = createHash('sha256').update(readFileSync('package-lock.json')).digest('hex')
  const installed = existsSync('node_modules/.package-lock.json')
  if (installed && existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return
  const byHand = installed && newest('node_modules/.package-lock.json') >= newest('package-lock.json')
  if (!byHand || !existsSync('node_modules/esbuild/package.json')) {
    console.error('shoal: installing the dependencies …')
    const options = ['--include=dev', '--include=optional', '--ignore-scripts', '--no-audit', '--no-fund']
    let { status, error, stderr } = npm(['ci', ...options, '--loglevel=error'])
    if (error !== undefined) fail(`npm could not be started: ${error.message}`)
    if (status !== 0 && stderr.includes('EUSAGE')) {
      // A registry that lacks what the lock file is silent about, say a platform's package: not the user's business.
      console.error('shoal: the lock file does not fit this registry; installing without `npm ci` …')
      ;({ status, stderr } = npm(['install', '--no-save', ...options, '--loglevel=error']))
    }
    if (status !== 0) {
      console.error(stderr.trimEnd())
      fail('the dependencies could not be installed; npm says why. Is the registry reachable?')
    }
  }
  writeFileSync(stamp, lock)
}

function build() {
  const sources = ['src', 'scripts/build.mjs', 'package.json', 'package-lock.json'].map(newest)
  if (newest('dist/shoal.main.cjs') > Math.max(...sources)) return
  console.error('shoal: building …')
  const { status } = spawnSync(process.execPath, ['scripts/build.mjs'], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (status !== 0)
    fail('the build failed; see above. After `rm -rf node_modules` this installs everything anew.')
}

const major = Number(process.versions.node.split('.', 1)[0])
if (major < NODE_MAJOR_MIN) fail(`Node ${NODE_MAJOR_MIN} or later is needed; this is ${process.version}.`)
install()
build()
