/** Random numbers from a seed: the same seed, the same run (sfc32, seeded by splitmix32). */

export interface Prng {
  a: number
  b: number
  c: number
  counter: number
}

export function createPrng(seed: number): Prng {
  let mix = seed | 0
  const next = () => {
    mix = (mix + 0x9e3779b9) | 0
    let t = mix ^ (mix >>> 16)
    t = Math.imul(t, 0x21f0aaad)
    t ^= t >>> 15
    t = Math.imul(t, 0x735a2d97)
    return t ^ (t >>> 15)
  }
  const prng = { a: next(), b: next(), c: next(), counter: 1 }
  for (let i = 0; i < 12; i++) random(prng)
  return prng
}

/** A number in [0, 1). */
export function random(prng: Prng): number {
  const t = (prng.a + prng.b + prng.counter) | 0
  prng.counter = (prng.counter + 1) | 0
  prng.a = prng.b ^ (prng.b >>> 9)
  prng.b = (prng.c + (prng.c << 3)) | 0
  prng.c = ((prng.c << 21) | (prng.c >>> 11)) + t
  return (t >>> 0) / 0x1_0000_0000
}

/** An integer in [low, high]. */
export function between(prng: Prng, low: number, high: number): number {
  return low + Math.floor(random(prng) * (high - low + 1))
}

export function chance(prng: Prng, probability: number): boolean {
  return random(prng) < probability
}

export function pick<T>(prng: Prng, list: readonly T[]): T {
  return list[Math.floor(random(prng) * list.length)]!
}
