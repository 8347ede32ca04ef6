/** Commands in their wire form, read from text (a character a byte): for tests that look at what went over a link. */

/** The whole commands at the beginning of `text`, and what is left of it. Empty lines are skipped. */
export function commandsIn(text: string): { list: string[][]; rest: string } {
  const list: string[][] = []
  let at = 0
  for (;;) {
    while (text[at] === '\n') at++
    const header = /^\*(\d+)\r\n/.exec(text.slice(at, at + 20))
    if (header === null) return { list, rest: text.slice(at) }
    let next = at + header[0].length
    const args: string[] = []
    for (let i = 0; i < Number(header[1]); i++) {
      const size = /^\$(\d+)\r\n/.exec(text.slice(next, next + 20))
      if (size === null) return { list, rest: text.slice(at) }
      next += size[0].length + Number(size[1]) + 2
      if (next > text.length) return { list, rest: text.slice(at) }
      args.push(text.slice(next - Number(size[1]) - 2, next - 2))
    }
    list.push(args)
    at = next
  }
}
