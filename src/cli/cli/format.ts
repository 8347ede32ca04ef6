/** Replies as redis-cli shows them: for people (numbered, quoted), raw, CSV, JSON. Strings are bytes (text.ts). */

import type { Reply } from '../../client/index.js'
import { type Bytes, fromBytes, quote } from './text.js'

export type Output = 'standard' | 'raw' | 'csv' | 'json' | 'quoted-json'

export interface Delimiters {
  /** Between the members of one reply, and after a reply: raw output only. */
  readonly member: Bytes
  readonly reply: Bytes
}

/** A reply with its line end. `verbatim`: as it is, without any (INFO and other texts for people). */
export function formatReply(reply: Reply, output: Output, delimiters: Delimiters, verbatim = false): Bytes {
  if (verbatim) return formatRaw(reply, delimiters.member)
  switch (output) {
    case 'standard':
      return formatStandard(reply, '')
    case 'raw':
      return formatRaw(reply, delimiters.member) + delimiters.reply
    case 'csv':
      return `${formatCsv(reply)}\n`
    default:
      return `${formatJson(reply, output)}\n`
  }
}

const EMPTY = {
  array: '(empty array)',
  map: '(empty hash)',
  set: '(empty set)',
  push: '(empty push)',
} as const
const NUMBERED = { array: ')', push: ')', set: '~', map: '#' } as const

/** For people. `prefix` stands before each line but the first. */
export function formatStandard(reply: Reply, prefix: string): Bytes {
  switch (reply.kind) {
    case 'error':
      return `(error) ${fromBytes(reply.bytes)}\n`
    case 'simple':
    case 'verbatim':
    case 'bignum':
      return `${fromBytes(reply.bytes)}\n`
    case 'integer':
      return `(integer) ${reply.value}\n`
    case 'double':
      return `(double) ${fromBytes(reply.bytes)}\n`
    case 'bulk':
      return `${quote(fromBytes(reply.bytes))}\n`
    case 'nil':
      return '(nil)\n'
    case 'bool':
      return reply.value ? '(true)\n' : '(false)\n'
    default:
      return reply.items.length === 0
        ? `${EMPTY[reply.kind]}\n`
        : formatMembers(reply.kind, reply.items, prefix)
  }
}

function formatMembers(kind: keyof typeof NUMBERED, items: readonly Reply[], prefix: string): Bytes {
  const step = kind === 'map' ? 2 : 1
  const width = String(items.length / step).length
  const inner = prefix + ' '.repeat(width + 2)
  let out = ''
  for (let i = 0; i < items.length; i += step) {
    out += `${i === 0 ? '' : prefix}${String(i / step + 1).padStart(width)}${NUMBERED[kind]} `
    out += formatStandard(items[i]!, inner)
    if (kind !== 'map') continue
    const value = items[i + 1]!
    // A value of several lines starts on one of its own, so that its numbers stand below each other.
    out = `${out.slice(0, -1)} => ${hasLines(value) ? `\n${inner}` : ''}${formatStandard(value, inner)}`
  }
  return out
}

function hasLines(reply: Reply): boolean {
  if (!('items' in reply) || reply.items.length === 0) return false
  const one = reply.kind === 'map' ? 2 : 1
  return reply.items.length > one || hasLines(reply.items[one - 1]!)
}

export function formatRaw(reply: Reply, delimiter: Bytes): Bytes {
  switch (reply.kind) {
    case 'nil':
      return ''
    case 'error':
      return `${fromBytes(reply.bytes)}\n`
    case 'bool':
      return reply.value ? '(true)' : '(false)'
    case 'integer':
      return String(reply.value)
    case 'map': {
      const pairs: string[] = []
      for (let i = 0; i + 1 < reply.items.length; i += 2) {
        pairs.push(`${formatRaw(reply.items[i]!, delimiter)} ${formatRaw(reply.items[i + 1]!, delimiter)}`)
      }
      return pairs.join(delimiter)
    }
    case 'array':
    case 'set':
    case 'push':
      return reply.items.map((item) => formatRaw(item, delimiter)).join(delimiter)
    default:
      return fromBytes(reply.bytes)
  }
}

function formatCsv(reply: Reply): Bytes {
  switch (reply.kind) {
    case 'error':
      return `ERROR,${quote(fromBytes(reply.bytes))}`
    case 'simple':
    case 'bulk':
    case 'verbatim':
      return quote(fromBytes(reply.bytes))
    case 'integer':
    case 'bool':
      return String(reply.value)
    case 'double':
    case 'bignum':
      return fromBytes(reply.bytes)
    case 'nil':
      return 'NULL'
    default:
      return reply.items.map(formatCsv).join(',')
  }
}

function formatJson(reply: Reply, output: 'json' | 'quoted-json'): Bytes {
  switch (reply.kind) {
    case 'error':
      return `error:${jsonString(fromBytes(reply.bytes), output)}`
    case 'simple':
    case 'bulk':
    case 'verbatim':
      return jsonString(fromBytes(reply.bytes), output)
    case 'integer':
    case 'bool':
      return String(reply.value)
    case 'double':
    case 'bignum':
      return fromBytes(reply.bytes)
    case 'nil':
      return 'null'
    case 'map': {
      const pairs: string[] = []
      for (let i = 0; i + 1 < reply.items.length; i += 2) {
        const key = formatJson(reply.items[i]!, output)
        const name = key.startsWith('"') || key.startsWith('error:') ? key : `"${key}"`
        pairs.push(`${name}:${formatJson(reply.items[i + 1]!, output)}`)
      }
      return `{${pairs.join(',')}}`
    }
    default:
      return `[${reply.items.map((item) => formatJson(item, output)).join(',')}]`
  }
}

const JSON_ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '"': '\\"',
  '\n': '\\n',
  '\f': '\\f',
  '\r': '\\r',
  '\t': '\\t',
  '\b': '\\b',
}

function jsonString(text: Bytes, output: 'json' | 'quoted-json'): Bytes {
  if (output === 'quoted-json') return quote(text).replaceAll('\\', '\\\\')
  const escaped = (char: string) =>
    JSON_ESCAPES[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what it is about
  return `"${text.replace(/[\x00-\x1f"\\]/g, escaped)}"`
}
