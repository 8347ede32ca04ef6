import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

// `npm run fuzz` and the command lines that it prints: see tests/support/fuzzed.ts.
const fuzzed = process.env['SHOAL_FUZZ'] !== undefined || process.env['SHOAL_REPLAY'] !== undefined
const stand = fileURLToPath(new URL('tests/support/fuzzed.ts', import.meta.url))

export default defineConfig({
  resolve: { alias: fuzzed ? [{ find: /^fast-check$/, replacement: stand }] : [] },
  test: {
    include: ['src/**/*.test.ts', 'tests/**/*.test.ts'],
    setupFiles: ['tests/setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // A condition that is awaited comes at last, also on a machine that does much else.
    expect: { poll: { timeout: 20_000 } },
    pool: 'forks',
    // What fails now and then is wrong, in the test or in the server; to run it again would hide it.
    retry: 0,
    reporters: process.env['CI'] ? ['default'] : ['dot'],
  },
})
