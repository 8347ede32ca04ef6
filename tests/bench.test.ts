/** What the benchmarks write. */

import { expect, test } from 'vitest'
import { type Table, withSection } from '../bench/tools.js'

const table = (title: string, cell: string): Table => ({ title, note: 'n', head: ['h'], rows: [[cell]] })

test('a table replaces the section of its title, and no other', () => {
  const document = [table('A', '1'), table('B', '2'), table('C', '3')].reduce(withSection, '# Benchmarks\n')
  expect(document.match(/## .|\| \d \|/g)).toEqual(['## A', '| 1 |', '## B', '| 2 |', '## C', '| 3 |'])
  expect(withSection(document, table('B', '2'))).toBe(document)
  expect(withSection(document, table('B', '5'))).toBe(document.replace('| 2 |', '| 5 |'))
  expect(withSection(document, table('C', '5'))).toBe(document.replace('| 3 |', '| 5 |'))
})
