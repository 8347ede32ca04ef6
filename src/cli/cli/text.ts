/**
 * Bytes as text, both ways, without loss: in this room a string holds one byte a character (latin-1), so that
 * keys and values that are no UTF-8 survive. `quote` and `splitArgs` are the notation that Redis's tools print
 * and read: "double quoted", with \n \r \t \a \b \" \\ and \xHH.
 */

/** One byte a character. */
export type Bytes = string

export function fromBytes(bytes: Uint8Array): Bytes {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

export function toBytes(text: Bytes): Uint8Array {
  return Buffer.from(text, 'latin1')
}

/** A word of the command line or the environment, which Node has decoded as UTF-8. */
export function fromWord(word: string): Bytes {
  return Buffer.from(word, 'utf8').toString('latin1')
}

/** Back, for names of hosts and files. */
export function toWord(text: Bytes): string {
  return Buffer.from(text, 'latin1').toString('utf8')
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '"': '\\"',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\x07': '\\a',
  '\b': '\\b',
}

export function quote(text: Bytes): string {
  const escaped = (char: string) => ESCAPES[char] ?? `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what it is about
  return `"${text.replace(/[\x00-\x1f"\\\x7f-\xff]/g, escaped)}"`
}

const UNESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', a: '\x07' }

/** Splits a line into words; undefined when a quote is not closed, or something clings to a closing quote. */
export function splitArgs(line: Bytes): Bytes[] | undefined {
  const args: Bytes[] = []
  let at = 0
  for (;;) {
    while (at < line.length && isSpace(line[at]!)) at++
    if (at >= line.length) return args
    let word = ''
    while (at < line.length && !' \n\r\t\0'.includes(line[at]!)) {
      const char = line[at]!
      if (char !== '"' && char !== "'") {
        word += char
        at++
        continue
      }
      const quoted = char === '"' ? readDouble(line, at + 1) : readSingle(line, at + 1)
      if (quoted === undefined || (quoted.end < line.length && !isSpace(line[quoted.end]!))) return undefined
      word += quoted.text
      at = quoted.end
    }
    args.push(word)
    if (line[at] === '\0') return args
  }
}

function isSpace(char: string): boolean {
  return ' \t\n\v\f\r'.includes(char)
}

function readDouble(line: string, from: number): { text: string; end: number } | undefined {
  let text = ''
  for (let at = from; at < line.length; ) {
    const char = line[at]!
    if (char === '"') return { text, end: at + 1 }
    const hex = /^\\x([0-9a-fA-F]{2})/.exec(line.slice(at, at + 4))
    if (hex !== null) {
      text += String.fromCharCode(Number.parseInt(hex[1]!, 16))
      at += 4
    } else if (char === '\\' && at + 1 < line.length) {
      text += UNESCAPES[line[at + 1]!] ?? line[at + 1]!
      at += 2
    } else {
      text += char
      at++
    }
  }
  return undefined
}

function readSingle(line: string, from: number): { text: string; end: number } | undefined {
  let text = ''
  for (let at = from; at < line.length; ) {
    if (line[at] === "'") return { text, end: at + 1 }
    const escaped = line[at] === '\\' && line[at + 1] === "'"
    text += escaped ? "'" : line[at]!
    at += escaped ? 2 : 1
  }
  return undefined
}

/** One word in that notation; undefined when it is not exactly one. */
export function unquote(text: Bytes): Bytes | undefined {
  const args = splitArgs(text)
  return args?.length === 1 ? args[0] : undefined
}

/** C's atoi: leading digits, else 0. */
export function atoi(text: string): number {
  const match = /^\s*([+-]?\d+)/.exec(text)
  return match === null ? 0 : Number(match[1])
}

/** C's atof: a leading number, else 0. */
export function atof(text: string): number {
  const value = Number.parseFloat(text)
  return Number.isNaN(value) ? 0 : value
}
