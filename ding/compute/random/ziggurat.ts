/** A source of random bits, as {@link RandomStream} is. */
export interface BitSource {
  nextUint32(): number
  nextFloat(): number
}

const LAYERS = 128
/** Where the tail begins, and the area of every layer (Marsaglia and Tsang 2000, for 128 layers). */
const TAIL = 3.442619855899
const AREA = 9.91256303526217e-3

/** Right edges of the layers (the bottom one as if it were a rectangle), and the density at each; one more than layers. */
const edges = new Float64Array(LAYERS + 1)
const density = new Float64Array(LAYERS + 1)
edges[0] = AREA / Math.exp(-0.5 * TAIL * TAIL)
edges[1] = TAIL
for (let i = 2; i < LAYERS; i++) {
  const below = edges[i - 1]!
  edges[i] = Math.sqrt(-2 * Math.log(AREA / below + Math.exp(-0.5 * below * below)))
}
edges[LAYERS] = 0
for (let i = 0; i <= LAYERS; i++) density[i] = Math.exp(-0.5 * edges[i]! * edges[i]!)
/** Width of one of the 2^24 steps across a layer. */
const steps = edges.map((edge) => edge / 16777216)

/**
 * A standard normal value by the ziggurat method (G. Marsaglia, W. W. Tsang, "The ziggurat method for generating random
 * variables", J. Stat. Software 5(8), 2000). Layer, sign and place within the layer come from separate bits (7, 1 and 24),
 * which mends the correlation in the original that J. A. Doornik described in 2005.
 */
export function ziggurat(source: BitSource): number {
  for (;;) {
    const bits = source.nextUint32()
    const layer = bits & 127
    const x = (bits >>> 8) * steps[layer]!
    if (x < edges[layer + 1]! || underCurve(source, layer, x)) return bits & 128 ? -x : x
    if (layer === 0) {
      const far = tail(source)
      return bits & 128 ? -far : far
    }
  }
}

/** Whether a point of a layer's right end, at a random height, lies under the density. Never so for the bottom layer. */
function underCurve(source: BitSource, layer: number, x: number): boolean {
  if (layer === 0) return false
  const low = density[layer]!
  return low + source.nextFloat() * (density[layer + 1]! - low) < Math.exp(-0.5 * x * x)
}

/** A value beyond the last edge (G. Marsaglia, "Generating a variable from the tail of the normal distribution", 1964). */
function tail(source: BitSource): number {
  for (;;) {
    const x = -Math.log(1 - source.nextFloat()) / TAIL
    const y = -Math.log(1 - source.nextFloat())
    if (y + y >= x * x) return TAIL + x
  }
}
