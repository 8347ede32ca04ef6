/**
 * Which arguments of a command are secrets: passwords in AUTH, HELLO, MIGRATE, CONFIG SET and ACL. The slow
 * log and MONITOR show `(redacted)` in their place.
 */

import type { Entry } from '../../commands/table.js'
import type { Args } from '../../resp/args.js'
import { isSensitive } from '../config/get.js'

/** A test for argument indexes of this command. */
export function hiddenArguments(entry: Entry, args: Args): (index: number) => boolean {
  const hidden = new Set<number>()
  const after = (word: string, from: number, count: number): void => {
    for (let i = from; i < args.count; i++) {
      if (!args.is(i, word)) continue
      for (let j = 1; j <= count; j++) hidden.add(i + j)
    }
  }
  switch (entry.fullName) {
    case 'auth':
      hidden.add(1)
      hidden.add(2)
      break
    case 'hello':
      after('auth', 2, 2)
      break
    case 'migrate':
      after('auth', 6, 1)
      after('auth2', 6, 2)
      break
    case 'config|set':
      for (let i = 2; i + 1 < args.count; i += 2) if (isSensitive(args.word(i))) hidden.add(i + 1)
      break
    case 'acl|setuser':
    case 'acl|deluser':
    case 'acl|getuser':
      for (let i = 2; i < args.count; i++) hidden.add(i)
      break
    default:
      return () => false
  }
  return (index) => hidden.has(index)
}
