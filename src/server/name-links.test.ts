import fc from 'fast-check'
import { expect, test } from 'vitest'
import { latin1 } from '../../tests/support/runner.js'
import { ascii } from '../bytes/ascii.js'
import { ByteHeap } from '../bytes/heap.js'
import { AT_ONCE_MAX, LinkHolder, NameLinks } from './name-links.js'

function create(): { heap: ByteHeap; links: NameLinks<string> } {
  const heap = new ByteHeap()
  return { heap, links: new NameLinks(heap, 0x1234567, 0x7654321) }
}

function namesOf(links: NameLinks<string>, holder: LinkHolder<string>): string[] {
  const names: string[] = []
  for (let link = holder.first; link !== 0; link = links.nextOfOwner(link)) {
    const name = links.nameOf(link)
    names.push(`${links.scopeOf(name)}${latin1(links.bytesOf(name))}`)
  }
  return names
}

const operation = fc.record({
  what: fc.constantFrom('add', 'add', 'add', 'remove', 'drop'),
  owner: fc.nat(3),
  scope: fc.nat(1),
  name: fc.nat(30),
})

test('behaves as lists of names', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const { heap, links } = create()
      const empty_bytes = heap.usedBytes
      const holders = Array.from({ length: 4 }, (_, i) => new LinkHolder(String(i)))
      const model: string[][] = [[], [], [], []]
      for (const { what, owner, scope, name } of operations) {
        const holder = holders[owner]!
        const bytes = ascii('n'.repeat(name))
        const known = `${scope}${'n'.repeat(name)}`
        const at = model[owner]!.indexOf(known)
        if (what === 'add') {
          expect(links.add(holder, bytes, 0, bytes.length, scope) !== 0).toBe(at < 0)
          if (at < 0) model[owner]!.push(known)
        } else if (what === 'remove') {
          expect(links.remove(holder, bytes, 0, bytes.length, scope)).toBe(at >= 0)
          if (at >= 0) model[owner]!.splice(at, 1)
        } else {
          links.drop(holder)
          model[owner] = []
        }
        const found = links.find(bytes, 0, bytes.length, scope)
        const owners = model.filter((names) => names.includes(known)).length
        expect(found === 0 ? 0 : links.countOf(found)).toBe(owners)
        expect(links.count).toBe(model.flat().length)
        expect(links.size).toBe(new Set(model.flat()).size)
      }
      for (const [i, holder] of holders.entries()) expect(namesOf(links, holder)).toEqual(model[i])
      for (const holder of holders) links.drop(holder)
      expect(heap.usedBytes).toBe(empty_bytes)
    }),
  )
})

test('a name keeps the order of its owners, and links keep their marks', () => {
  const { links } = create()
  const name = ascii('name')
  const holders = ['a', 'b', 'c'].map((owner) => new LinkHolder(owner))
  for (const holder of holders) links.add(holder, name, 0, 4)
  links.remove(holders[1]!, name, 0, 4)
  links.add(holders[1]!, name, 0, 4)
  const found = links.find(name, 0, 4)
  const owners: (string | null)[] = []
  for (let link = links.firstOfName(found); link !== 0; link = links.nextOfName(link)) {
    links.setMarked(link, links.ownerOf(link) === 'c')
    expect(links.isMarked(link)).toBe(links.ownerOf(link) === 'c')
    owners.push(links.ownerOf(link))
  }
  expect(owners).toEqual(['a', 'c', 'b'])
})

test('many links of an owner that is gone are removed in steps, and mean nothing at once', () => {
  const { heap, links } = create()
  const empty_bytes = heap.usedBytes
  let woken = 0
  links.onDying = () => woken++
  const holder = new LinkHolder('gone')
  const other = new LinkHolder('other')
  const many = AT_ONCE_MAX * 5
  for (let i = 0; i < many; i++) links.add(holder, ascii(`name:${i}`), 0, ascii(`name:${i}`).length)
  const shared = ascii('name:0')
  links.add(other, shared, 0, shared.length)
  links.drop(holder)
  expect(woken).toBe(1)
  expect(links.count).toBe(1)
  expect(links.countOf(links.find(shared, 0, shared.length))).toBe(1)
  let steps = 1
  for (; links.reap(100); steps++);
  expect(steps).toBe(many / 100)
  expect(links.size).toBe(1)
  links.drop(other)
  expect(heap.usedBytes).toBe(empty_bytes)
})

test('a link takes less than a hundred bytes, its name included', () => {
  const { heap, links } = create()
  const holder = new LinkHolder('client')
  const count = 50_000
  for (let i = 0; i < count; i++) {
    const name = ascii(`channel:${i}`)
    links.add(holder, name, 0, name.length)
  }
  expect((heap.usedBytes + links.tableBytes) / count).toBeLessThan(100)
})
