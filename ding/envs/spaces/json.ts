import { didYouMean, EnvError } from '../../utils/index.js'
import { Box, type BoxDType } from './box.js'
import { Dict, Tuple } from './composite.js'
import { Discrete } from './discrete.js'
import { MultiBinary, MultiDiscrete } from './multi.js'
import { describeValue, type Space } from './space.js'

const KINDS = ['Discrete', 'Box', 'MultiDiscrete', 'MultiBinary', 'Dict', 'Tuple']

function bound(value: unknown): number | number[] {
  return Array.isArray(value) ? value.map(Number) : Number(value)
}

function numbers(value: unknown, what: string): number[] {
  if (!Array.isArray(value))
    throw new EnvError(`spaceFromJSON: ${what} is ${describeValue(value)}, expected an array`)
  return value.map(Number)
}

/** Builds a space from what `space.toJSON()` returned, or from the same JSON read from a file. */
export function spaceFromJSON(json: unknown): Space {
  if (typeof json !== 'object' || json === null) {
    throw new EnvError(`spaceFromJSON: got ${describeValue(json)}, expected an object with a "type"`)
  }
  const fields = json as Record<string, unknown>
  switch (fields['type']) {
    case 'Discrete':
      return new Discrete(Number(fields['n']), Number(fields['start'] ?? 0))
    case 'Box': {
      const shape = numbers(fields['shape'], 'the shape of a Box')
      const dtype = fields['dtype'] === 'float64' ? 'float32' : (fields['dtype'] ?? 'float32')
      return new Box(bound(fields['low']), bound(fields['high']), shape, dtype as BoxDType)
    }
    case 'MultiDiscrete': {
      const start =
        fields['start'] === undefined ? undefined : numbers(fields['start'], 'the start of a MultiDiscrete')
      return new MultiDiscrete(numbers(fields['nvec'], 'nvec'), start)
    }
    case 'MultiBinary':
      return new MultiBinary(numbers(fields['shape'], 'the shape of a MultiBinary'))
    case 'Tuple': {
      if (!Array.isArray(fields['spaces']))
        throw new EnvError('spaceFromJSON: the spaces of a Tuple are not an array')
      return new Tuple(fields['spaces'].map(spaceFromJSON))
    }
    case 'Dict': {
      const spaces = fields['spaces']
      if (typeof spaces !== 'object' || spaces === null) {
        throw new EnvError(
          `spaceFromJSON: the spaces of a Dict are ${describeValue(spaces)}, expected a record`,
        )
      }
      return new Dict(
        Object.fromEntries(Object.entries(spaces).map(([key, part]) => [key, spaceFromJSON(part)])),
      )
    }
    default: {
      const type = String(fields['type'])
      throw new EnvError(
        `spaceFromJSON: unknown space type "${type}".${didYouMean(type, KINDS)} Known: ${KINDS.join(', ')}`,
      )
    }
  }
}
