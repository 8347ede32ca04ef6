/**
 * What may follow the words that were typed: a command's arguments, as COMMAND DOCS describes them, matched against the
 * words, and what is left of them as text. Rules and texts are those of redis-cli 7.2 (tests/assets/test_cli_hint_suite.txt
 * of Redis shows them):
 *
 * - a word that fits no argument, or a number where a word stands, ends all hints;
 * - optional arguments that stand next to each other may come in any order; the one that was begun is shown first, the
 *   others after it, and those that were given are gone;
 * - an argument that may be repeated stays, as `[value ...]`;
 * - a token is matched in any case, and only when a space follows it.
 */

import { fieldOf, itemsOf, type Reply, textOf } from '../../client/index.js'

/** One argument of COMMAND DOCS. */
export interface Argument {
  readonly type: string
  /** What is shown for the value. */
  readonly text: string
  readonly token: string | undefined
  readonly optional: boolean
  readonly multiple: boolean
  /** With `multiple`: the token comes again with each value. */
  readonly repeatsToken: boolean
  /** Of `oneof` and `block`. */
  readonly parts: readonly Argument[]
}

/** An argument, and how much of it has been typed. */
interface Match {
  readonly of: Argument
  /** Words that were taken; 0: the argument has not been begun. */
  words: number
  token: boolean
  value: boolean
  /** Nothing of it is missing. */
  whole: boolean
  readonly parts: readonly Match[]
}

export function readArguments(items: readonly Reply[]): Argument[] {
  return items.map((item) => {
    const flags = new Set(itemsOf(fieldOf(item, 'flags')).map(textOf))
    return {
      type: textOf(fieldOf(item, 'type')) ?? 'string',
      text: textOf(fieldOf(item, 'display_text')) ?? textOf(fieldOf(item, 'name')) ?? '',
      token: textOf(fieldOf(item, 'token')),
      optional: flags.has('optional'),
      multiple: flags.has('multiple'),
      repeatsToken: flags.has('multiple_token'),
      parts: readArguments(itemsOf(fieldOf(item, 'arguments'))),
    }
  })
}

/** What is still to be typed after `words`; '' where nothing is, or where the words do not fit. */
export function hintAfter(arguments_: readonly Argument[], words: readonly string[]): string {
  const matches = arguments_.map(unmatched)
  return matchAll(words, matches) === words.length ? show(matches, ' ') : ''
}

function unmatched(of: Argument): Match {
  return { of, words: 0, token: false, value: false, whole: false, parts: of.parts.map(unmatched) }
}

function clear(match: Match): void {
  match.words = 0
  match.token = match.value = match.whole = false
  for (const part of match.parts) clear(part)
}

// Matching. Each function returns how many of the words it took.

function matchAll(words: readonly string[], matches: readonly Match[]): number {
  let taken = 0
  for (let i = 0; i < matches.length && taken < words.length; ) {
    const end = endOfOptional(matches, i)
    if (end > i) {
      taken += matchOptional(words.slice(taken), matches.slice(i, end))
      i = end
      continue
    }
    const more = matchOne(words.slice(taken), matches[i]!)
    if (more === 0) return 0
    taken += more
    i++
  }
  return taken
}

/** Where the row of optional arguments that begins at `from` ends; `from` when there is none. */
function endOfOptional(matches: readonly Match[], from: number): number {
  let end = from
  while (end < matches.length && matches[end]!.of.optional) end++
  return end
}

/** Optional arguments in any order. All but the last that was typed count as whole, whatever they lack. */
function matchOptional(words: readonly string[], matches: readonly Match[]): number {
  let taken = 0
  let last: Match | undefined
  while (taken < words.length) {
    let more = 0
    for (const match of matches) {
      if (match.words > 0) continue
      more = matchOne(words.slice(taken), match)
      if (more === 0) continue
      if (last !== undefined) last.whole = true
      last = match
      break
    }
    if (more === 0) break
    taken += more
  }
  return taken
}

/** An argument, as often as it may come. */
function matchOne(words: readonly string[], match: Match): number {
  let taken = matchOnce(words, match)
  if (!match.of.multiple) return taken
  while (match.whole && taken < words.length) {
    clear(match)
    const rest = words.slice(taken)
    if (match.of.token === undefined || match.of.repeatsToken) taken += matchOnce(rest, match)
    else {
      // The token came in front of the first value, and is not hinted again.
      taken += matchValue(rest, match)
      if (match.words > 0) match.token = true
    }
  }
  match.whole = false
  return taken
}

function matchOnce(words: readonly string[], match: Match): number {
  const { token, type } = match.of
  if (token === undefined) return matchValue(words, match)
  if (token.toLowerCase() !== words[0]!.toLowerCase()) return 0
  match.token = true
  match.words = 1
  if (type === 'pure-token') match.whole = true
  if (type === 'pure-token' || words.length === 1) return 1
  return matchValue(words.slice(1), match) === 0 ? 0 : match.words
}

function matchValue(words: readonly string[], match: Match): number {
  switch (match.of.type) {
    case 'block':
      match.words += matchAll(words, match.parts)
      match.whole = match.parts.every((part) => part.whole)
      break
    case 'oneof': {
      const chosen = match.parts.find((part) => matchOne(words, part) > 0)
      if (chosen === undefined) break
      match.words += chosen.words
      match.whole = chosen.whole
      break
    }
    case 'integer':
    case 'unix-time':
      takeValue(match, /^\s*[+-]?\d/.test(words[0]!) || words[0] === '')
      break
    case 'double':
      takeValue(match, /^\s*[+-]?(\d|\.\d|inf|nan)/i.test(words[0]!) || words[0] === '')
      break
    default:
      takeValue(match, true)
  }
  return match.words
}

function takeValue(match: Match, fits: boolean): void {
  match.words = fits ? match.words + 1 : 0
  match.value = fits
  if (fits) match.whole = true
}

// Showing.

const orQuotes = (text: string): string => (text === '' ? '""' : text)

function show(matches: readonly Match[], separator: string): string {
  const texts: string[] = []
  for (let i = 0; i < matches.length; ) {
    const end = endOfOptional(matches, i)
    if (end === i) {
      texts.push(showOne(matches[i++]!))
      continue
    }
    const optional = matches.slice(i, end)
    const begun = optional.filter((match) => match.words > 0 && !match.whole)
    texts.push(...begun.map(showOne))
    // When what follows them has been typed, no more of them can come.
    const over = end < matches.length && matches[end]!.words > 0
    if (!over) texts.push(...optional.filter((match) => !begun.includes(match)).map(showOne))
    i = end
  }
  return texts.filter((text) => text !== '').join(separator)
}

function showOne(match: Match): string {
  if (match.whole) return ''
  const { optional, type } = match.of
  const open = optional && match.words === 0 ? '[' : ''
  // One that was begun and may come again is closed all the same: so does redis-cli, whose tests expect it.
  const close = optional && (match.words === 0 || match.of.multiple) ? ']' : ''
  const token = match.of.token === undefined || match.token ? '' : orQuotes(match.of.token)
  let value = ''
  if (type === 'oneof' && match.words > 0) {
    value = show(
      match.parts.filter((part) => part.words > 0),
      ' ',
    )
  } else if (type === 'oneof' || type === 'block') value = show(match.parts, type === 'oneof' ? '|' : ' ')
  else if (type !== 'pure-token' && !match.value) value = orQuotes(match.of.text)
  const text = [token, value, showRepeated(match)].filter((part) => part !== '').join(' ')
  return `${open}${text}${close}`
}

/** `[value ...]` for an argument that may come again. */
function showRepeated({ of }: Match): string {
  if (!of.multiple) return ''
  const token = of.repeatsToken && of.token !== undefined ? orQuotes(of.token) : ''
  const parts = of.parts.map(unmatched)
  let value = ''
  if (of.type === 'oneof' || of.type === 'block') value = show(parts, of.type === 'oneof' ? '|' : ' ')
  else if (of.type !== 'pure-token') value = orQuotes(of.text)
  return `[${[token, value, '...'].filter((part) => part !== '').join(' ')}]`
}
