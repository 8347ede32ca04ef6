/**
 * `--test_hint TEXT` prints what the prompt would hint behind a text; `--test_hint_file FILE` compares hints with those of
 * a file, one case a line (`"text" "hint"`), as redis-cli 7.2 does for its own tests. The exit code counts the failures.
 */

import { readFileSync } from 'node:fs'
import { messageOf } from './errors.js'
import { type Help, loadHelp } from './help.js'
import type { Session } from './session.js'
import { type Bytes, fromBytes, splitArgs } from './text.js'

/** An exit code has eight bits. */
const EXIT_CODE_MAX = 255

export async function printHint(session: Session, text: Bytes): Promise<number> {
  const help = await loadHelp(session)
  session.print(`${help.hint(text) ?? ''}\n`)
  return 0
}

export async function runHintSuite(session: Session, file: string): Promise<number> {
  let text: Bytes
  try {
    text = fromBytes(readFileSync(file))
  } catch (error) {
    session.complain(`Can't open file '${file}': ${messageOf(error)}\n`)
    return EXIT_CODE_MAX
  }
  const help = await loadHelp(session)
  const results = text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .map((line) => splitArgs(line) ?? [])
    .filter((words) => words.length > 0)
    .map((words) => compare(session, help, words))
  const failed = results.filter((passed) => !passed).length
  const passed = results.length - failed
  session.print(`${failed === 0 ? 'SUCCESS' : 'FAILURE'}: ${passed}/${results.length} passed\n`)
  return Math.min(failed, EXIT_CODE_MAX)
}

function compare(session: Session, help: Help, [input, expected]: readonly Bytes[]): boolean {
  if (expected === undefined) {
    session.complain(`Missing expected hint for input '${input}'\n`)
    return false
  }
  const hint = (help.hint(input!) ?? '').trim()
  if (session.options.verbose) session.print(`Input: '${input}', Expected: '${expected}', Hint: '${hint}'\n`)
  if (hint === expected) return true
  session.complain(`Test case '${input}' FAILED: expected '${expected}', got '${hint}'\n`)
  return false
}
