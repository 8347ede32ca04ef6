/**
 * What a CLUSTER subcommand answers, before any protocol: server/ prints the tree as RESP2 or RESP3. Texts hold one
 * byte a character (Latin-1), so that what came in as bytes goes out as the same bytes.
 */

export type Reply =
  | { readonly kind: 'simple'; readonly text: string }
  /** `text` begins with its code: `ERR Unknown node …`. */
  | { readonly kind: 'error'; readonly text: string }
  | { readonly kind: 'bulk'; readonly text: string }
  /** A bulk in RESP2, a verbatim string of format `txt` in RESP3. */
  | { readonly kind: 'verbatim'; readonly text: string }
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'array'; readonly items: readonly Reply[] }
  /** A map in RESP3, a flat array of twice the length in RESP2. */
  | { readonly kind: 'map'; readonly entries: readonly (readonly [Reply, Reply])[] }
  | { readonly kind: 'null' }

export const OK: Reply = { kind: 'simple', text: 'OK' }

export function simple(text: string): Reply {
  return { kind: 'simple', text }
}

/** An error with the code ERR. */
export function error(text: string): Reply {
  return { kind: 'error', text: `ERR ${text}` }
}

export function bulk(text: string): Reply {
  return { kind: 'bulk', text }
}

export function int(value: number): Reply {
  return { kind: 'int', value }
}

export function array(items: readonly Reply[]): Reply {
  return { kind: 'array', items }
}

/** A map whose keys are bulk strings. */
export function map(entries: readonly (readonly [string, Reply])[]): Reply {
  return { kind: 'map', entries: entries.map(([key, value]) => [bulk(key), value] as const) }
}
