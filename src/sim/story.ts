/**
 * Stories: scenarios as text. A line that begins with `> ` is something that is done; the lines under it are what it
 * caused, as the simulator tells it. Lines that begin with `#` are for the reader.
 *
 *     > world nodes=6 masters=3      a new world; also seed=, timeout=, latency=, epochs=same
 *     > form                         start all, share out the slots, meet, assign replicas
 *     > pass 500                     let milliseconds pass
 *     > crash n0   > start n0   > split n0 n3   > heal
 *     > move n0 7005               crash it, start it at another port    > swap n0 n1   at each other's address
 *                                  (a node that does not run is only given the address)
 *     > cluster n4 FAILOVER          a CLUSTER subcommand; `n0` in it stands for that node's name
 *     > settle                       let time pass until all agree on a whole cluster
 *     > load n3                      a replica needs all data of its master, and loads them
 *     > writes                       how many acknowledged writes there were, and how many are lost
 *     > view n1                      the cluster as n1 sees it
 */

import { describeNode } from '../cluster/index.js'
import { lostWrites, unsettled } from './invariants.js'
import { heal } from './network.js'
import { boot, command, crash, start } from './process.js'
import { oweFullSync, startReplication } from './replication.js'
import { form, pass, settle } from './scenario.js'
import type { SimNode, World } from './world.js'
import { createWorld, tell } from './world.js'

const SETTLE_MS = 60_000

/** Does what the story's `> ` lines say, and answers the story as it went. */
export function retell(story: string): string {
  const out: string[] = []
  let world: World | null = null
  let masters = 0
  for (const line of story.split('\n')) {
    if (line.startsWith('#') || line === '') {
      out.push(line)
      continue
    }
    if (!line.startsWith('> ')) continue
    out.push(line)
    const [verb = '', ...words] = line.slice(2).split(' ')
    if (verb === 'world') {
      const options = readOptions(words)
      world = newWorld(options)
      masters = options['masters'] ?? 3
      continue
    }
    if (world === null) throw new Error(`a story begins with > world, not with ${line}`)
    act(world, masters, verb, words)
    out.push(...(world.trace ?? []).splice(0))
  }
  // What a line caused stands right under it; blank lines of the story stay between its parts.
  return `${out.join('\n').trimEnd()}\n`
}

function readOptions(words: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    words.map((word) => {
      const [name = '', value = ''] = word.split('=')
      return [name, Number(value)]
    }),
  )
}

function newWorld(options: Record<string, number>): World {
  const latency_ms = options['latency'] ?? 1
  const world = createWorld({
    seed: options['seed'] ?? 1,
    nodes: options['nodes'] ?? 6,
    nodeTimeout_ms: options['timeout'] ?? 1000,
    latency_ms: [latency_ms, latency_ms],
  })
  world.trace = []
  boot(world)
  startReplication(world)
  return world
}

function act(world: World, masters: number, verb: string, words: readonly string[]): void {
  const node = (word: string | undefined): SimNode => {
    const found = world.nodes[Number(word?.slice(1))]
    if (found === undefined) throw new Error(`there is no node ${word}`)
    return found
  }
  switch (verb) {
    case 'form':
      form(world, masters)
      break
    case 'boot':
      for (const each of world.nodes) start(world, each)
      break
    case 'pass':
      pass(world, Number(words[0]))
      break
    case 'crash':
      crash(world, node(words[0]))
      break
    case 'start':
      start(world, node(words[0]))
      break
    case 'move':
      moveTo(world, node(words[0]), node(words[0]).ip, Number(words[1]))
      break
    case 'swap':
      swap(world, node(words[0]), node(words[1]))
      break
    case 'split':
      for (const word of words) node(word).group = 1
      tell(world, `${words.join(' and ')} are cut off from the others`)
      break
    case 'heal':
      heal(world)
      tell(world, 'the network heals')
      break
    case 'settle':
      settle(world, SETTLE_MS, 'settling')
      tell(world, unsettled(world) ?? 'all agree: every slot is served')
      break
    case 'cluster':
      runCommand(world, node(words[0]), words.slice(1))
      break
    case 'load':
      oweFullSync(world, node(words[0]))
      break
    case 'writes':
      tell(world, `of ${world.watch.acknowledged.length} acknowledged writes, ${lostWrites(world)} are lost`)
      break
    case 'view':
      view(world, node(words[0]))
      break
    default:
      throw new Error(`a story cannot ${verb}`)
  }
}

function moveTo(world: World, node: SimNode, ip: string, port: number): void {
  const ran = node.state !== null
  crash(world, node)
  node.ip = ip
  node.port = port
  tell(world, `n${node.index} moves to ${ip}:${port}`)
  if (ran) start(world, node)
}

function swap(world: World, a: SimNode, b: SimNode): void {
  const { ip, port } = a
  moveTo(world, a, b.ip, b.port)
  moveTo(world, b, ip, port)
}

function runCommand(world: World, node: SimNode, words: readonly string[]): void {
  const names = [...world.watch.names]
  const named = words.map((word) => names.find(([, index]) => word === `n${index}`)?.[0] ?? word)
  command(world, node, named.join(' '))
}

function view(world: World, node: SimNode): void {
  const { state } = node
  if (state === null) {
    tell(world, `n${node.index} is down`)
    return
  }
  const lines = state.nodeList.map((known) => {
    const [name, , flags, master, , , epoch, link, ...slots] = describeNode(state, known, {
      tls: false,
      ipv6: false,
    }).split(' ')
    return `${name} ${flags} of ${master} epoch ${epoch} ${link} ${slots.join(' ')}`.trimEnd()
  })
  const index = (line: string) => world.watch.names.get(line.slice(0, 40)) ?? -1
  for (const line of lines.sort((a, b) => index(a) - index(b))) tell(world, `    ${line}`)
}
