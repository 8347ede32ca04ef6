// The simulator on the command line: npm run sim -- [--seed N] [--seeds FROM-TO] [--explain] [--packets] [--bug NAME]
import { build } from 'esbuild'

const args = process.argv.slice(2)
const value = (name) => {
  const at = args.indexOf(name)
  return at < 0 ? undefined : args[at + 1]
}

const bundled = await build({
  entryPoints: [new URL('../src/sim/explain.ts', import.meta.url).pathname],
  bundle: true,
  format: 'esm',
  platform: 'neutral',
  write: false,
})
const code = Buffer.from(bundled.outputFiles[0].contents).toString('base64')
const { explainSeed, runSeeds } = await import(`data:text/javascript;base64,${code}`)

const bug = value('--bug') ?? 'none'
const seed = value('--seed')
if (seed !== undefined && args.includes('--explain')) {
  console.log(explainSeed(Number(seed), { bug, all: args.includes('--packets') }))
} else {
  const [first, last] =
    seed === undefined ? (value('--seeds') ?? '1-100').split('-').map(Number) : [Number(seed)]
  const report = runSeeds(first, last ?? first, bug)
  console.log(report.text)
  process.exitCode = report.failed.length > 0 ? 1 : 0
}
