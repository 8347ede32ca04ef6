/** Integers in commands, read as strictly as Redis reads them: no blanks, no plus sign, no leading zeros. */

/** The value of a canonical decimal integer; null when it is none of 64 bits. Beyond 2^53 the value is rounded. */
export function parseInteger(text: string): number | null {
  const value = parseInt64(text)
  return value === null ? null : Number(value)
}

export function parseInt64(text: string): bigint | null {
  if (!/^(0|-?[1-9]\d{0,18})$/.test(text)) return null
  const value = BigInt(text)
  return BigInt.asIntN(64, value) === value ? value : null
}
