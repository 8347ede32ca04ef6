/** Integers in commands, read as strictly as Redis reads them: no blanks, no plus sign, no leading zeros. */

/** The value of a canonical decimal integer; null when it is not one. Beyond 2^53 the value is rounded. */
export function parseInteger(text: string): number | null {
  if (!/^(0|-?[1-9]\d{0,18})$/.test(text)) return null
  const value = Number(text)
  if (value >= 2 ** 63 || value < -(2 ** 63)) return null
  return value
}
