/**
 * npm run bench [-- --quick] [--only throughput,types,commands,memory,start,stalls,cluster,node-versions,robustness]
 *   [--commands lpush,zadd] [--inputs pipeline,GET] [--write]
 *
 * Everything is measured beside redis-server in the same run. `--write` puts the tables into docs/benchmarks.md, that of hostile
 * input into docs/robustness.md; with `--only` it replaces the sections of these tables and leaves the others.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { clusters } from './cluster.js'
import { commands } from './commands.js'
import { memory } from './memory.js'
import { robustness } from './robustness.js'
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

const hostile = wants('robustness') ? [await robustness(listed('--inputs'))] : []

const redis = /v=(\S+)/.exec(await output(find('redis-server')!, ['--version']))?.[1] ?? '?'
const page = (title: string, shown: readonly Table[]) =>
  [
    `# ${title}`,
    '',
    `Made by \`npm run bench -- ${args.join(' ')}\`: Shoal on Node ${process.version} beside redis-server ${redis}, both on this ` +
      `machine (${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown processor'}), in one run. Figures of another machine will be others; the ratios are what counts.`,
    '',
    ...shown.map(markdown),
  ].join('\n')
const publish = (title: string, path: string, shown: readonly Table[], isWhole: boolean) => {
  if (shown.length === 0) return
  const text = page(title, shown)
  console.log(text)
  if (!args.includes('--write')) return
  writeFileSync(path, isWhole ? text : shown.reduce(withSection, readFileSync(path, 'utf8')))
}
publish('Benchmarks', 'docs/benchmarks.md', tables, only === undefined)
publish('Robustness', 'docs/robustness.md', hostile, true)
