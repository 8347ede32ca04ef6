/** A cluster whose addresses are IPv6: listening, the bus, redirects, what CLUSTER NODES tells, the manager. */

import { networkInterfaces } from 'node:os'
import { expect, test } from 'vitest'
import { addressText } from '../src/client/index.js'
import { createCluster, waitUntilReady } from '../src/trib/index.js'
import { open } from './support/node.js'

const here = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
)

test.skipIf(!here)('three nodes on ::1 (skipped where the machine has no IPv6 loopback)', async () => {
  const options = ['--bind', '::1', '--cluster-enabled', 'yes', '--cluster-node-timeout', '5000']
  const nodes = await Promise.all([open(...options), open(...options), open(...options)])
  try {
    const addresses = nodes.map(({ port }) => addressText({ host: '::1', port: Number(port) }))
    const created = await createCluster(addresses, { replicas: 0, style: 'cli', onLine: () => {} })
    expect(created.ok && created.value.report?.ok).toBe(true)
    expect((await waitUntilReady(addresses)).ok).toBe(true)
    const [first, second] = nodes
    await expect(first!.call('SET', 'name', 'test')).rejects.toThrow(`MOVED 5798 ::1:${second!.port}`)
    expect(await second!.call('SET', 'name', 'test')).toBe('OK')
    const told = String(await first!.call('CLUSTER', 'NODES'))
    for (const { port } of nodes) expect(told).toContain(` ::1:${port}@${Number(port) + 10000} `)
  } finally {
    await Promise.all(nodes.map((node) => node.stop()))
  }
})
