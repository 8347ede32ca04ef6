/** Short forms of the plain kinds of directives, with which the tables declare one in a line. */

import type {
  BoolDirective,
  NumberDirective,
  NumberForm,
  OneOfDirective,
  SomeOfDirective,
  TextDirective,
} from './directive.js'

type More<D> = Partial<Omit<D, 'kind' | 'initial' | 'form' | 'min' | 'max'>>

export const yesNo = (initial: boolean, more: More<BoolDirective> = {}): BoolDirective => ({
  kind: 'bool',
  flags: [],
  initial,
  ...more,
})

export const text = (initial: string, more: More<TextDirective> = {}): TextDirective => ({
  kind: 'text',
  flags: [],
  initial,
  emptyIsUnset: false,
  binary: false,
  ...more,
})

export const optionalText = (more: More<TextDirective> = {}): TextDirective =>
  text('', { emptyIsUnset: true, ...more })

export const oneOf = <const V extends string>(
  choices: readonly V[],
  initial: NoInfer<V>,
  more: More<OneOfDirective<NoInfer<V>>> = {},
): OneOfDirective<V> => ({ kind: 'one-of', flags: [], choices, initial, ...more })

export const someOf = <const V extends string>(
  choices: readonly V[],
  more: More<SomeOfDirective<NoInfer<V>>> = {},
): SomeOfDirective<V> => ({ kind: 'some-of', flags: ['multi-arg'], choices, initial: [], ...more })

const numberOf =
  (form: NumberForm) =>
  (
    initial: number,
    min: number | bigint,
    max: number | bigint,
    more: More<NumberDirective> = {},
  ): NumberDirective => ({
    kind: 'number',
    flags: [],
    form,
    initial,
    min: BigInt(min),
    max: BigInt(max),
    unsigned: false,
    ...more,
  })

export const int = numberOf('plain')
export const size = numberOf('size')
export const sizeOrPercent = numberOf('size-or-percent')
export const octal = numberOf('octal')
