/** From numbers to files and commands: nothing here touches the disk. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeManifest, encodeManifest } from './manifest.js'
import { confMovedTo, engineArgs, isCommandOf, planNodes, quoted } from './plan.js'
import { complete, describeTopology, differences, impossible, passwordOf, type Wanted } from './topology.js'

const SHOAL = { name: 'shoal', program: '/usr/bin/node', args: ['/opt/shoal-server.js'] }
const REDIS = { name: 'redis-server', program: '/usr/bin/redis-server', args: [] }

const plansOf = (wanted: Wanted, dir = '/data', engines = [SHOAL]) => {
  const topology = complete(wanted)
  return planNodes(topology, dir, topology.hosts, engines)
}

describe('plans', () => {
  test('six nodes: ports, folders, addresses', () => {
    const plans = plansOf({})
    expect(plans.map(({ address, busPort, folder }) => [address, busPort, folder])).toEqual(
      [7000, 7001, 7002, 7003, 7004, 7005].map((port) => [
        `127.0.0.1:${port}`,
        port + 10_000,
        `/data/${port}`,
      ]),
    )
    expect(engineArgs(plans[0]!)).toEqual(['/opt/shoal-server.js', 'redis.conf', '--daemonize', 'no'])
  })

  test('redis.conf is the tutorial’s', () => {
    expect(plansOf({})[0]!.conf).toBe(
      '# Written by `shoal up`. Yours to edit: `up` leaves this file as it is from now on.\n' +
        '# By hand: shoal-server redis.conf\n\n' +
        'port 7000\nbind 127.0.0.1\ndaemonize yes\ncluster-enabled yes\ncluster-config-file nodes.conf\n' +
        'cluster-node-timeout 5000\nappendonly yes\ndir /data/7000\npidfile redis.pid\nlogfile redis.log\n',
    )
  })

  test('two machines: the nodes in two halves, each announcing its own address', () => {
    const plans = plansOf({ hosts: ['127.0.1.198', '127.0.1.199'] })
    expect(plans.map((plan) => plan.host)).toEqual([
      ...['127.0.1.198', '127.0.1.198', '127.0.1.198'],
      ...['127.0.1.199', '127.0.1.199', '127.0.1.199'],
    ])
    expect(plans[3]!.conf).toContain('\nbind 127.0.1.199 127.0.0.1\n')
    expect(plans[3]!.conf).toContain('\ncluster-announce-ip 127.0.1.199\n')
  })

  test('a line of the user’s replaces the usual one or is added', () => {
    const { conf } = plansOf({ config: ['cluster-node-timeout 1000', 'maxmemory 100mb', 'save ""'] })[0]!
    expect(conf.match(/^cluster-node-timeout .*$/gm)).toEqual(['cluster-node-timeout 1000'])
    expect(conf).toMatch(/\n\ncluster-node-timeout 1000\nmaxmemory 100mb\nsave ""\n$/)
  })

  test('a password is the replicas’ password too', () => {
    const wanted = { config: ['requirepass "a \\"b"'] }
    expect(passwordOf(complete(wanted))).toBe('a "b')
    expect(plansOf(wanted)[0]!.conf).toMatch(/\nrequirepass "a \\"b"\nmasterauth "a \\"b"\n$/)
    expect(passwordOf(complete({ config: ['requirepass ""'] }))).toBe(undefined)
  })

  test('several engines take turns', () => {
    expect(plansOf({}, '/data', [SHOAL, REDIS]).map((plan) => plan.engine.name)).toEqual([
      ...['shoal', 'redis-server', 'shoal', 'redis-server', 'shoal', 'redis-server'],
    ])
  })

  test('a folder’s name may be anything, and may change', () => {
    expect(quoted('/a b/"c"')).toBe('"/a b/\\"c\\""')
    const { conf } = plansOf({}, '/a b')[0]!
    expect(conf).toContain('\ndir "/a b/7000"\n')
    expect(confMovedTo(conf, '/c$&/7000')).toContain('\ndir /c$&/7000\n')
  })

  test('a process is recognised by its command line', () => {
    const plan = plansOf({})[0]!
    for (const line of [
      'redis-server *:7000 [cluster]',
      'shoal-server 127.0.0.1:7000 [cluster]',
      '/usr/bin/valkey-server 127.0.0.1:7000 [cluster]',
      '/usr/bin/node /opt/shoal-server.js redis.conf --daemonize no',
    ]) {
      expect(isCommandOf(plan, line)).toBe(true)
    }
    for (const line of [
      'redis-server *:70001 [cluster]',
      'redis-server *:6379',
      'vim redis.conf',
      'sleep 7000',
    ]) {
      expect(isCommandOf(plan, line)).toBe(false)
    }
  })
})

describe('what cannot be', () => {
  const reasonFor = (wanted: Wanted) => impossible(complete(wanted))

  test('too few nodes: says how many, and what else would do', () => {
    expect(reasonFor({ nodes: 5 })).toBe(
      '5 nodes with 1 replica for each master are too few: a cluster needs at least 3 masters, that is 6 nodes. ' +
        'Try --nodes 6 or --replicas 0.',
    )
    expect(reasonFor({ nodes: 2, replicas: 0 })).toContain('Try --nodes 3.')
    expect(reasonFor({ nodes: 3, replicas: 0 })).toBe(undefined)
    expect(reasonFor({ nodes: 12, replicas: 2 })).toBe(undefined)
  })

  test('ports that do not exist', () => {
    expect(reasonFor({ port: 60_000 })).toContain('the first port must be from 1 to 55530')
    expect(reasonFor({ port: 55_530 })).toBe(undefined)
    expect(reasonFor({ port: 0 })).toContain('the first port')
  })

  test('lines that up writes itself', () => {
    expect(reasonFor({ config: ['port 7'] })).toBe("'port' is set by shoal up itself; use --port.")
    expect(reasonFor({ config: [' Daemonize no'] })).toBe("'daemonize' is set by shoal up itself.")
    expect(reasonFor({ config: [''] })).toContain('not a line')
    expect(reasonFor({ config: ['a 1\nport 7'] })).toContain('not a line')
  })

  test('nodes that others can reach and that would refuse them', () => {
    expect(reasonFor({ hosts: ['192.0.2.7'] })).toContain('requirepass')
    expect(reasonFor({ hosts: ['192.0.2.7'], config: ['requirepass x'] })).toBe(undefined)
    expect(reasonFor({ hosts: ['192.0.2.7'], config: ['protected-mode no'] })).toBe(undefined)
    expect(reasonFor({ hosts: ['a', 'b', 'c', 'd', 'e', 'f', 'g'] })).toContain('more than 6 nodes')
  })
})

describe('shoal.json', () => {
  test('what is written is read', () => {
    const words = fc.array(fc.stringMatching(/^[a-z./]{1,8}$/), { minLength: 1, maxLength: 3 })
    fc.assert(
      fc.property(
        fc.record({
          replicas: fc.integer({ min: 0, max: 3 }),
          nodes: fc.integer({ min: 12, max: 100 }),
          port: fc.integer({ min: 1, max: 50_000 }),
          hosts: words,
          engines: words,
          config: fc.array(fc.stringMatching(/^x[a-z]{1,8} [^\r\n]{1,8}$/), { maxLength: 2 }),
        }),
        fc.boolean(),
        (topology, formed) => {
          expect(decodeManifest(encodeManifest({ topology, formed }))).toEqual({
            ok: true,
            value: { topology, formed },
          })
        },
      ),
    )
  })

  test('damaged, it gives a reason', () => {
    const good = encodeManifest({ topology: complete({}), formed: true })
    for (const text of [
      '',
      '{',
      'null',
      '[]',
      '{"shoal":2}',
      '{"shoal":1}',
      good.replace('6', '"6"'),
      good.replace('7000', '0'),
    ]) {
      expect(decodeManifest(text).ok).toBe(false)
    }
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.string({ maxLength: 3 }), (at, noise) => {
        const read = decodeManifest(good.slice(0, at) + noise + good.slice(at + 1))
        expect(read.ok ? impossible(read.value.topology) : undefined).toBe(undefined)
      }),
    )
  })

  test('differences are named as they were typed', () => {
    const existing = complete({})
    expect(differences(existing, { nodes: 6, hosts: ['127.0.0.1'] })).toEqual([])
    expect(differences(existing, { nodes: 9, engines: ['a', 'b'], config: ['x 1', 'y 2'] })).toEqual([
      ...['--nodes 9', '--engine a,b', '--config "x 1"', '--config "y 2"'],
    ])
    expect(describeTopology(existing)).toBe('6 nodes, 1 replica for each master, ports 7000 to 7005')
  })
})
