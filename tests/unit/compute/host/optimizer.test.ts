import { describe, expect, it } from 'vitest'
import {
  Adam,
  type AdamOptions,
  AdamW,
  type Optimizer,
  ParameterArena,
  RandomStream,
  RMSprop,
  type RMSpropOptions,
  SGD,
  type SGDOptions,
} from '../../../../ding/compute/host/index.js'
import { Parameter } from '../../../../ding/compute/parameter.js'
import {
  CheckpointError,
  ConfigError,
  type HostTensor,
  type StateTree,
  UsageError,
} from '../../../../ding/utils/index.js'

function network(seed = 1): Parameter[] {
  const random = RandomStream.fromSeed(seed)
  return [[3, 5], [3], [2, 3], []].map((shape, i) => {
    const size = shape.reduce((a, b) => a * b, 1)
    return new Parameter(shape, true, random.normal(size), `layer.${i}`)
  })
}

/** Gradients for one step; the same for the same step whatever the layout. */
function fillGradients(params: readonly Parameter[], step: number): void {
  const random = RandomStream.fromSeed(1000 + step)
  for (const parameter of params) {
    random.normal(parameter.grad)
    for (let i = 0; i < parameter.size; i++) parameter.grad[i]! *= 0.1 * (1 + step)
  }
}

function train(optimizer: Optimizer, steps: number, from = 0): number[] {
  for (let i = from; i < from + steps; i++) {
    fillGradients(optimizer.params, i)
    optimizer.step()
  }
  return optimizer.params.flatMap((parameter) => Array.from(parameter.data))
}

type Update = (x: number, g: number, t: number, memory: Record<string, number>) => number

/** Trains every element by itself with a formula in float64. */
function reference(steps: number, update: Update): number[] {
  const params = network()
  const values = params.map((parameter) => Array.from(parameter.data))
  const memories = params.map((parameter) => Array.from(parameter.data, () => ({}) as Record<string, number>))
  for (let t = 0; t < steps; t++) {
    fillGradients(params, t)
    params.forEach((parameter, j) => {
      for (let i = 0; i < parameter.size; i++) {
        values[j]![i] = update(values[j]![i]!, parameter.grad[i]!, t + 1, memories[j]![i]!)
      }
    })
  }
  return values.flat()
}

function expectClose(got: readonly number[], expected: readonly number[], tolerance = 2e-6): void {
  expect(got).toHaveLength(expected.length)
  got.forEach((x, i) => {
    expect(Math.abs(x - expected[i]!)).toBeLessThan(tolerance * Math.max(1, Math.abs(expected[i]!)))
  })
}

/** torch.optim.Adam and AdamW, from the algorithm in their documentation. */
function adamFormula(options: AdamOptions, decoupled: boolean): Update {
  const {
    lr = 1e-3,
    betas = [0.9, 0.999],
    eps = 1e-8,
    weight_decay = decoupled ? 0.01 : 0,
    amsgrad,
  } = options
  return (before, gradient, t, s) => {
    const x = decoupled ? before - lr * weight_decay * before : before
    const g = decoupled ? gradient : gradient + weight_decay * before
    s.m = betas[0] * (s.m ?? 0) + (1 - betas[0]) * g
    s.v = betas[1] * (s.v ?? 0) + (1 - betas[1]) * g * g
    s.top = Math.max(s.top ?? 0, s.v)
    const v = (amsgrad ? s.top : s.v) / (1 - betas[1] ** t)
    return x - (lr * (s.m / (1 - betas[0] ** t))) / (Math.sqrt(v) + eps)
  }
}

function sgdFormula({
  lr = 1e-3,
  momentum = 0,
  dampening = 0,
  weight_decay = 0,
  nesterov,
}: SGDOptions): Update {
  return (x, gradient, t, s) => {
    const g = gradient + weight_decay * x
    if (momentum === 0) return x - lr * g
    s.b = t === 1 ? g : momentum * s.b! + (1 - dampening) * g
    return x - lr * (nesterov ? g + momentum * s.b : s.b)
  }
}

function rmspropFormula(options: RMSpropOptions): Update {
  const { lr = 1e-2, alpha = 0.99, eps = 1e-8, weight_decay = 0, momentum = 0, centered } = options
  return (x, gradient, _t, s) => {
    const g = gradient + weight_decay * x
    s.v = alpha * (s.v ?? 0) + (1 - alpha) * g * g
    s.c = alpha * (s.c ?? 0) + (1 - alpha) * g
    const step = g / (Math.sqrt(centered ? s.v - s.c ** 2 : s.v) + eps)
    if (momentum === 0) return x - lr * step
    s.b = momentum * (s.b ?? 0) + step
    return x - lr * s.b
  }
}

type Make = (params: Parameter[]) => Optimizer
const CASES: [string, Make, Update][] = []
const adams: AdamOptions[] = [
  {},
  { lr: 0.02, weight_decay: 0.1 },
  { lr: 0.01, amsgrad: true, betas: [0.8, 0.7] },
]
adams.push(
  { lr: 0.01, betas: [0.3, 0.9], eps: 1e-2 },
  { lr: 0.1, weight_decay: 0.05, amsgrad: true, betas: [0.9, 0.5] },
)
for (const o of adams) {
  CASES.push([`Adam ${JSON.stringify(o)}`, (p) => new Adam(p, o), adamFormula(o, false)])
  CASES.push([`AdamW ${JSON.stringify(o)}`, (p) => new AdamW(p, o), adamFormula(o, true)])
}
const sgds: SGDOptions[] = [{ lr: 0.1 }, { lr: 0.1, weight_decay: 0.2 }, { lr: 0.1, momentum: 0.9 }]
sgds.push(
  { lr: 0.05, momentum: 0.8, nesterov: true, weight_decay: 0.1 },
  { lr: 0.1, momentum: 0.9, dampening: 0.3 },
)
for (const o of sgds) CASES.push([`SGD ${JSON.stringify(o)}`, (p) => new SGD(p, o), sgdFormula(o)])
const props: RMSpropOptions[] = [
  {},
  { momentum: 0.9 },
  { centered: true, alpha: 0.9, eps: 1e-3, weight_decay: 0.1 },
]
props.push({ centered: true, momentum: 0.5, alpha: 0.4, eps: 1e-2 })
for (const o of props)
  CASES.push([`RMSprop ${JSON.stringify(o)}`, (p) => new RMSprop(p, o), rmspropFormula(o)])

describe('optimizers', () => {
  for (const [name, make, formula] of CASES) {
    it(`${name}: follows the formula in float64, and packing changes no bit`, () => {
      const apart = train(make(network()), 30)
      expectClose(apart, reference(30, formula), 2e-5)
      const packed = network()
      ParameterArena.pack(packed)
      expect(train(make(packed), 30)).toEqual(apart)
    })

    it(`${name}: continues bit for bit from its state, in another layout too`, () => {
      const params = network()
      ParameterArena.pack(params)
      const first = make(params)
      train(first, 7)
      const state = first.stateDict()
      const values = params.map((parameter) => parameter.toHostTensor())
      const expected = train(first, 5, 7)

      const resumed = network(2)
      resumed.forEach((parameter, i) => {
        parameter.set(values[i]!.data)
      })
      const second = make(resumed)
      second.lr = 123
      second.loadStateDict(state)
      expect(second.lr).toBe(first.lr)
      expect(second.steps).toBe(7)
      expect(train(second, 5, 7)).toEqual(expected)
    })
  }

  it('take the first Adam step of size lr against the sign of the gradient', () => {
    const parameter = new Parameter([3], true, Float32Array.of(1, 1, 1))
    const optimizer = new Adam([parameter], { lr: 0.5 })
    parameter.grad.set([4, -0.001, 0])
    optimizer.step()
    expectClose(Array.from(parameter.data), [0.5, 1.5, 1], 1e-4)
  })

  it('follow parameters that are packed after some steps', () => {
    const params = network()
    const optimizer = new Adam(params, { amsgrad: true })
    train(optimizer, 5)
    ParameterArena.pack([...params].reverse())
    train(optimizer, 3, 5)
    ParameterArena.pack(params)
    expect(train(optimizer, 2, 8)).toEqual(train(new Adam(network(), { amsgrad: true }), 10))
  })

  it('change a subset of an arena only', () => {
    const params = network()
    const arena = ParameterArena.pack(params)
    const before = arena.data.slice()
    const chosen = [params[0]!, params[1]!, params[3]!]
    arena.grad.fill(1)
    new SGD(chosen, { lr: 1 }).step()
    const expected = before.map((x, i) => (i < 18 || i === 24 ? x - 1 : x))
    expect(arena.data).toEqual(expected)
  })

  it('use the learning rate of the moment', () => {
    const parameter = new Parameter([], true)
    const optimizer = new SGD([parameter], { lr: 1 })
    parameter.grad[0] = -1
    optimizer.step()
    optimizer.lr = 0.25
    optimizer.step()
    expect(parameter.data[0]).toBe(1.25)
    expect(() => {
      optimizer.lr = Number.NaN
    }).toThrow(UsageError)
  })

  it('refuse senseless arguments', () => {
    const params = network()
    expect(() => new Adam([])).toThrow(/no parameters/)
    expect(() => new Adam([new Parameter([1], false, undefined, 'mean')])).toThrow(
      /"mean", which is not trainable/,
    )
    expect(() => new Adam(params, { betas: [1, 0.9] })).toThrow(UsageError)
    expect(() => new Adam(params, { lr: -1 })).toThrow(UsageError)
    expect(() => new SGD(params, { nesterov: true })).toThrow(UsageError)
    expect(() => new RMSprop(params, { alpha: 1 })).toThrow(UsageError)
  })
})

describe('state dicts', () => {
  it('hold arrays by parameter name as copies, and survive shared names', () => {
    const params = network()
    const optimizer = new Adam(params)
    train(optimizer, 1)
    const { state, step } = optimizer.stateDict() as {
      state: Record<string, Record<string, HostTensor>>
      step: number
    }
    expect(step).toBe(1)
    expect(Object.keys(state)).toEqual(['layer.0', 'layer.1', 'layer.2', 'layer.3'])
    expect(state['layer.0']!.exp_avg!.shape).toEqual([3, 5])
    const held = state['layer.0']!.exp_avg!.data.slice()
    expect(held.some((x) => x !== 0)).toBe(true)
    train(optimizer, 1)
    expect(state['layer.0']!.exp_avg!.data).toEqual(held)
    const same = [new Parameter([1], true, undefined, 'w'), new Parameter([1], true, undefined, 'w')]
    expect(Object.keys(new Adam(same).stateDict().state as object)).toEqual(['0:w', '1:w'])
  })

  it('that do not fit are refused with the reason, and change nothing', () => {
    const optimizer = new Adam(network(), { amsgrad: true })
    train(optimizer, 2)
    const good = optimizer.stateDict()
    const state = good.state as StateTree
    const { 'layer.2': _, ...missing } = state
    const short = { dtype: 'float32', shape: [1], data: new Float32Array(1) } as HostTensor
    const bad: [StateTree, RegExp][] = [
      [new SGD(network()).stateDict(), /state of "SGD", but the optimizer is Adam/],
      [{ optimizer: 'Adam', step: 1 }, /lacks/],
      [new Adam(network()).stateDict(), /no float32 "max_exp_avg_sq" for parameter "layer.0"/],
      [{ ...good, state: missing }, /parameter "layer.2"/],
      [{ ...good, state: { ...state, other: {} } }, /"other"/],
      [
        {
          ...good,
          state: { ...state, 'layer.3': { exp_avg: short, exp_avg_sq: short, max_exp_avg_sq: short } },
        },
        /shape \[1\], but the parameter has \[\]/,
      ],
    ]
    for (const [tree, reason] of bad) {
      expect(() => optimizer.loadStateDict(tree)).toThrow(CheckpointError)
      expect(() => optimizer.loadStateDict(tree)).toThrow(reason)
    }
    expect(optimizer.stateDict()).toEqual(good)
  })
})

describe('clipping inside a step', () => {
  const clipped = (options: AdamOptions, grads: number[][]): number[] => {
    const parameter = new Parameter([grads[0]!.length], true)
    const optimizer = new Adam([parameter], options)
    for (const grad of grads) {
      parameter.grad.set(grad)
      optimizer.step()
    }
    return Array.from(parameter.grad)
  }

  it('clip_value limits elements, clip_norm the norm', () => {
    expect(clipped({ grad_clip_type: 'clip_value', clip_value: 0.5 }, [[2, -3, 0.25]])).toEqual([
      0.5, -0.5, 0.25,
    ])
    expectClose(clipped({ grad_clip_type: 'clip_norm', clip_value: 1 }, [[3, 4]]), [0.6, 0.8], 1e-6)
    expectClose(
      clipped({ grad_clip_type: 'clip_norm', clip_value: 1, clip_norm_type: 1 }, [[3, -1]]),
      [0.75, -0.25],
      1e-6,
    )
    expect(clipped({ grad_clip_type: 'clip_norm', clip_value: 6 }, [[3, 4]])).toEqual([3, 4])
  })

  // v after ones and a jump to x: beta2 v_n + (1 - beta2) x^2, divided by 1 - beta2^(n+1).
  const root = (n: number, x: number, beta2 = 0.9) =>
    Math.sqrt((beta2 * (1 - beta2 ** n) + (1 - beta2) * x * x) / (1 - beta2 ** (n + 1)))
  const momentum: AdamOptions = { betas: [0.9, 0.9], clip_coef: 2, clip_momentum_timestep: 10 }
  const ones = (n: number) => Array.from({ length: n }, () => [1, 1])

  it('clip_momentum limits elements to a multiple of their running root mean square and keeps the sign', () => {
    const options: AdamOptions = { ...momentum, grad_clip_type: 'clip_momentum' }
    expectClose(clipped(options, [...ones(20), [-50, 1]]), [-2 * root(20, 50), 1], 1e-5)
    expect(clipped(options, [...ones(9), [-50, 1]])).toEqual([-50, 1])
    expect(clipped(options, [...ones(10), [-50, 1]])[0]).toBeGreaterThan(-50)
  })

  it('clip_momentum_norm limits the norm to a multiple of the running one', () => {
    const options: AdamOptions = { ...momentum, grad_clip_type: 'clip_momentum_norm' }
    const factor = (2 * Math.hypot(root(20, 50), root(20, 1))) / Math.hypot(50, 1)
    expectClose(clipped(options, [...ones(20), [-50, 1]]), [-50 * factor, factor], 1e-5)
    expect(clipped(options, [...ones(9), [-50, 1]])).toEqual([-50, 1])
  })

  it('resumes with its running mean', () => {
    const make = (p: Parameter[]) =>
      new RMSprop(p, { grad_clip_type: 'clip_momentum', clip_momentum_timestep: 2, clip_coef: 1 })
    const [a, b] = [network(), network()]
    const expected = train(make(a), 12)
    const first = make(b)
    train(first, 6)
    const second = make(b)
    second.loadStateDict(first.stateDict())
    expect(train(second, 6, 6)).toEqual(expected)
    expect(expected).not.toEqual(train(new RMSprop(network()), 12))
  })

  it('refuses what it cannot do', () => {
    const params = network()
    expect(() => new Adam(params, { grad_clip_type: 'clip_value' })).toThrow(/needs clip_value/)
    expect(() => new SGD(params, { grad_clip_type: 'clip_momentum' })).toThrow(ConfigError)
    const wrong = { grad_clip_type: 'clip' } as unknown as AdamOptions
    expect(() => new Adam(params, wrong)).toThrow(/must be null or one of clip_value/)
  })
})
