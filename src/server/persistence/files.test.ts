import { expect, test } from 'vitest'
import type { Disk } from '../../runtime/disk.js'
import { BlockFile, FILE_QUEUE_BYTES_MAX } from './files.js'

const KIB = 1024

/** A disk that takes what it is given when the test says so, and no more than the test says. */
function patientDisk() {
  const written: Buffer[] = []
  const calls: { blocks: number; bytes: number; take: (bytes?: number) => void }[] = []
  let synced = 0
  const disk = {
    open: () => 3,
    close() {},
    writeSoon(_fd: number, blocks: readonly Uint8Array[], done: (error: null, written: number) => void) {
      const all = Buffer.concat(blocks)
      const take = (bytes = all.length) => {
        written.push(all.subarray(0, bytes))
        done(null, bytes)
      }
      calls.push({ blocks: blocks.length, bytes: all.length, take })
    },
    syncSoon(_fd: number, done: (error: null) => void) {
      synced++
      done(null)
    },
  } as unknown as Disk
  return { disk, written: () => Buffer.concat(written), calls, synced: () => synced }
}

const block = (value: number, bytes = 64 * KIB) => new Uint8Array(bytes).fill(value)

test('blocks are written many at a time, in order, and come back when they are', () => {
  const { disk, written, calls, synced } = patientDisk()
  const back: Uint8Array[] = []
  const file = new BlockFile(disk, 'x', () => {})
  file.recycle = (one) => back.push(one)
  for (let i = 0; i < 7; i++) file.write(block(i))
  expect(calls.length).toBe(0) // not worth a write yet
  for (let i = 7; i < 20; i++) file.write(block(i))
  expect(calls.map((one) => one.blocks)).toEqual([8])
  calls[0]!.take()
  expect(back.length).toBe(8)
  // What came meanwhile goes at once; the disk takes a part of it, within a block.
  expect(calls[1]!.blocks).toBe(12)
  calls[1]!.take(3 * 64 * KIB + 100)
  expect(back.length).toBe(11)
  let done: unknown = 'not yet'
  file.write(block(20, 10))
  file.finish((error) => {
    done = error
  })
  while (calls.length > 2) calls.splice(2, 1)[0]!.take()
  expect(done).toBe(null)
  expect(synced()).toBe(1)
  expect(back.length).toBe(21)
  const all = written()
  expect(all.length).toBe(20 * 64 * KIB + 10)
  for (let i = 0; i < 20; i++) expect(all[i * 64 * KIB]).toBe(i)
  expect(all.at(-1)).toBe(20)
})

test('a write takes no more than so many blocks, and the queue holds up whoever fills it', () => {
  const { disk, calls } = patientDisk()
  let drained = 0
  const file = new BlockFile(disk, 'x', () => {
    drained++
  })
  for (let bytes = 0; bytes <= FILE_QUEUE_BYTES_MAX + 1024 * KIB; bytes += 64 * KIB) file.write(block(1))
  expect(file.behind).toBe(true)
  calls[0]!.take()
  expect(file.behind).toBe(true)
  expect(calls[1]!.blocks).toBe(64)
  calls[1]!.take()
  expect(file.behind).toBe(false)
  expect(drained).toBe(1)
})
