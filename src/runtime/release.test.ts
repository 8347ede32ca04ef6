import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { MemoryReleaser } from './release.js'

const MB = 1024 * 1024

test('small buffers are left to the collector until too many wait for it', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const releaser = new MemoryReleaser()
  /** How many of 80 were taken away. */
  const taken = () => {
    const buffers = Array.from({ length: 80 }, () => new ArrayBuffer(MB))
    for (const buffer of buffers) releaser.release(buffer)
    return buffers.filter((buffer) => buffer.byteLength === 0).length
  }
  expect(taken()).toBe(16)
  // Those that are gone wait no more.
  await expect
    .poll(
      () => {
        collect()
        return taken()
      },
      { timeout: 10_000 },
    )
    .toBe(16)
})

test('a region goes back at once, and what is larger when the collector comes', () => {
  const releaser = new MemoryReleaser()
  const sizes = [34 * MB, 34 * MB, 17 * MB, 64 * MB].map((bytes) => {
    const buffer = new ArrayBuffer(bytes)
    releaser.release(buffer)
    return buffer.byteLength
  })
  expect(sizes).toEqual([0, 0, 0, 64 * MB])
})
