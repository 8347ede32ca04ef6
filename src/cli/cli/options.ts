/**
 * The command line of redis-cli 7.0, which follows no library's rules: options end at the first word that is
 * none, some options eat words up to the next dash, an option that lacks its value is «unrecognized».
 */

import type { Output } from './format.js'
import { atof, atoi, type Bytes, fromWord, unquote } from './text.js'

/** What one wants beyond sending commands; each is a module that is loaded when asked for. */
export type Mode =
  | 'latency'
  | 'latency-dist'
  | 'replica'
  | 'rdb'
  | 'functions-rdb'
  | 'pipe'
  | 'bigkeys'
  | 'memkeys'
  | 'hotkeys'
  | 'stat'
  | 'scan'
  | 'lru-test'
  | 'intrinsic-latency'

export interface Tls {
  on: boolean
  sni?: string
  cacert?: string
  cacertdir?: string
  cert?: string
  key?: string
  ciphers?: string
  ciphersuites?: string
  insecure: boolean
}

/** `--cluster` and what belongs to it. */
export interface ManagerArgs {
  command: string | undefined
  args: string[]
  yes: boolean
  replicas: number
  onlyMasters: boolean
  onlyReplicas: boolean
  searchOwners: boolean
  /** Options of subcommands that are not here yet are read, so that their words are not taken for others. */
  readonly rest: Map<string, string>
}

export interface Options {
  host: string
  port: number
  socket: string | undefined
  user: Bytes | undefined
  password: Bytes | undefined
  askPassword: boolean
  authWarning: boolean
  db: number
  /** How RESP3 came about: asked for, or implied by --json. */
  resp3: 'no' | 'asked' | 'implied'
  resp2: boolean
  cluster: boolean
  repeat: number
  interval_ms: number
  output: Output
  pushes: boolean
  memberDelimiter: Bytes
  replyDelimiter: Bytes
  quotedInput: boolean
  errorCode: boolean
  verbose: boolean
  stdinLast: boolean
  stdinTag: Bytes | undefined
  evalFile: string | undefined
  /** A line to be hinted at, and a file of such lines. */
  hintText: Bytes | undefined
  hintFile: string | undefined
  /** Which addresses of a host name are tried first. */
  prefers: 4 | 6 | undefined
  prefersBoth: boolean
  debugger: boolean
  mode: Mode | undefined
  history: boolean
  pattern: Bytes | undefined
  rdbFile: string
  pipeTimeout_s: number
  memorySamples: number
  duration_s: number
  lruKeys: number
  tls: Tls
  manager: ManagerArgs
}

/** What comes instead of options: something to print, and the end. */
export interface Stop {
  readonly code: number
  readonly stdout?: string
  readonly stderr?: string
  readonly usage?: boolean
}

export type Parsed =
  | { readonly options: Options; readonly command: Bytes[]; readonly warnings: string; readonly stop?: never }
  | { readonly stop: Stop }

export function defaults(terminal: boolean): Options {
  return {
    host: '127.0.0.1',
    port: 6379,
    socket: undefined,
    user: undefined,
    password: undefined,
    askPassword: false,
    authWarning: true,
    db: 0,
    resp3: 'no',
    resp2: false,
    cluster: false,
    repeat: 1,
    interval_ms: 0,
    output: terminal ? 'standard' : 'raw',
    pushes: terminal,
    memberDelimiter: '\n',
    replyDelimiter: '\n',
    quotedInput: false,
    errorCode: false,
    verbose: false,
    stdinLast: false,
    stdinTag: undefined,
    evalFile: undefined,
    hintText: undefined,
    hintFile: undefined,
    prefers: undefined,
    prefersBoth: false,
    debugger: false,
    mode: undefined,
    history: false,
    pattern: undefined,
    rdbFile: '',
    pipeTimeout_s: 30,
    memorySamples: 0,
    duration_s: 0,
    lruKeys: 0,
    tls: { on: false, insecure: false },
    manager: {
      command: undefined,
      args: [],
      yes: false,
      replicas: 0,
      onlyMasters: false,
      onlyReplicas: false,
      searchOwners: false,
      rest: new Map(),
    },
  }
}

/** What an option changes. */
type Change = Partial<Options>

/** Options without a value. */
const PLAIN: Readonly<Record<string, Change | ((options: Options) => Change)>> = {
  '-x': { stdinLast: true },
  '--no-auth-warning': { authWarning: false },
  '--askpass': { askPassword: true },
  '--raw': { output: 'raw' },
  '--no-raw': { output: 'standard' },
  '--quoted-input': { quotedInput: true },
  '--csv': { output: 'csv' },
  '--json': ({ resp3 }) => ({ output: 'json', resp3: resp3 === 'no' ? 'implied' : resp3 }),
  '--quoted-json': ({ resp3 }) => ({ output: 'quoted-json', resp3: resp3 === 'no' ? 'implied' : resp3 }),
  '--latency': { mode: 'latency' },
  '--latency-history': { mode: 'latency', history: true },
  '--latency-dist': { mode: 'latency-dist' },
  '--mono': {},
  '--slave': { mode: 'replica' },
  '--replica': { mode: 'replica' },
  '--stat': { mode: 'stat' },
  '--scan': { mode: 'scan' },
  '--pipe': { mode: 'pipe' },
  '--bigkeys': { mode: 'bigkeys' },
  '--memkeys': { mode: 'memkeys' },
  '--hotkeys': { mode: 'hotkeys' },
  '--ldb': { debugger: true },
  '--ldb-sync-mode': { debugger: true },
  '-c': { cluster: true },
  '-e': { errorCode: true },
  '--verbose': { verbose: true },
  '-2': { resp2: true },
  '-4': ({ prefers }) => ({ prefers: 4, prefersBoth: prefers === 6 }),
  '-6': ({ prefers }) => ({ prefers: 6, prefersBoth: prefers === 4 }),
  '-3': { resp3: 'asked' },
  '--tls': ({ tls }) => ({ tls: { ...tls, on: true } }),
  '--insecure': ({ tls }) => ({ tls: { ...tls, insecure: true } }),
  '--cluster-yes': ({ manager }) => ({ manager: { ...manager, yes: true } }),
  '--cluster-only-masters': ({ manager }) => ({ manager: { ...manager, onlyMasters: true } }),
  '--cluster-only-replicas': ({ manager }) => ({ manager: { ...manager, onlyReplicas: true } }),
  '--cluster-search-multiple-owners': ({ manager }) => ({ manager: { ...manager, searchOwners: true } }),
  '--cluster-simulate': managerRest('simulate'),
  '--cluster-replace': managerRest('replace'),
  '--cluster-copy': managerRest('copy'),
  '--cluster-slave': managerRest('slave'),
  '--cluster-use-empty-masters': managerRest('use-empty-masters'),
  '--cluster-fix-with-unreachable-masters': managerRest('fix-with-unreachable-masters'),
  '--cluster-from-askpass': managerRest('from-askpass'),
}

function managerRest(name: string): (options: Options, value?: string) => Change {
  return ({ manager }, value = '') => ({
    manager: { ...manager, rest: new Map([...manager.rest, [name, value]]) },
  })
}

type Take = (value: string, options: Options) => Change | Stop

const valuedRest = (name: string): Take => {
  const put = managerRest(name)
  return (value, options) => put(options, value)
}

const tlsValue =
  (name: Exclude<keyof Tls, 'on' | 'insecure'>): Take =>
  (value, { tls }) => ({ tls: { ...tls, [name]: value } })

/** Options with a value. */
const VALUED: Readonly<Record<string, Take>> = {
  '-h': (host) => ({ host }),
  '-p': (port) => ({ port: atoi(port) }),
  '-s': (socket) => ({ socket }),
  '-r': (repeat) => ({ repeat: atoi(repeat) }),
  '-i': (seconds) => ({ interval_ms: atof(seconds) * 1000 }),
  '-n': (db) => ({ db: atoi(db) }),
  '-X': (tag) => ({ stdinTag: fromWord(tag) }),
  '-a': (password) => ({ password: fromWord(password) }),
  '--pass': (password) => ({ password: fromWord(password) }),
  '--user': (user) => ({ user: fromWord(user) }),
  '-u': parseUri,
  '-d': (delimiter) => ({ memberDelimiter: fromWord(delimiter) }),
  '-D': (delimiter) => ({ replyDelimiter: fromWord(delimiter) }),
  '--pattern': (pattern) => ({ pattern: fromWord(pattern) }),
  '--quoted-pattern': (text) => {
    const pattern = unquote(fromWord(text))
    return pattern === undefined
      ? { code: 1, stderr: 'Invalid quoted string specified for --quoted-pattern.\n' }
      : { pattern }
  },
  '--lru-test': (keys) => ({ mode: 'lru-test', lruKeys: atoi(keys) }),
  '--intrinsic-latency': (seconds) => ({ mode: 'intrinsic-latency', duration_s: atoi(seconds) }),
  '--rdb': (rdbFile, { mode }) => (mode === 'functions-rdb' ? RDB_TWICE : { mode: 'rdb', rdbFile }),
  '--functions-rdb': (rdbFile, { mode }) => (mode === 'rdb' ? RDB_TWICE : { mode: 'functions-rdb', rdbFile }),
  '--pipe-timeout': (seconds) => ({ pipeTimeout_s: atoi(seconds) }),
  '--memkeys-samples': (samples) => ({ mode: 'memkeys', memorySamples: atoi(samples) }),
  '--eval': (evalFile) => ({ evalFile }),
  '--test_hint': (text) => ({ hintText: fromWord(text) }),
  '--test_hint_file': (hintFile) => ({ hintFile }),
  '--show-pushes': (word, { pushes }) => ({ pushes: /^n/i.test(word) ? false : /^y/i.test(word) || pushes }),
  '--sni': tlsValue('sni'),
  '--cacert': tlsValue('cacert'),
  '--cacertdir': tlsValue('cacertdir'),
  '--cert': tlsValue('cert'),
  '--key': tlsValue('key'),
  '--tls-ciphers': tlsValue('ciphers'),
  '--tls-ciphersuites': tlsValue('ciphersuites'),
  '--cluster-replicas': (count, { manager }) => ({ manager: { ...manager, replicas: atoi(count) } }),
  '--cluster-master-id': valuedRest('master-id'),
  '--cluster-from': valuedRest('from'),
  '--cluster-to': valuedRest('to'),
  '--cluster-from-user': valuedRest('from-user'),
  '--cluster-from-pass': valuedRest('from-pass'),
  '--cluster-slots': valuedRest('slots'),
  '--cluster-timeout': valuedRest('timeout'),
  '--cluster-pipeline': valuedRest('pipeline'),
  '--cluster-threshold': valuedRest('threshold'),
}

const RDB_TWICE: Stop = { code: 1, stderr: 'Option --functions-rdb and --rdb are mutually exclusive.\n' }

/** Reads the words after the program's name. */
export function parseOptions(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  terminal: boolean,
): Parsed {
  const options = defaults(terminal)
  let warnings = ''
  let i = 0
  for (; i < argv.length; i++) {
    const word = argv[i]!
    const last = i === argv.length - 1
    if (word === '--help' || (word === '-h' && last)) return { stop: { code: 0, usage: true } }
    if (word === '-v' || word === '--version') return { stop: { code: 0, stdout: 'version' } }
    const plain = Object.hasOwn(PLAIN, word) ? PLAIN[word] : undefined
    if (plain !== undefined) Object.assign(options, typeof plain === 'function' ? plain(options) : plain)
    else if (!last && Object.hasOwn(VALUED, word)) {
      const value = argv[++i]!
      const change = VALUED[word]!(value, options)
      if ('code' in change) return { stop: change }
      Object.assign(options, change)
      if (word === '--show-pushes' && !/^[ny]/i.test(value)) {
        warnings += `Unknown --show-pushes value '${value}' (valid: '[y]es', '[n]o')\n`
      }
    } else if (word === '--cluster') {
      if (last || options.manager.command !== undefined) return { stop: { code: 1, usage: true } }
      options.manager.command = argv[++i]!
      options.manager.args = upToDash(argv, i + 1)
      i += options.manager.args.length
    } else if (word === '--cluster-weight' && !last) {
      const weights = argv.slice(i + 1)
      const end = weights.findIndex((one) => one.startsWith('--') || !one.includes('='))
      const taken = end === -1 ? weights : weights.slice(0, end)
      options.manager.rest.set('weight', taken.join(' '))
      i += taken.length
    } else if (options.manager.command !== undefined && !word.startsWith('-')) {
      if (options.manager.args.length > 0) continue
      options.manager.args = upToDash(argv, i)
      i += options.manager.args.length - 1
    } else if (word.startsWith('-')) {
      return { stop: { code: 1, stderr: `Unrecognized option or bad number of args for: '${word}'\n` } }
    } else break
  }
  const conflict = conflictOf(options)
  if (conflict !== undefined) return { stop: { code: 1, stderr: conflict } }
  if (options.authWarning && options.password !== undefined) {
    warnings +=
      "Warning: Using a password with '-a' or '-u' option on the command line interface may not be safe.\n"
  }
  const auth = env['REDISCLI_AUTH']
  if (auth !== undefined && options.password === undefined) options.password = fromWord(auth)
  if (env['REDISCLI_CLUSTER_YES'] === '1') options.manager.yes = true
  return { options, command: argv.slice(i).map(fromWord), warnings }
}

function upToDash(argv: readonly string[], from: number): string[] {
  const end = argv.findIndex((word, i) => i >= from && word.startsWith('-'))
  return argv.slice(from, end === -1 ? argv.length : end)
}

function conflictOf(options: Options): string | undefined {
  if (options.socket !== undefined && options.cluster) return 'Options -c and -s are mutually exclusive.\n'
  if (options.resp2 && options.resp3 === 'asked') return 'Options -2 and -3 are mutually exclusive.\n'
  if (options.prefersBoth) return 'Options -4 and -6 are mutually exclusive.\n'
  if (options.debugger && options.evalFile === undefined) {
    return 'Options --ldb and --ldb-sync-mode require --eval.\nTry shoal-cli --help for more information.\n'
  }
  if (options.stdinLast && options.stdinTag !== undefined)
    return 'Options -x and -X are mutually exclusive.\n'
  return undefined
}

/** `redis://[[user:]password@][host[:port]][/db]`, and `rediss://` for TLS. */
function parseUri(uri: string, { tls }: Options): Change | Stop {
  const scheme = /^redis(s?):\/\//i.exec(uri)
  if (scheme === null) return { code: 1, stderr: 'Invalid URI scheme\n' }
  const change: Change = scheme[1] === '' ? {} : { tls: { ...tls, on: true } }
  let rest = uri.slice(scheme[0].length)
  const at = rest.indexOf('@')
  if (at !== -1) {
    const info = rest.slice(0, at)
    const colon = info.indexOf(':')
    const user = colon === -1 ? undefined : percentDecode(info.slice(0, colon))
    const password = percentDecode(info.slice(colon + 1))
    if (typeof user === 'object') return user
    if (typeof password === 'object') return password
    change.password = password
    if (user !== undefined) change.user = user
    rest = rest.slice(at + 1)
  }
  const slash = rest.indexOf('/')
  const authority = slash === -1 ? rest : rest.slice(0, slash)
  if (authority !== '') {
    const colon = authority.indexOf(':')
    change.host = colon === -1 ? authority : authority.slice(0, colon)
    if (colon !== -1) change.port = atoi(authority.slice(colon + 1))
  }
  if (slash !== -1 && rest.length > slash + 1) change.db = atoi(rest.slice(slash + 1))
  return change
}

function percentDecode(text: string): Bytes | Stop {
  let out = ''
  const bytes = fromWord(text)
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] !== '%') {
      out += bytes[i]
      continue
    }
    if (i + 2 > bytes.length - 1) return { code: 1, stderr: 'Incomplete URI encoding\n' }
    const hex = bytes.slice(i + 1, i + 3)
    if (!/^[0-9a-fA-F]{2}$/.test(hex)) return { code: 1, stderr: 'Illegal character in URI encoding\n' }
    out += String.fromCharCode(Number.parseInt(hex, 16))
    i += 2
  }
  return out
}

/** The words for a host that is shown. */
export function hostText(options: Options): string {
  return options.host.includes(':') ? `[${options.host}]:${options.port}` : `${options.host}:${options.port}`
}
