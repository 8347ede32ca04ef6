/**
 * The line editor of the prompt: keys in, a line out. What is typed may be longer than the terminal is wide, may
 * hold wide characters, and shows a grey hint behind the cursor. Keys are Emacs's, as in redis-cli: Ctrl-A E B F
 * D H K U W T L P N, arrows, Home, End, Delete, Tab to go through the completions. Ctrl-C and, on an empty line,
 * Ctrl-D end the prompt.
 *
 * The state is a record and `press` a plain function of it, so that tests press keys without a terminal.
 */

import type { History } from './history.js'
import { type Io, LineReader } from './io.js'
import { type Bytes, fromBytes, fromWord } from './text.js'

const CTRL_C = '\x03'

export const LINE_CHARACTERS_MAX = 64 * 1024

export interface Editing {
  /** Characters, not bytes, so that the cursor never stands within one. */
  text: string[]
  cursor: number
  /** Where in the history: its length for the new line. */
  place: number
  /** The new line, while the history is looked at. */
  draft: string[]
  /** While Tab goes through completions: what was typed, and the candidates after it. */
  completing:
    | { readonly typed: string[]; readonly candidates: readonly string[][]; index: number }
    | undefined
}

export type Pressed = 'editing' | 'done' | 'end' | 'clear'

export interface EditorHelp {
  readonly history: Pick<History, 'lines'>
  complete(line: Bytes): Bytes[]
  hint(line: Bytes): Bytes | undefined
}

export function newEditing(history: Pick<History, 'lines'>): Editing {
  return { text: [], cursor: 0, place: history.lines.length, draft: [], completing: undefined }
}

const characters = (bytes: Bytes): string[] => [...Buffer.from(bytes, 'latin1').toString('utf8')]
const bytesOf = (text: readonly string[]): Bytes => fromWord(text.join(''))

/** One key: a character, a control character, or an escape sequence. */
export function press(state: Editing, key: string, help: EditorHelp): Pressed {
  if (key === '\t') {
    completeNext(state, help)
    return 'editing'
  }
  if (state.completing !== undefined) {
    const { typed } = state.completing
    state.completing = undefined
    if (key === '\x1b') {
      setText(state, typed)
      return 'editing'
    }
  }
  const action = ACTIONS[key]
  if (action !== undefined) return action(state, help) ?? 'editing'
  const printable = key >= ' ' && key !== '\x7f' && !key.startsWith('\x1b')
  if (printable && state.text.length < LINE_CHARACTERS_MAX) state.text.splice(state.cursor++, 0, key)
  return 'editing'
}

type Action = (state: Editing, help: EditorHelp) => Pressed | undefined

const left: Action = (state) => {
  state.cursor = Math.max(0, state.cursor - 1)
  return undefined
}
const right: Action = (state) => {
  state.cursor = Math.min(state.text.length, state.cursor + 1)
  return undefined
}
const home: Action = (state) => {
  state.cursor = 0
  return undefined
}
const end: Action = (state) => {
  state.cursor = state.text.length
  return undefined
}
const backspace: Action = (state) => {
  if (state.cursor > 0) state.text.splice(--state.cursor, 1)
  return undefined
}
const remove: Action = (state) => {
  state.text.splice(state.cursor, 1)
  return undefined
}
const older: Action = (state, help) => go(state, help, state.place - 1)
const newer: Action = (state, help) => go(state, help, state.place + 1)

const ACTIONS: Readonly<Record<string, Action>> = {
  '\r': () => 'done',
  '\n': () => 'done',
  [CTRL_C]: () => 'end',
  '\x04': (state, help) => (state.text.length === 0 ? 'end' : remove(state, help)),
  '\x01': home,
  '\x05': end,
  '\x02': left,
  '\x06': right,
  '\x08': backspace,
  '\x7f': backspace,
  '\x10': older,
  '\x0e': newer,
  '\x0c': () => 'clear',
  '\x0b': (state) => {
    state.text.length = state.cursor
    return undefined
  },
  '\x15': (state) => {
    setText(state, [])
    return undefined
  },
  '\x17': (state) => {
    let from = state.cursor
    while (from > 0 && state.text[from - 1] === ' ') from--
    while (from > 0 && state.text[from - 1] !== ' ') from--
    state.text.splice(from, state.cursor - from)
    state.cursor = from
    return undefined
  },
  '\x14': (state) => {
    const { text, cursor } = state
    if (cursor === 0 || cursor >= text.length) return undefined
    text.splice(cursor - 1, 2, text[cursor]!, text[cursor - 1]!)
    state.cursor = Math.min(text.length, cursor + 1)
    return undefined
  },
  '\x1b[D': left,
  '\x1bOD': left,
  '\x1b[C': right,
  '\x1bOC': right,
  '\x1b[A': older,
  '\x1bOA': older,
  '\x1b[B': newer,
  '\x1bOB': newer,
  '\x1b[H': home,
  '\x1bOH': home,
  '\x1b[1~': home,
  '\x1b[F': end,
  '\x1bOF': end,
  '\x1b[4~': end,
  '\x1b[3~': remove,
}

function setText(state: Editing, text: readonly string[]): void {
  state.text = [...text]
  state.cursor = text.length
}

function go(state: Editing, { history }: EditorHelp, place: number): undefined {
  if (place < 0 || place > history.lines.length) return
  if (state.place === history.lines.length) state.draft = [...state.text]
  state.place = place
  const line = history.lines[place]
  setText(state, line === undefined ? state.draft : characters(line))
}

/** Tab: the first completion, the next, …, what was typed, and round again. */
function completeNext(state: Editing, help: EditorHelp): void {
  state.completing ??= {
    typed: [...state.text],
    candidates: help.complete(bytesOf(state.text)).map(characters),
    index: -1,
  }
  const { completing } = state
  if (completing.candidates.length === 0) {
    state.completing = undefined
    return
  }
  completing.index = (completing.index + 1) % (completing.candidates.length + 1)
  setText(state, completing.candidates[completing.index] ?? completing.typed)
}

/** Splits what a terminal sent into keys. An escape sequence that is not whole yet stays in `rest`. */
export function splitKeys(input: string): { keys: string[]; rest: string } {
  const keys: string[] = []
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
  const pattern = /\x1b\[[0-9;]*[A-Za-z~]|\x1bO[A-Za-z]|\x1b(?![[O])|[^\x1b]/gsu
  let end = 0
  for (const match of input.matchAll(pattern)) {
    if (match.index !== end) break
    keys.push(match[0])
    end += match[0].length
  }
  return { keys, rest: input.slice(end) }
}

/** Columns that a character takes: 2 for those of East Asia and emoji, 0 for those that combine. */
export function widthOf(character: string): number {
  const code = character.codePointAt(0) ?? 0
  if (code < 0x300) return 1
  if (code <= 0x36f || (code >= 0x200b && code <= 0x200f) || (code >= 0xfe00 && code <= 0xfe0f)) return 0
  const wide =
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd)
  return wide ? 2 : 1
}

const widthOfAll = (text: readonly string[]) => text.reduce((sum, one) => sum + widthOf(one), 0)

/** What to print so that the line stands as it is; `row` is the cursor's, counted from the prompt's first. */
export function draw(
  prompt: string,
  state: Editing,
  hint: string,
  columns: number,
  row: number,
): { text: string; row: number } {
  const before = widthOfAll([...prompt]) + widthOfAll(state.text.slice(0, state.cursor))
  const whole = before + widthOfAll(state.text.slice(state.cursor))
  // A hint never makes a new row: it is cut, as it is no part of the line.
  let room = columns - (whole % columns) - 1
  const shown = [...hint].filter((character) => {
    room -= widthOf(character)
    return room >= 0
  })
  const up = row > 0 ? `\x1b[${row}A` : ''
  const grey = shown.length > 0 ? `\x1b[0;90;49m${shown.join('')}\x1b[0m` : ''
  const wraps = whole > 0 && whole % columns === 0 ? '\n' : ''
  const lastRow = Math.floor(whole / columns)
  const cursorRow = Math.floor(before / columns)
  const back = lastRow > cursorRow ? `\x1b[${lastRow - cursorRow}A` : ''
  const column = before % columns
  const forward = column > 0 ? `\x1b[${column}C` : ''
  const text = `${up}\r\x1b[J${prompt}${state.text.join('')}${grey}${wraps}${back}\r${forward}`
  return { text, row: cursorRow }
}

export class LineEditor {
  readonly #io: Io
  readonly #help: EditorHelp
  readonly #masked: boolean
  readonly #decoder = new TextDecoder()
  /** Typed ahead: keys of lines that nobody has asked for yet. */
  #pending = ''
  #waiting: Promise<boolean> | undefined

  /** `masked` shows stars. */
  constructor(io: Io, help: EditorHelp, masked = false) {
    this.#io = io
    this.#help = help
    this.#masked = masked
  }

  /** Edits a line. Undefined: the user wants to end. */
  async read(prompt: string): Promise<Bytes | undefined> {
    const { stdin, stdout } = this.#io
    const state = newEditing(this.#help.history)
    let row = 0
    const redraw = (hinted: boolean) => {
      const columns = stdout.columns || 80
      const atEnd = state.cursor === state.text.length
      const hint = hinted && atEnd ? (this.#help.hint(bytesOf(state.text)) ?? '') : ''
      const shown = this.#masked ? { ...state, text: state.text.map(() => '*') } : state
      const drawn = draw(prompt, shown, hint, columns, row)
      row = drawn.row
      stdout.write(drawn.text)
    }
    stdin.setRawMode?.(true)
    redraw(false)
    const ended = await this.#keys((key) => {
      const pressed = press(state, key, this.#help)
      if (pressed === 'clear') {
        stdout.write('\x1b[H\x1b[2J')
        row = 0
      } else if (pressed !== 'editing') return pressed
      redraw(true)
      return undefined
    })
    state.cursor = state.text.length
    redraw(false)
    stdin.setRawMode?.(false)
    stdout.write('\n')
    return ended === 'done' ? bytesOf(state.text) : undefined
  }

  /** Resolves at the first key, which the next `read` gets; true for Ctrl-C, which it does not get. */
  async ready(): Promise<boolean> {
    const { stdin } = this.#io
    if (this.#pending !== '') return false
    stdin.setRawMode?.(true)
    let first = ''
    this.#waiting ??= this.#keys((key) => {
      first = key
      return 'done'
    }).then(() => {
      this.#waiting = undefined
      stdin.setRawMode?.(false)
      if (first === CTRL_C) return true
      this.#pending = first + this.#pending
      return false
    })
    return this.#waiting
  }

  close(): void {
    const { stdin } = this.#io
    stdin.setRawMode?.(false)
    stdin.destroy()
  }

  /** Feeds keys until `take` gives a result; what is left of the input waits for the next line. */
  #keys(take: (key: string) => Pressed | undefined): Promise<Pressed> {
    const { stdin } = this.#io
    return new Promise((resolve) => {
      const finish = (result: Pressed) => {
        stdin.off('data', receive)
        stdin.off('end', over)
        stdin.pause()
        resolve(result)
      }
      const receive = (chunk: Uint8Array | string) => {
        const text = typeof chunk === 'string' ? chunk : this.#decoder.decode(chunk, { stream: true })
        const { keys, rest } = splitKeys(this.#pending + text)
        this.#pending = rest
        for (const [i, key] of keys.entries()) {
          const result = take(key)
          if (result === undefined) continue
          this.#pending = keys.slice(i + 1).join('') + rest
          finish(result)
          return
        }
      }
      const over = () => finish('end')
      stdin.on('data', receive)
      stdin.once('end', over)
      stdin.resume()
      if (this.#pending !== '') receive('')
    })
  }
}

/** Asks for a password: stars instead of letters on a terminal, a plain line from a pipe. */
export async function askPassword(prompt: string, io: Io): Promise<Bytes> {
  if (io.stdin.isTTY !== true) {
    const line = await new LineReader(io).next()
    return line === undefined ? '' : fromBytes(line)
  }
  const help: EditorHelp = { history: { lines: [] }, complete: () => [], hint: () => undefined }
  return (await new LineEditor(io, help, true).read(prompt)) ?? ''
}
