// Runs a TypeScript program of this project: bundles it in memory's speed into a temporary file, then imports that.
// node scripts/run.mjs bench/main.ts [arguments]
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const [program, ...args] = process.argv.slice(2)
const folder = mkdtempSync(join(tmpdir(), 'shoal-run-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const outfile = join(folder, 'program.mjs')
await build({
  entryPoints: [resolve(program)],
  outfile,
  bundle: true,
  format: 'esm',
  platform: 'node',
  packages: 'external',
  logLevel: 'warning',
})
process.argv = [process.argv[0], resolve(program), ...args]
await import(pathToFileURL(outfile).href)
