// Bundles each program into one file in dist/. Types and walls are tsc's business (`npm run types`); this only makes
// JavaScript, in a second. The files are CommonJS, since Node starts those a third faster than ES modules, and without
// white space, since V8 reads all of a file before it runs any; what a program imports lazily is read but not run.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { compileFunction } from 'node:vm'
import { build } from 'esbuild'

const { PARAMETERS } = createRequire(import.meta.url)('../bin/load.js')

// `node scripts/build.mjs shoal-server` builds that program alone, `OUT=dir` elsewhere.
const only = process.argv.slice(2)
const out = process.env.OUT ?? 'dist'
const entries = readdirSync('src/cli')
  .filter((f) => f.endsWith('.main.ts') && (only.length === 0 || only.includes(f.replace('.main.ts', ''))))
  .map((f) => `src/cli/${f}`)
const before = safeList(out).filter((file) => /\.c?js(\.map|\.cache)?$/.test(file))
const { metafile } = await build({
  metafile: true,
  entryPoints: entries,
  outdir: out,
  outbase: 'src/cli',
  entryNames: '[name]',
  outExtension: { '.js': '.cjs' },
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node20',
  minifyWhitespace: true,
  minifyIdentifiers: true, // a node keeps its own source in memory
  minifySyntax: true, // folds constants across modules: the hot path reads numbers, not bindings
  sourcemap: 'linked',
  legalComments: 'none',
  logLevel: 'warning',
  supported: { 'dynamic-import': false }, // what is imported late is bundled, or comes with Node
  define: { 'import.meta.url': '__url' },
  banner: { js: "const __url = require('node:url').pathToFileURL(__filename).href;" },
})

// The code caches that bin/load.js looks for: a bundle read once, here.
const bundles = Object.keys(metafile.outputs).filter((path) => path.endsWith('.cjs'))
for (const path of bundles) {
  const made = compileFunction(readFileSync(path, 'latin1'), PARAMETERS, {
    filename: path,
    produceCachedData: true,
  })
  writeFileSync(`${path}.cache`, made.cachedData)
}

// What an earlier build left and this one did not make: only now, so that a build that fails takes nothing away.
if (only.length === 0) {
  const outputs = [...Object.keys(metafile.outputs), ...bundles.map((path) => `${path}.cache`)]
  const made = new Set(outputs.map((path) => path.slice(out.length + 1)))
  for (const file of before) if (!made.has(file)) rmSync(`${out}/${file}`)
}

function safeList(dir) {
  try {
    return readdirSync(dir)
  } catch {
    return []
  }
}
