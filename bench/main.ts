/**
 * npm run bench [-- --quick] [--only throughput,types,commands,memory,start,stalls,cluster,node-versions] [--commands lpush,zadd] [--write]
 *
 * Everything is measured beside redis-server in the same run. `--write` puts the tables into docs/benchmarks.md; with `--only` it
 * replaces the sections of these tables and leaves the others.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { clusters } from './cluster.js'
import { commands } from './commands.js'
import { memory } from './memory.js'
import { stalls } from './stalls.js'
import { starting } from './start.js'
import { throughput } from './throughput.js'
import { find, markdown, output, type Table, withSection } from './tools.js'
import { types } from './types.js'
import { versions } from './versions.js'

const args = process.argv.slice(2)
const quick = args.includes('--quick')
const listed = (option: string) =>
  args.includes(option) ? args[args.indexOf(option) + 1]!.split(',') : undefined
const only = listed('--only')
const wants = (name: string) => only === undefined || only.includes(name)

const missing = ['redis-server', 'redis-cli', 'redis-benchmark'].filter(
  (program) => find(program) === undefined,
)
if (missing.length > 0) {
  console.log(`skipped: ${missing.join(', ')} not found on the PATH; figures mean something only beside them`)
  process.exit(0)
}

const tables: Table[] = []
if (wants('start')) tables.push(await starting(quick ? 3 : 7))
if (wants('memory')) tables.push(await memory(quick ? 1 : 3))
if (wants('throughput')) tables.push(await throughput(quick ? 1 : 3, quick ? 0.3 : 0.6))
if (wants('types')) tables.push(await types(quick ? 1 : 5, quick ? 0.3 : 1, listed('--commands')))
if (wants('commands')) tables.push(await commands(quick ? 1 : 3, quick ? 0.3 : 0.6, listed('--commands')))
if (wants('stalls')) tables.push(await stalls(quick))
if (wants('cluster')) tables.push(await clusters(quick ? 1 : 3))
if (wants('node-versions')) tables.push(await versions(quick))

const redis = /v=(\S+)/.exec(await output(find('redis-server')!, ['--version']))?.[1] ?? '?'
const text = [
  '# Benchmarks',
  '',
  `Made by \`npm run bench -- ${args.join(' ')}\`: Shoal on Node ${process.version} beside redis-server ${redis}, both on this ` +
    `machine (${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown processor'}), in one run. Figures of another machine will be others; the ratios are what counts.`,
  '',
  ...tables.map(markdown),
].join('\n')
console.log(text)
const FILE = 'docs/benchmarks.md'
if (args.includes('--write')) {
  const whole = only === undefined ? text : tables.reduce(withSection, readFileSync(FILE, 'utf8'))
  writeFileSync(FILE, whole)
}
