import { Adam, Parameter, ParameterArena, polyakUpdate, RandomStream } from 'ding'
import { type Figure, timePerCall } from './measure.js'

const SIZE = 1_000_000

/** Host passes over a million parameters, and random numbers. */
export async function hostFigures(): Promise<Figure[]> {
  const random = RandomStream.fromSeed(0)
  const make = (name: string) => new Parameter([SIZE], true, random.normal(SIZE), name)
  const [weights, target] = [make('weights'), make('target')]
  ParameterArena.pack([weights])
  ParameterArena.pack([target])
  weights.grad.set(random.normal(SIZE))
  const adam = new Adam([weights], { lr: 1e-3 })
  const normals = new Float32Array(100_000)
  return [
    await timePerCall('adam', 'ns', 20, () => adam.step(), { per: SIZE }),
    await timePerCall('polyak', 'ns', 20, () => polyakUpdate([target], [weights], 0.005), { per: SIZE }),
    await timePerCall('normals_100k', 'ms', 20, () => random.normal(normals)),
  ]
}
