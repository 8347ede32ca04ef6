/**
 * What `shoal up` is at. On a terminal one line a node, which changes while the node starts; elsewhere (a file, CI)
 * one line for each thing that has happened, never taken back.
 */

import type { NodePlan, UpEvent } from '../../launch/index.js'
import { count } from '../../launch/index.js'
import type { Io } from '../cli/io.js'
import { coloursOf, say } from '../shoal/subcommand.js'

type NodeEvent = Extract<UpEvent, { kind: 'node' }>

export interface Progress {
  show(event: UpEvent): void
  /** Nothing is repainted from now on. */
  end(): void
}

/** Repainting more lines than this would scroll on the usual terminal. */
const LIVE_NODES_MAX = 20
const UP_LINES = (n: number) => `\x1b[${n}A`
const CLEAR_LINE = '\x1b[2K'

const WORDS: Readonly<Record<NodeEvent['state'], string>> = {
  found: 'runs already',
  starting: 'is starting',
  loading: 'is loading its data',
  serving: 'started',
  failed: 'did not start',
}

export function createProgress(io: Io): Progress {
  const colours = coloursOf(io)
  const began = performance.now()
  const states = new Map<string, NodeEvent>()
  let nodes: readonly NodePlan[] = []
  let live = false
  let painted = false
  let allFound = true

  const paintState = (event: NodeEvent | undefined, port: string): string => {
    if (event === undefined) return `  ${port}`
    const text = WORDS[event.state] + (event.pid === undefined ? '' : ` (pid ${event.pid})`)
    const mark =
      event.state === 'serving' || event.state === 'found'
        ? colours.green('✔')
        : event.state === 'failed'
          ? colours.red('✘')
          : colours.yellow('…')
    return `${mark} ${port} ${event.state === 'failed' ? colours.red(text) : colours.dim(text)}`
  }
  const paint = () => {
    const lines = nodes.map((node) => `${CLEAR_LINE}${paintState(states.get(node.address), node.address)}\n`)
    io.stdout.write(`${painted ? UP_LINES(nodes.length) : ''}${lines.join('')}`)
    painted = true
  }
  const settledLine = () => {
    const took = `${((performance.now() - began) / 1000).toFixed(2)} s`
    return colours.dim(`(cluster_state:ok on all ${nodes.length} nodes after ${took})`)
  }
  let settling = false

  const show = (event: UpEvent) => {
    switch (event.kind) {
      case 'plan':
        nodes = event.nodes
        live = io.stdout.isTTY === true && io.env['TERM'] !== 'dumb' && nodes.length <= LIVE_NODES_MAX
        if (event.fresh) say(io, `Making a cluster of ${count(nodes.length, 'node')} in ${event.dir}`)
        return
      case 'node': {
        states.set(event.address, event)
        if (event.state !== 'found') allFound = false
        if (live) paint()
        else if (event.state !== 'starting') {
          const pid = event.pid === undefined ? '' : ` (pid ${event.pid})`
          say(io, `${event.address} ${WORDS[event.state]}${pid}`)
        }
        return
      }
      case 'manager':
        say(io, colourOfManager(event.line, colours))
        return
      case 'settling':
        settling = true
    }
  }
  return {
    show,
    end() {
      if (settling && !allFound) say(io, settledLine())
      settling = false
      live = false
    },
  }
}

/** The manager's lines in redis-cli's colours. */
function colourOfManager(line: string, colours: ReturnType<typeof coloursOf>): string {
  if (line.startsWith('>>>')) return colours.bold(line)
  if (line.startsWith('[OK]')) return colours.green(line)
  if (line.startsWith('[ERR]')) return colours.red(line)
  if (line.startsWith('[WARNING]') || line.startsWith('***')) return colours.yellow(line)
  return line
}
