// Runs a program's bundle with the code cache that the build left beside it, so that V8 need not read all of the source
// before it runs any: a node starts sooner and keeps some megabytes less. A cache of another Node is passed over by V8.
const { readFileSync } = require('node:fs')
const { createRequire, wrap } = require('node:module')
const { dirname, join } = require('node:path')
const { Script } = require('node:vm')

module.exports = (name) => {
  const filename = join(__dirname, '..', 'dist', `${name}.main.cjs`)
  const script = new Script(wrap(readFileSync(filename, 'latin1')), {
    filename,
    cachedData: cacheOf(filename),
  })
  const module = { exports: {} }
  script.runInThisContext()(module.exports, createRequire(filename), module, filename, dirname(filename))
}

function cacheOf(filename) {
  try {
    return readFileSync(`${filename}.cache`)
  } catch {
    return undefined
  }
}
