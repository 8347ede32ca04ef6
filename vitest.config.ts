import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'tests/**/*.test.ts'],
    setupFiles: ['tests/setup.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    // Tests of real processes live in real time, and a busy machine may stop one for longer than a node's timeout. What
    // is wrong stays wrong the second time; what was retried is shown as such.
    retry: process.env['CI'] ? 2 : 0,
    reporters: process.env['CI'] ? ['default'] : ['dot'],
  },
})
