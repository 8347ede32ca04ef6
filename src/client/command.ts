/** Commands as bytes: an array of bulk strings, which every server since Redis 1.2 reads. */

/** One argument. Strings are sent as UTF-8, numbers in decimal. */
export type Argument = string | Uint8Array | number | bigint

const encoder = new TextEncoder()

export function bytesOf(argument: Argument): Uint8Array {
  return argument instanceof Uint8Array ? argument : encoder.encode(String(argument))
}

/** The bytes of one command. Large arguments are copied once. */
export function encodeCommand(args: readonly Argument[]): Uint8Array {
  const parts = args.map(bytesOf)
  let size = `*${parts.length}\r\n`.length
  for (const part of parts) size += `$${part.length}\r\n`.length + part.length + 2
  const out = new Uint8Array(size)
  let at = writeAscii(out, 0, `*${parts.length}\r\n`)
  for (const part of parts) {
    at = writeAscii(out, at, `$${part.length}\r\n`)
    out.set(part, at)
    at += part.length
    out[at++] = 13
    out[at++] = 10
  }
  return out
}

function writeAscii(out: Uint8Array, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) out[at + i] = text.charCodeAt(i)
  return at + text.length
}
