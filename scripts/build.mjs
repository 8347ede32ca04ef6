// Bundles the programs into dist/. Types and walls are tsc's business (`npm run types`); this only makes
// JavaScript, in a second, so that a node starts from few files: reading many small modules is what a
// Node program spends its start on. What a program loads lazily becomes a chunk of its own.
import { readdirSync, rmSync } from 'node:fs'
import { build } from 'esbuild'

const entries = readdirSync('src/cli')
  .filter((f) => f.endsWith('.main.ts'))
  .map((f) => `src/cli/${f}`)
for (const file of safeList('dist')) if (/\.js(\.map)?$/.test(file)) rmSync(`dist/${file}`)
await build({
  entryPoints: entries,
  outdir: 'dist',
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

function safeList(dir) {
  try {
    return readdirSync(dir)
  } catch {
    return []
  }
}
