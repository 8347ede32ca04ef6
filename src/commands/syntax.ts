/**
 * The arguments of a command, read from the line in which its declaration writes them:
 * `key value [NX | XX] [GET] [EX seconds | PX milliseconds | KEEPTTL]`. COMMAND DOCS tells them to clients, which
 * make hints and completions of them.
 *
 *     WORD          a word to be typed as it is             [ … ]      may be missing
 *     word          a value                                 a | b      one of these
 *     x [x ...]     one or more of x                        < … >      belongs together
 */

export type ArgumentType =
  | 'string'
  | 'integer'
  | 'double'
  | 'key'
  | 'pattern'
  | 'unix-time'
  | 'pure-token'
  | 'oneof'
  | 'block'

export interface Argument {
  readonly name: string
  readonly type: ArgumentType
  /** The word in front of the value, or the value itself. */
  token?: string
  optional?: true
  multiple?: true
  /** With `multiple`: the token is repeated with every value. */
  multipleToken?: true
  /** Of `oneof` and `block`. */
  readonly parts?: readonly Argument[]
}

type Node =
  | { readonly kind: 'word'; readonly text: string }
  | { readonly kind: 'optional' | 'group'; readonly choices: readonly (readonly Node[])[] }

/** Brackets in brackets; no command of Redis needs more than four. */
const DEPTH_MAX = 16

const INTEGERS = new Set([
  'seconds',
  'milliseconds',
  'count',
  'index',
  'offset',
  'numkeys',
  'numfields',
  'increment',
  'decrement',
  'start',
  'end',
  'stop',
  'min-match-len',
  'client-id',
  'port',
  'timeout',
  'slot',
  'start-slot',
  'end-slot',
  'ttl',
  'cursor',
  'numreplicas',
  'numlocal',
  'db',
  'destination-db',
  'index1',
  'index2',
  'frequency',
  'protover',
  'config-epoch',
])
const DOUBLES = new Set(['longitude', 'latitude', 'radius', 'width', 'height', 'score', 'weight'])
const UNIX_TIMES = new Set(['unix-time-seconds', 'unix-time-milliseconds'])

function typeOf(name: string): ArgumentType {
  if (/^(key|newkey|destination|source|dst|src|destkey|sourcekey|key[0-9])$/.test(name)) return 'key'
  if (name === 'pattern') return 'pattern'
  if (UNIX_TIMES.has(name)) return 'unix-time'
  if (DOUBLES.has(name)) return 'double'
  return INTEGERS.has(name) ? 'integer' : 'string'
}

const isToken = (text: string): boolean => /^[A-Z][A-Z0-9-]*$|^[*=~$+]$/.test(text)

/** Reads choices up to the closing bracket; `at` is where to go on. */
function readChoices(
  words: readonly string[],
  from: number,
  depth: number,
): { choices: Node[][]; at: number } {
  const choices: Node[][] = [[]]
  let at = from
  while (at < words.length && words[at] !== ']' && words[at] !== '>') {
    const word = words[at]!
    at++
    if (word === '|') choices.push([])
    else if ((word === '[' || word === '<') && depth < DEPTH_MAX) {
      const inner = readChoices(words, at, depth + 1)
      choices.at(-1)!.push({ kind: word === '[' ? 'optional' : 'group', choices: inner.choices })
      at = inner.at
    } else choices.at(-1)!.push({ kind: 'word', text: word })
  }
  return { choices, at: at + 1 }
}

/** Whether an optional part says only that what stands in front of it may come again: `[x ...]`. */
function repeats(node: Node | undefined): boolean {
  if (node?.kind !== 'optional' || node.choices.length !== 1) return false
  const last = node.choices[0]!.at(-1)
  return last?.kind === 'word' && last.text === '...'
}

/** What one choice amounts to: a token, a token with its value, a value, or a block of several. */
function fold(parts: readonly Argument[]): Argument {
  const [first, second] = parts as [Argument, Argument?]
  if (second === undefined) return first
  if (
    parts.length === 2 &&
    first.type === 'pure-token' &&
    second.token === undefined &&
    second.type !== 'block'
  ) {
    return { ...second, token: first.token! }
  }
  return { name: first.name, type: 'block', parts: joinTokens(parts) }
}

/** `COUNT` followed by `count` is one argument with a token. */
function joinTokens(parts: readonly Argument[]): Argument[] {
  const out: Argument[] = []
  for (const part of parts) {
    const before = out.at(-1)
    const plain = part.token === undefined && part.type !== 'oneof' && part.type !== 'block'
    if (
      before?.type === 'pure-token' &&
      before.optional === undefined &&
      plain &&
      part.optional === undefined
    ) {
      out[out.length - 1] = { ...part, token: before.token! }
    } else out.push(part)
  }
  return out
}

function choose(choices: readonly (readonly Node[])[]): Argument {
  const arguments_ = choices.map((choice) => fold(readSequence(choice)))
  if (arguments_.length === 1) return arguments_[0]!
  return { name: arguments_.map((argument) => argument.name).join('-or-'), type: 'oneof', parts: arguments_ }
}

function readSequence(nodes: readonly Node[]): Argument[] {
  const out: Argument[] = []
  for (const [i, node] of nodes.entries()) {
    if (node.kind === 'word') {
      const token = isToken(node.text)
      if (node.text === '...') continue
      const name = node.text.toLowerCase()
      out.push(token ? { name, type: 'pure-token', token: node.text } : { name, type: typeOf(node.text) })
    } else if (repeats(node)) {
      markRepeated(out, node, i)
    } else {
      const chosen = choose(node.choices)
      out.push(node.kind === 'optional' ? { ...chosen, optional: true } : chosen)
    }
  }
  return out
}

/** `x y [x y ...]`: the last arguments, as many as are repeated, become one that may come again. */
function markRepeated(out: Argument[], node: Node, at: number): void {
  if (node.kind === 'word' || at === 0) return
  const repeated = joinTokens(readSequence(node.choices[0]!))
  const before = joinTokens(out)
  const taken = before.splice(-repeated.length)
  // `KEYS key [key ...]` has its token once, `GET pattern [GET pattern ...]` with every value.
  const withToken = repeated.length === 1 && repeated[0]!.token !== undefined
  const whole: Argument =
    taken.length === 1 ? { ...taken[0]! } : { name: taken[0]?.name ?? 'value', type: 'block', parts: taken }
  out.length = 0
  out.push(...before, { ...whole, multiple: true, ...(withToken ? { multipleToken: true } : {}) })
}

/** The arguments that a line of syntax describes; none for an empty one. */
export function readSyntax(syntax: string): readonly Argument[] {
  const words = syntax.replaceAll(/([[\]<>|])/g, ' $1 ').split(' ')
  const present = words.filter((word) => word !== '')
  if (present.length === 0) return []
  const { choices } = readChoices(present, 0, 0)
  if (choices.length > 1) return [choose(choices)]
  return joinTokens(readSequence(choices[0]!))
}
