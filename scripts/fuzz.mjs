// Draws new cases for every property and differential test, damaged dumps and seeds of the simulator, in turn, each for a
// while, until the time is over. Prints for each failure the command that replays it, and goes on.
//
//     npm run fuzz -- [--minutes N] [--seconds-each N] [--seed N] [part of a path, sim or damage …]
//
// The seed decides the order and all cases; a machine's speed decides how many of them are drawn.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

process.chdir(dirname(dirname(fileURLToPath(import.meta.url))))

const options = {
  minutes: { type: 'string', default: '10' },
  'seconds-each': { type: 'string', default: '60' },
  seed: { type: 'string' },
}
const { values, positionals } = parseArgs({ options, allowPositionals: true })
const minutes = Number(values.minutes)
const each_s = Number(values['seconds-each'])
const base = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
if (!(minutes > 0) || !(each_s > 0) || !Number.isSafeInteger(base)) {
  console.error('fuzz: --minutes and --seconds-each are positive numbers, --seed is an integer')
  process.exit(2)
}

// A property has at least this long, however many are in its file.
const PROPERTY_MS_MIN = 2000
// Beyond its share of the time a target is given this for starting, other tests in the file and shrinking; then it hangs.
const GRACE_MS = 300_000
// Told of each failure.
const REASON_LINES_MAX = 12
const LINE_CHARACTERS_MAX = 300
// What a round of these takes in about a minute.
const DAMAGE_ROUNDS_EACH_SECOND = 100
const SIM_SEEDS_AT_ONCE = 20
const SIM_SEEDS = 2 ** 31

const USES = /\bfc\.(assert|check)\(|\bholds\(/g
const scratch = mkdtempSync(join(tmpdir(), 'shoal-fuzz-'))
const until = performance.now() + minutes * 60_000
let state = base
let child = null
let stopped = false

/** The next 31 bits. */
function random() {
  state = (Math.imul(state, 1664525) + 1013904223) | 0
  const mixed = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d)
  return (mixed ^ (mixed >>> 12)) >>> 1
}

/** Runs a program in a process group of its own and ends the group after `limit_ms`. */
function run(args, env, limit_ms) {
  return new Promise((resolve) => {
    child = spawn(process.execPath, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    const started = child
    const end = () => {
      try {
        process.kill(-started.pid, 'SIGKILL')
      } catch {}
    }
    let hung = false
    const timer = setTimeout(() => {
      hung = true
      end()
    }, limit_ms)
    const output = []
    child.stdout.on('data', (piece) => output.push(piece))
    child.stderr.on('data', (piece) => output.push(piece))
    child.once('close', (code) => {
      clearTimeout(timer)
      child = null
      resolve({ code, hung, output: Buffer.concat(output).toString() })
    })
  })
}

const VITEST = ['node_modules/vitest/vitest.mjs', 'run']
const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`
const pattern = (name) => quoted(`^${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`)

/** The failed tests of vitest's report: name and reason. */
function failedTests(file) {
  if (!existsSync(file)) return []
  const { testResults } = JSON.parse(readFileSync(file, 'utf8'))
  return testResults.flatMap(({ message, assertionResults }) => {
    const failed = assertionResults.filter(({ status }) => status === 'failed')
    if (failed.length === 0 && message) return [{ name: '', reason: message }]
    return failed.map((one) => ({ name: one.fullName, reason: one.failureMessages.join('\n') }))
  })
}

/** Runs a test file; `env` goes into the command that replays what fails. */
async function runTests(path, env, hidden, extra, limit_ms) {
  const json = join(scratch, 'vitest.json')
  const report = join(scratch, 'properties.jsonl')
  rmSync(json, { force: true })
  rmSync(report, { force: true })
  const given = hidden === null ? {} : { SHOAL_FUZZ: JSON.stringify({ ...hidden, report }) }
  const args = [...VITEST, path, '--reporter=json', `--outputFile=${json}`, ...extra]
  const { code, hung, output } = await run(args, { ...env, ...given }, limit_ms)
  const drawn = existsSync(report)
    ? readFileSync(report, 'utf8')
        .trim()
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line))
    : []
  const words = Object.entries(env).map(([name, value]) => `${name}=${quoted(value)}`)
  const failures = failedTests(json).map(({ name, reason }) => {
    const of = drawn.find((one) => one.failed && one.test === name)
    const how = of === undefined ? [] : [`SHOAL_REPLAY=${of.seed}/${of.path}/${of.nth}`]
    const named = name === '' ? [] : ['-t', pattern(name)]
    const again = [...words, ...how, 'npx vitest run', path, ...named, ...extra].join(' ')
    return { name: name || path, reason, again }
  })
  if (failures.length === 0 && (code !== 0 || hung) && !stopped) {
    const reason = hung ? `no end within ${limit_ms / 1000} s` : output
    const how = hidden === null ? [] : [`SHOAL_FUZZ=${quoted(given.SHOAL_FUZZ)}`]
    failures.push({
      name: path,
      reason,
      again: [...words, ...how, 'npx vitest run', path, ...extra].join(' '),
    })
  }
  const cases = drawn.reduce((sum, one) => sum + one.cases, 0)
  return { failures, told: `${drawn.length} properties, ${cases} cases` }
}

/** A test file with properties. */
function properties(path, count) {
  return {
    name: path,
    async run(seed) {
      const box_ms = Math.max(PROPERTY_MS_MIN, (each_s * 1000) / count)
      return runTests(path, {}, { seed, box_ms }, [], box_ms * count * 2 + GRACE_MS)
    },
  }
}

const damage = {
  name: 'damage',
  async run(seed) {
    const rounds = Math.ceil(DAMAGE_ROUNDS_EACH_SECOND * each_s)
    const env = { SHOAL_DAMAGE_ROUNDS: String(rounds), SHOAL_DAMAGE_SEED: String(seed) }
    const extra = [`--testTimeout=${each_s * 10_000 + GRACE_MS}`]
    const path = 'tests/damaged-dumps.test.ts'
    const { failures } = await runTests(path, env, null, extra, each_s * 10_000 + GRACE_MS)
    return { failures, told: `${rounds} rounds` }
  },
}

const sim = {
  name: 'sim',
  async run(seed) {
    const end = performance.now() + each_s * 1000
    const failures = []
    const first = seed % SIM_SEEDS
    let next = first
    while (performance.now() < end && !stopped) {
      const last = next + SIM_SEEDS_AT_ONCE - 1
      const { code, hung, output } = await run(
        ['scripts/sim.mjs', '--seeds', `${next}-${last}`],
        {},
        GRACE_MS,
      )
      const failed = [...output.matchAll(/^seed (\d+): (.*)$/gm)]
      for (const [, number, reason] of failed) {
        failures.push({
          name: `sim, seed ${number}`,
          reason,
          again: `npm run sim -- --seed ${number} --explain`,
        })
      }
      if (failed.length === 0 && (code !== 0 || hung) && !stopped) {
        const reason = hung ? `no end within ${GRACE_MS / 1000} s` : output
        failures.push({ name: 'sim', reason, again: `npm run sim -- --seeds ${next}-${last}` })
      }
      next = last + 1
    }
    return { failures, told: `${next - first} seeds from ${first}` }
  },
}

/** All targets, in an order that the seed decides. */
function targets() {
  const files = ['src', 'tests'].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.test.ts'))
      .map((name) => join(folder, name)),
  )
  const found = files.sort().flatMap((path) => {
    const count = [...readFileSync(path, 'utf8').matchAll(USES)].length
    return count === 0 ? [] : [properties(path, count)]
  })
  const all = [...found, damage, sim].filter(
    ({ name }) => positionals.length === 0 || positionals.some((part) => name.includes(part)),
  )
  for (let i = all.length - 1; i > 0; i--) {
    const j = random() % (i + 1)
    ;[all[i], all[j]] = [all[j], all[i]]
  }
  return all
}

function stop() {
  stopped = true
  if (child !== null) process.kill(-child.pid, 'SIGKILL')
}

process.once('SIGINT', stop)
process.once('SIGTERM', stop)
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }))

const all = targets()
if (all.length === 0) {
  console.error('fuzz: no property has such a path')
  process.exit(2)
}
console.log(
  `fuzz: ${all.length} targets, ${minutes} minutes, --seed ${base}, node ${process.version}, ${availableParallelism()} cores`,
)
const failed = []
let runs = 0
for (; performance.now() < until && !stopped; runs++) {
  const target = all[runs % all.length]
  const start = performance.now()
  const { failures, told } = await target.run(random())
  const took_s = Math.round((performance.now() - start) / 1000)
  if (stopped) break
  console.log(`${failures.length === 0 ? 'ok    ' : 'FAILED'} ${target.name}: ${told}, ${took_s} s`)
  for (const { name, reason, again } of failures) {
    const lines = reason.trim().split('\n').slice(0, REASON_LINES_MAX)
    console.log(`  ${name}\n    replay: ${again}`)
    for (const line of lines) console.log(`    | ${line.slice(0, LINE_CHARACTERS_MAX)}`)
  }
  failed.push(...failures)
}
console.log(`fuzz: ${runs} runs of ${all.length} targets, ${failed.length} failures`)
for (const { name, again } of failed) console.log(`  ${name}\n    ${again}`)
process.exitCode = failed.length === 0 ? 0 : 1
