/**
 * Commands line by line: from a terminal with the editor, history, completion and hints; from a pipe without
 * any of these, and without a prompt. The words that the prompt itself understands: quit, exit, connect, clear,
 * help, `:set hints`, and a number before a command.
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { LineReader } from './io.js'
import { issueWithHelp } from './issue.js'
import type { Session } from './session.js'
import { atoi, type Bytes, fromBytes, splitArgs, toWord } from './text.js'

/** A command that took longer than this has its time shown. */
const SHOW_TIME_MS = 500

export interface Preferences {
  hints: boolean
}

/** Where lines come from. */
interface Lines {
  next(prompt: string): Promise<Bytes | undefined>
  /** Resolves when the user has typed something, or there will be no more; true for Ctrl-C. */
  ready(): Promise<boolean>
  remember(line: Bytes): void
  close(): void
}

export async function repl(session: Session): Promise<number> {
  const { io } = session
  session.interactive = true
  const preferences: Preferences = { hints: true }
  const terminal = io.stdin.isTTY === true
  const lines = terminal ? await editedLines(session, preferences) : pipedLines(session)
  const stopListening = io.onInterrupt(() => {
    if (session.interrupt()) return
    lines.close()
    process.exit(1)
  })
  try {
    for (;;) {
      const line = await lines.next(session.prompt)
      if (line === undefined && !session.subscribed) return 0
      // The end of input, or Ctrl-C at the prompt, ends the subscribed mode first.
      if (line === undefined && !(await session.connect())) return 0
      if (line !== undefined && line !== '') {
        if ((await runLine(session, line, preferences, lines)) === 'quit') return 0
      }
      await showMessages(session, lines)
    }
  } finally {
    stopListening()
    lines.close()
  }
}

function pipedLines({ io }: Session): Lines {
  const reader = new LineReader(io)
  return {
    next: async () => {
      const line = await reader.next()
      return line === undefined ? undefined : fromBytes(line)
    },
    ready: async () => {
      await reader.ready()
      return false
    },
    remember: () => {},
    close: () => reader.close(),
  }
}

async function editedLines(session: Session, preferences: Preferences): Promise<Lines> {
  const { io } = session
  const [{ LineEditor }, { loadHelp }, { History }] = await Promise.all([
    import('./editor.js'),
    import('./help.js'),
    import('./history.js'),
  ])
  const help = await loadHelp(session)
  const history = new History(
    dotFile(io.env, ['SHOALCLI_HISTFILE', 'REDISCLI_HISTFILE'], '.shoalcli_history'),
  )
  loadPreferences(session, preferences)
  const editor = new LineEditor(io, {
    history,
    complete: (text) => help.complete(text),
    hint: (text) => (preferences.hints ? help.hint(text) : undefined),
  })
  return {
    next: (prompt) => editor.read(prompt),
    ready: () => editor.ready(),
    remember: (line) => history.add(line),
    close: () => editor.close(),
  }
}

const READING = 'Reading messages... (press Ctrl-C to quit or any key to type command)\r'
const ERASE_LINE = '\x1b[K'

/** In the subscribed mode: shows messages until a key is pressed, a line comes from a pipe, or Ctrl-C is pressed. */
async function showMessages(session: Session, lines: Lines): Promise<void> {
  const { io } = session
  const isTerminal = io.stdout.isTTY === true || io.env['FAKETTY'] !== undefined
  const told = session.options.output !== 'raw' && isTerminal
  while (session.subscribed) {
    if (told) session.print(READING)
    const what = await Promise.race([
      session.arrival().then(() => 'message'),
      lines.ready().then((interrupted) => (interrupted ? 'interrupt' : 'input')),
    ])
    if (told) session.print(ERASE_LINE)
    if (what === 'input') return
    if (what === 'interrupt') session.interrupt()
    await session.showMessage()
  }
}

/** The path that the environment names, or the file in the home directory; undefined for none (/dev/null). */
function dotFile(
  env: Readonly<Record<string, string | undefined>>,
  variables: readonly string[],
  name: string,
): string | undefined {
  const named = variables.map((variable) => env[variable]).find((path) => path !== undefined && path !== '')
  if (named !== undefined) return named === '/dev/null' ? undefined : named
  const home = env['HOME']
  return home === undefined || home === '' ? undefined : join(home, name)
}

function loadPreferences(session: Session, preferences: Preferences): void {
  const file = dotFile(session.io.env, ['SHOALCLI_RCFILE', 'REDISCLI_RCFILE'], '.shoalclirc')
  if (file === undefined) return
  let text: Bytes
  try {
    text = fromBytes(readFileSync(file))
  } catch {
    return // there need not be one
  }
  for (const line of text.split('\n')) {
    const args = splitArgs(line)
    if (args !== undefined && args.length > 0) setPreference(session, args, preferences, '.shoalclirc: ')
  }
}

function setPreference(session: Session, args: Bytes[], preferences: Preferences, origin = ''): void {
  const [command, value] = args.map((arg) => arg.toLowerCase())
  if (command !== ':set' || value === undefined) {
    session.print(`${origin}unknown shoal-cli internal command '${args[0]}'\n`)
  } else if (value === 'hints') preferences.hints = true
  else if (value === 'nohints') preferences.hints = false
  else session.print(`${origin}unknown shoal-cli preference '${args[1]}'\n`)
}

async function runLine(
  session: Session,
  line: Bytes,
  preferences: Preferences,
  lines: Lines,
): Promise<'quit' | 'done'> {
  const args = splitArgs(line)
  if (args === undefined) {
    session.print('Invalid argument(s)\n')
    lines.remember(line)
    return 'done'
  }
  if (args.length === 0) return 'done'
  const counted = args.length > 1 && /^\s*([+-]?\d+)?$/.test(args[0]!)
  const repeat = counted ? atoi(args[0]!) : 1
  if (counted && (repeat <= 0 || repeat > Number.MAX_SAFE_INTEGER)) {
    session.print('Invalid redis-cli repeat command option value.\n')
    return 'done'
  }
  const command = counted ? args.slice(1) : args
  if (!isSecret(command)) lines.remember(line)
  const word = args[0]!.toLowerCase()
  if (word === 'quit' || word === 'exit') return 'quit'
  if (word.startsWith(':')) setPreference(session, args, preferences)
  else if (word === 'restart') session.print("Use 'restart' only in Lua debugging mode.\n")
  else if (word === 'connect' && args.length === 3) {
    session.options.host = toWord(args[1]!)
    session.options.port = atoi(args[2]!)
    await session.connect()
  } else if (word === 'clear' && args.length === 1) session.print('\x1b[H\x1b[2J')
  else await timed(session, command, repeat)
  return 'done'
}

async function timed(session: Session, command: Bytes[], repeat: number): Promise<void> {
  const began = performance.now()
  await issueWithHelp(session, command, repeat)
  const elapsed_ms = performance.now() - began
  if (elapsed_ms >= SHOW_TIME_MS && session.options.output === 'standard') {
    session.print(`(${(elapsed_ms / 1000).toFixed(2)}s)\n`)
  }
}

/** Commands that carry passwords stay out of the history. */
function isSecret(args: readonly Bytes[]): boolean {
  const words = args.map((arg) => arg.toLowerCase())
  const [command, sub = '', what = ''] = words
  if (command === 'auth') return true
  if (command === 'acl') return sub === 'setuser'
  if (command === 'config') return sub === 'set' && ['masterauth', 'masteruser', 'requirepass'].includes(what)
  if (command === 'hello') return words.indexOf('auth', 2) !== -1
  if (command !== 'migrate') return false
  const keys = words.indexOf('keys', 6)
  const options = words.slice(6, keys === -1 ? undefined : keys)
  return options.includes('auth') || options.includes('auth2')
}
