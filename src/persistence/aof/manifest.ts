/**
 * The manifest of a multi-part append-only file: a text file of lines
 *
 *   file appendonly.aof.2.base.rdb seq 2 type b
 *
 * Pairs of a word and a value; `file`, `seq` and `type` must be there, others are left for later versions. Types:
 * b base (one at most), i increment (in rising order), h history (rewritten, to be deleted). A line that begins
 * with # is a comment. A file name with unusual characters stands in double quotes with escapes.
 *
 * What a manifest may become is planned here too, as new manifests and lists of steps; nothing is touched.
 */

import { ascii, text } from '../../bytes/ascii.js'
import { baseName, incrName } from './naming.js'

export type AofFileType = 'base' | 'history' | 'incr'

export interface AofFile {
  name: string
  seq: number
  type: AofFileType
}

export interface Manifest {
  base: AofFile | undefined
  history: readonly AofFile[]
  incr: readonly AofFile[]
  /** The last sequence numbers given out. */
  baseSeq: number
  incrSeq: number
}

export type ManifestReading =
  | { ok: true; manifest: Manifest }
  /** `line` 0: the file as a whole. `text`: the line, as far as it was read. */
  | { ok: false; error: string; line: number; text: string }

/** Longest line with its newline. */
export const MANIFEST_LINE_BYTES_MAX = 1024
/** Longest manifest: tens of thousands of files. */
export const MANIFEST_BYTES_MAX = 4 * 1024 * 1024

const EMPTY = 'Found an empty AOF manifest'
const LONG_LINE = 'The AOF manifest file contains too long line'
const INVALID = 'Invalid AOF manifest file format'
const A_PATH = "File can't be a path, just a filename"
const TWO_BASES = 'Found duplicate base file information'
const NOT_RISING = 'Found a non-monotonic sequence number'
const NO_TYPE = 'Unknown AOF file type'

export const EMPTY_MANIFEST: Manifest = { base: undefined, history: [], incr: [], baseSeq: 0, incrSeq: 0 }

/** Reads a manifest. Texts are characters up to U+00FF, one a byte: file names are not decoded. */
export function readManifest(bytes: Uint8Array): ManifestReading {
  const whole = (error: string): ManifestReading => ({ ok: false, error, line: 0, text: '' })
  if (bytes.length === 0) return whole(EMPTY)
  if (bytes.length > MANIFEST_BYTES_MAX) return whole(LONG_LINE)
  const manifest = { base: undefined as AofFile | undefined, history: [] as AofFile[], incr: [] as AofFile[] }
  let incrSeq = 0
  let line = 0
  for (let start = 0; start < bytes.length; ) {
    line++
    const newline = bytes.indexOf(0x0a, start)
    const end = newline < 0 ? bytes.length : newline
    const from = start
    start = end + 1
    const tooLong = newline < 0 || end + 1 - from > MANIFEST_LINE_BYTES_MAX
    if (bytes[from] === 0x23 && !tooLong) continue
    const words = tooLong ? '' : trim(text(bytes, from, end, MANIFEST_LINE_BYTES_MAX))
    const bad = (error: string): ManifestReading => ({ ok: false, error, line, text: words })
    if (tooLong) return bytes[from] === 0x23 && newline < 0 ? finish() : bad(LONG_LINE)
    const file = readLine(words)
    if (typeof file === 'string') return bad(file)
    if (file.type === 'base') {
      if (manifest.base !== undefined) return bad(TWO_BASES)
      manifest.base = file
    } else if (file.type === 'history') {
      manifest.history.push(file)
    } else {
      if (file.seq <= incrSeq) return bad(NOT_RISING)
      incrSeq = file.seq
      manifest.incr.push(file)
    }
  }
  return finish()

  function finish(): ManifestReading {
    return { ok: true, manifest: { ...manifest, baseSeq: manifest.base?.seq ?? 0, incrSeq } }
  }
}

function readLine(text: string): AofFile | string {
  const words = text === '' ? undefined : splitWords(text)
  if (words === undefined || words.length < 6 || words.length % 2 !== 0) return INVALID
  let name = ''
  let seq = 0
  let letter = ''
  for (let i = 0; i < words.length; i += 2) {
    const value = words[i + 1]!
    const key = words[i]!.toLowerCase()
    if (key === 'file') {
      name = value
      if (/[/\\]/.test(name)) return A_PATH
    } else if (key === 'seq') {
      seq = Number(/^\s*[+-]?\d+/.exec(value)?.[0] ?? 0)
    } else if (key === 'type') {
      letter = value.charAt(0)
    }
  }
  if (name === '' || seq === 0 || letter === '' || !Number.isSafeInteger(seq)) return INVALID
  if (letter === 'b') return { name, seq, type: 'base' }
  if (letter === 'h') return { name, seq, type: 'history' }
  if (letter === 'i') return { name, seq, type: 'incr' }
  return NO_TYPE
}

function trim(text: string): string {
  return text.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, '')
}

const UNESCAPE: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', a: '\x07' }

/** Words as in redis.conf: bare, in double quotes with escapes, or in single quotes; undefined: unbalanced. */
function splitWords(text: string): string[] | undefined {
  const words: string[] = []
  let i = 0
  while (i < text.length) {
    if (isSpace(text[i]!)) {
      i++
      continue
    }
    let word = ''
    let quote = ''
    for (; ; i++) {
      const letter = text[i]
      if (letter === undefined) {
        if (quote !== '') return undefined
        break
      }
      if (quote === '') {
        if (isSpace(letter)) break
        if (letter === '"' || letter === "'") quote = letter
        else word += letter
      } else if (letter === quote) {
        if (text[i + 1] !== undefined && !isSpace(text[i + 1]!)) return undefined
        quote = ''
      } else if (letter === '\\' && quote === '"' && i + 1 < text.length) {
        const hex = /^x([0-9a-fA-F]{2})/.exec(text.slice(i + 1, i + 4))
        if (hex !== null) word += String.fromCharCode(Number.parseInt(hex[1]!, 16))
        else word += UNESCAPE[text[i + 1]!] ?? text[i + 1]!
        i += hex !== null ? 3 : 1
      } else if (letter === '\\' && quote === "'" && text[i + 1] === "'") {
        word += "'"
        i++
      } else {
        word += letter
      }
    }
    words.push(word)
  }
  return words
}

function isSpace(letter: string): boolean {
  return letter === ' ' || (letter >= '\t' && letter <= '\r') || letter === '\0'
}

/** The manifest's bytes: base, history, increments. */
export function writeManifest(manifest: Manifest): Uint8Array {
  const files = [
    ...(manifest.base === undefined ? [] : [manifest.base]),
    ...manifest.history,
    ...manifest.incr,
  ]
  const lines = files.map(
    (file) => `file ${writeName(file.name)} seq ${file.seq} type ${file.type.charAt(0)}\n`,
  )
  return ascii(lines.join(''))
}

const ESCAPE: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\x07': '\\a',
  '\b': '\\b',
}

function writeName(name: string): string {
  if (/^[!#-&(-[\]-~]+$/.test(name)) return name
  let text = '"'
  for (const letter of name) {
    const code = letter.charCodeAt(0)
    const plain = code >= 0x20 && code < 0x7f ? letter : `\\x${code.toString(16).padStart(2, '0')}`
    text += ESCAPE[letter] ?? plain
  }
  return `${text}"`
}

/** The files to load, in order. */
export function filesToLoad(manifest: Manifest): AofFile[] {
  return manifest.base === undefined ? [...manifest.incr] : [manifest.base, ...manifest.incr]
}

/** With one increment more, to be written from now on. */
export function withNewIncr(
  manifest: Manifest,
  appendFileName: string,
): { manifest: Manifest; name: string } {
  const seq = manifest.incrSeq + 1
  const name = incrName(appendFileName, seq)
  const file: AofFile = { name, seq, type: 'incr' }
  return { manifest: { ...manifest, incr: [...manifest.incr, file], incrSeq: seq }, name }
}

/** With a new base; the old one becomes history. */
export function withNewBase(
  manifest: Manifest,
  appendFileName: string,
  rdb: boolean,
): { manifest: Manifest; name: string } {
  const seq = manifest.baseSeq + 1
  const name = baseName(appendFileName, seq, rdb)
  const old = manifest.base
  const history =
    old === undefined ? manifest.history : [{ ...old, type: 'history' as const }, ...manifest.history]
  return { manifest: { ...manifest, base: { name, seq, type: 'base' }, baseSeq: seq, history }, name }
}

/** With the increments that a new base contains as history: all but the last `keep`, which are being written. */
export function withRewrittenIncrs(manifest: Manifest, keep: number): Manifest {
  const cut = Math.max(0, manifest.incr.length - keep)
  const gone = manifest.incr.slice(0, cut).map((file): AofFile => ({ ...file, type: 'history' }))
  return { ...manifest, history: [...gone.reverse(), ...manifest.history], incr: manifest.incr.slice(cut) }
}

/** Without history, once its files are deleted. */
export function withoutHistory(manifest: Manifest): Manifest {
  return { ...manifest, history: [] }
}

/** One file written before 7.0, as the base of a manifest. */
export function manifestOfOldFile(appendFileName: string): Manifest {
  return { ...EMPTY_MANIFEST, base: { name: appendFileName, seq: 1, type: 'base' }, baseSeq: 1 }
}
