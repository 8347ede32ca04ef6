import { afterEach, expect, test } from 'vitest'
import { open } from '../../tests/support/node.js'

const running: { stop(): Promise<void> }[] = []

afterEach(async () => {
  for (const node of running.splice(0)) await node.stop()
})

async function two(...options: string[]) {
  const nodes = [await open(...options), await open()] as const
  running.push(...nodes)
  return nodes
}

test('a key goes over with its expiry, and is gone here', async () => {
  const [a, b] = await two()
  await a.call('SET', 'k', 'v', 'PX', '100000')
  expect(await a.call('MIGRATE', '127.0.0.1', b.port, 'k', '3', '1000')).toBe('OK')
  expect(await a.call('EXISTS', 'k')).toBe(0)
  await b.call('SELECT', '3')
  expect(await b.call('GET', 'k')).toBe('v')
  expect(await b.call('PTTL', 'k')).toBeGreaterThan(90_000)
})

test('many keys at once; those that the other node refuses stay', async () => {
  const [a, b] = await two()
  for (const key of ['x', 'y', 'z']) await a.call('SET', key, key)
  await b.call('SET', 'y', 'old')
  const answer = a.call('MIGRATE', '127.0.0.1', b.port, '', '0', '1000', 'KEYS', 'x', 'y', 'z')
  await expect(answer).rejects.toThrow(
    'ERR Target instance replied with error: BUSYKEY Target key name already exists.',
  )
  expect(await a.call('EXISTS', 'x', 'y', 'z')).toBe(1)
  expect(await a.call('MIGRATE', '127.0.0.1', b.port, 'y', '0', '1000', 'REPLACE')).toBe('OK')
  expect(await b.call('MGET', 'x', 'y', 'z')).toEqual(['x', 'y', 'z'])
})

test('COPY leaves the key; nobody there is an error, and writes go on afterwards', async () => {
  const [a, b] = await two()
  await a.call('SET', 'k', 'v')
  expect(await a.call('MIGRATE', '127.0.0.1', b.port, 'k', '0', '1000', 'COPY')).toBe('OK')
  expect(await a.call('GET', 'k')).toBe('v')
  expect(await a.call('MIGRATE', '127.0.0.1', b.port, 'nothing', '0', '1000')).toBe('NOKEY')
  await expect(a.call('MIGRATE', '127.0.0.1', '1', 'k', '0', '500')).rejects.toThrow(
    'IOERR error or timeout connecting to the client',
  )
  expect(await a.call('SET', 'k', 'w')).toBe('OK')
})

test('writes of others wait until the key has gone', async () => {
  const [a, b] = await two()
  await a.call('SET', 'k', 'v')
  const other = await a.another()
  const moved = a.call('MIGRATE', '127.0.0.1', b.port, 'k', '0', '1000')
  const written = other.call('SET', 'k', 'later')
  expect(await moved).toBe('OK')
  expect(await written).toBe('OK')
  expect(await b.call('GET', 'k')).toBe('v')
  expect(await a.call('GET', 'k')).toBe('later')
})
