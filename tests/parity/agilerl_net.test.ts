import { expect, test } from 'vitest'
import { createModel, RandomTree } from '../../ding/index.js'
import { modelOf } from './agilerl_net.js'

const linear = (name: string, ...shape: number[]) => ({ name, type: 'Linear', shape })
const layerNorm = (name: string, size: number, affine = true) => ({
  name,
  type: 'LayerNorm',
  affine,
  size: [size],
})
const activation = (name: string, type: string) => ({ name, type })

const head = [
  linear('head_net.model.value_linear_layer_1', 10, 8),
  layerNorm('head_net.model.value_layer_norm_1', 10),
  activation('head_net.model.value_activation_1', 'ReLU'),
  linear('head_net.model.value_linear_layer_output', 3, 10),
  activation('head_net.model.value_activation_output', 'Identity'),
]

const mlp = [
  linear('encoder.model.encoder_linear_layer_1', 16, 4),
  layerNorm('encoder.model.encoder_layer_norm_1', 16),
  activation('encoder.model.encoder_activation_1', 'Tanh'),
  linear('encoder.model.encoder_linear_layer_output', 8, 16),
  activation('encoder.model.encoder_activation_output', 'Identity'),
]

const block = (i: number) => [
  layerNorm(`encoder.model.encoder_residual_block_${i}.layer_norm`, 6),
  linear(`encoder.model.encoder_residual_block_${i}.linear1`, 18, 6),
  linear(`encoder.model.encoder_residual_block_${i}.linear2`, 6, 18),
]

const simba = [
  linear('encoder.model.encoder_linear_layer_input', 6, 4),
  ...block(1),
  ...block(2),
  layerNorm('encoder.model.encoder_layer_norm_output', 6),
  linear('encoder.model.encoder_linear_layer_output', 8, 6),
  activation('encoder.model.encoder_activation_output', 'ReLU'),
]

test.each([
  ['an MLP', mlp],
  ['SimBa blocks', simba],
])('%s is built as it is listed', (_what, encoder) => {
  const net = [...encoder, ...head]
  const config = modelOf(net, { shape: [5, 4] }, 4, false)
  const model = createModel(
    { type: 'agilerl_q', ...(config as Record<string, unknown>) },
    { random: RandomTree.fromSeed(0).stream('model') },
  )
  const listed = net.flatMap(({ name, type, ...rest }) => {
    if (type === 'Linear')
      return [
        [`${name}.weight`, (rest as { shape: number[] }).shape],
        [`${name}.bias`, (rest as { shape: number[] }).shape.slice(0, 1)],
      ]
    return type === 'LayerNorm'
      ? ['weight', 'bias'].map((part) => [`${name}.${part}`, (rest as { size: number[] }).size])
      : []
  })
  expect(model.parameters().map(({ name, shape }) => [name, [...shape]])).toEqual(listed)
})
