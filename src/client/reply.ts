/**
 * What a server answers, as values. One small record a reply, told apart by `kind`; the kinds are those of
 * RESP3 (https://redis.io/docs/reference/protocol-spec), into which RESP2 fits. Text stays bytes: a bulk value
 * is whatever the user stored, and even an error may quote the user's bytes back.
 */

export type Reply =
  | { readonly kind: 'simple'; readonly bytes: Uint8Array }
  | { readonly kind: 'error'; readonly bytes: Uint8Array }
  | { readonly kind: 'bulk'; readonly bytes: Uint8Array }
  | { readonly kind: 'verbatim'; readonly format: string; readonly bytes: Uint8Array }
  | { readonly kind: 'bignum'; readonly bytes: Uint8Array }
  | { readonly kind: 'double'; readonly bytes: Uint8Array; readonly value: number }
  /** A 64 bit integer: a bigint only where a number would lose digits. */
  | { readonly kind: 'integer'; readonly value: number | bigint }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'nil' }
  /** `items` of a map are key, value, key, value …, in the server's order. */
  | { readonly kind: 'array' | 'set' | 'push' | 'map'; readonly items: readonly Reply[] }

export type Aggregate = Extract<Reply, { items: readonly Reply[] }>

const decoder = new TextDecoder()

/** The reply's text decoded as UTF-8, or undefined where the reply has no text (numbers do have one). */
export function textOf(reply: Reply | undefined): string | undefined {
  if (reply === undefined) return undefined
  switch (reply.kind) {
    case 'simple':
    case 'error':
    case 'bulk':
    case 'verbatim':
    case 'bignum':
    case 'double':
      return decoder.decode(reply.bytes)
    case 'integer':
      return String(reply.value)
    default:
      return undefined
  }
}

/** The text of an error reply, or undefined when the reply is none. */
export function errorOf(reply: Reply): string | undefined {
  return reply.kind === 'error' ? decoder.decode(reply.bytes) : undefined
}

/** The reply's value as a number: an integer, or text that reads as one; undefined otherwise. */
export function numberOf(reply: Reply | undefined): number | undefined {
  const text = textOf(reply)
  if (text === undefined || text.trim() === '') return undefined
  const value = Number(text)
  return Number.isNaN(value) ? undefined : value
}

/** The members of an aggregate, none for anything else. */
export function itemsOf(reply: Reply | undefined): readonly Reply[] {
  return reply !== undefined && 'items' in reply ? reply.items : []
}

/**
 * The value under `key` in a RESP3 map, or in a RESP2 array that stands for one: key, value, key, value ….
 * Keys are compared as text.
 */
export function fieldOf(reply: Reply | undefined, key: string): Reply | undefined {
  const items = itemsOf(reply)
  for (let i = 0; i + 1 < items.length; i += 2) if (textOf(items[i]) === key) return items[i + 1]
  return undefined
}
