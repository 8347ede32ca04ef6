// Bundles the programs into dist/. Types and walls are tsc's business (`npm run types`); this only makes
// JavaScript, in a second, so that a node starts from few files: reading many small modules is what a
// Node program spends its start on. What a program loads lazily becomes a chunk of its own.
import { readdirSync, rmSync } from 'node:fs'
import { build } from 'esbuild'

// `node scripts/build.mjs shoal-server` builds that program alone, `OUT=dir` elsewhere.
const only = process.argv.slice(2)
const out = process.env.OUT ?? 'dist'
const entries = readdirSync('src/cli')
  .filter((f) => f.endsWith('.main.ts') && (only.length === 0 || only.includes(f.replace('.main.ts', ''))))
  .map((f) => `src/cli/${f}`)
const before = safeList(out).filter((file) => /\.js(\.map)?$/.test(file))
const { metafile } = await build({
  metafile: true,
  entryPoints: entries,
  outdir: out,
  outbase: 'src/cli',
  entryNames: '[name]',
  chunkNames: 'chunk-[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  minifySyntax: true, // folds constants across modules: the hot path reads numbers, not bindings
  sourcemap: 'linked',
  legalComments: 'none',
  logLevel: 'warning',
  // Dependencies that are CommonJS ask for `require`; an ES module has to make its own.
  banner: {
    js: "import { createRequire as __cr } from 'node:module'; const require = __cr(import.meta.url);",
  },
})

// What an earlier build left and this one did not make: only now, so that a build that fails takes nothing away.
if (only.length === 0) {
  const made = new Set(Object.keys(metafile.outputs).map((path) => path.slice(out.length + 1)))
  for (const file of before) if (!made.has(file)) rmSync(`${out}/${file}`)
}

function safeList(dir) {
  try {
    return readdirSync(dir)
  } catch {
    return []
  }
}
