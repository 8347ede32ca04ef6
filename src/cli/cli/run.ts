/**
 * `shoal-cli`: reads the command line, does the one thing that it asks for, gives the exit code. What is seldom
 * asked for is loaded only then, so that a single command starts quickly.
 */

import { Exit } from './exit.js'
import { type Io, readAll } from './io.js'
import { issueWithHelp } from './issue.js'
import { parseOptions, type Stop } from './options.js'
import { Session } from './session.js'
import { type Bytes, fromBytes, unquote } from './text.js'

/** Runs `shoal-cli` with its arguments (without the program's name); gives the exit code. */
export async function runCli(argv: readonly string[], io: Io): Promise<number> {
  const terminal = io.stdout.isTTY === true || io.env['FAKETTY'] !== undefined
  const parsed = parseOptions(argv, io.env, terminal)
  if (parsed.stop !== undefined) return stop(parsed.stop, io)
  io.stderr.write(parsed.warnings)
  const session = new Session(io, parsed.options)
  session.onSync = async () => (await import('./modes/replica.js')).followMaster(session)
  try {
    return await act(session, parsed.command)
  } catch (error) {
    if (error instanceof Exit) return error.code
    throw error
  } finally {
    session.close()
  }
}

async function stop(what: Stop, io: Io): Promise<number> {
  if (what.usage === true) {
    const { usage } = await import('./usage.js')
    const out = what.code === 0 ? io.stdout : io.stderr
    out.write(usage())
  } else if (what.stdout === 'version') {
    const { VERSION } = await import('./version.js')
    io.stdout.write(`shoal-cli ${VERSION}\n`)
  }
  if (what.stderr !== undefined) io.stderr.write(what.stderr)
  return what.code
}

async function act(session: Session, command: Bytes[]): Promise<number> {
  const { options } = session
  if (options.debugger) {
    session.complain(
      'The Lua debugger (--ldb, --ldb-sync-mode) is not part of shoal-cli; --eval runs the script.\n',
    )
    return 1
  }
  if (options.askPassword) {
    const { askPassword } = await import('./editor.js')
    options.password = await askPassword('Please input password: ', session.io)
  }
  if (options.manager.command !== undefined) {
    const { runManager } = await import('./manager.js')
    return runManager(session)
  }
  if (options.mode !== undefined) {
    const { runMode } = await import('./modes/index.js')
    return runMode(options.mode, session)
  }
  if (options.hintText !== undefined || options.hintFile !== undefined) {
    const { printHint, runHintSuite } = await import('./hint-suite.js')
    if (options.hintText !== undefined) return printHint(session, options.hintText)
    return runHintSuite(session, options.hintFile!)
  }
  if (command.length === 0 && options.evalFile === undefined) {
    await session.connect()
    const { repl } = await import('./repl.js')
    return repl(session)
  }
  if (options.evalFile !== undefined) {
    if (!(await session.connect())) return 1
    return evaluate(session, options.evalFile, command)
  }
  await session.connect(true)
  return once(session, command)
}

/** One command from the command line. */
async function once(session: Session, words: Bytes[]): Promise<number> {
  const { options } = session
  const args = options.quotedInput ? words.map(unquote) : [...words]
  if (!args.every((arg) => arg !== undefined)) {
    session.print('Invalid quoted string\n')
    return 1
  }
  if (options.stdinLast || options.stdinTag !== undefined) {
    const place = options.stdinTag === undefined ? args.length : args.indexOf(options.stdinTag)
    if (place === -1) {
      session.complain('Using -X option but stdin tag not match.\n')
      return 1
    }
    args[place] = fromBytes(await readAll(session.io))
  }
  const done = await issueWithHelp(session, args, options.repeat)
  await session.showMessages()
  return done ? 0 : 1
}

/** --eval: the file's script; words up to a comma are keys, those after it arguments. */
async function evaluate(session: Session, file: string, words: Bytes[]): Promise<number> {
  const { readFileSync } = await import('node:fs')
  let script: Bytes
  try {
    script = fromBytes(readFileSync(file))
  } catch (error) {
    const { messageOf } = await import('./errors.js')
    session.complain(`Can't open file '${file}': ${messageOf(error)}\n`)
    return 1
  }
  const comma = words.indexOf(',')
  const keys = comma === -1 ? words : words.slice(0, comma)
  const rest = comma === -1 ? [] : words.slice(comma + 1)
  const done = await session.issue(
    ['EVAL', script, String(keys.length), ...keys, ...rest],
    session.options.repeat,
  )
  return done ? 0 : 1
}
