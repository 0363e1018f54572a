import type { ActorCriticModel } from '../../ding/model/index.js'
import type { HostTensor, StateTree } from '../../ding/utils/index.js'
import { checkWithin } from './adam_rounding.js'
import { type Comparison, FLOAT32_TOLERANCE, SMALLEST_SCALE } from './compare.js'
import type { GoldenCQL, Networks, Tensors } from './corl_cql_golden.js'
import { decode, type GoldenTensor, numbersOf } from './golden.js'
import { layerNumber, linearLayers } from './layers.js'
import type { Summary } from './summary.js'

/** How many times the effect of rounding alone a network may be off, where that is more than the usual tolerance. */
const ROUNDING_MARGIN = 4
/**
 * So many rows times units, and one of these is likely so near 0 (below 1e-7) that rounding says whether relu passes it. Whatever lies before such a
 * unit has another gradient for that row then, and Adam's first steps are lr g / (|g| + eps): an entry whose gradient is as small moves by up to lr.
 */
const MANY_UNITS = 2 ** 14
/** How many times the tolerance is what it is elsewhere, then: two digits less. */
const ROUGHLY = 100

/** Our names of CORL's tensors of one network. */
function named(network: string, tensors: Tensors): [string, GoldenTensor][] {
  const layers = Object.keys(tensors).filter((name) => /^base_network\..*weight$/.test(name)).length
  return Object.entries(tensors).map(([name, tensor]) => {
    if (network === 'actor') {
      const ours = name
        .replace(new RegExp(`^base_network\\.${2 * (layers - 1)}\\.`), 'head.last.')
        .replace(/^base_network\./, 'trunk.')
        .replace(/^(log_std_\w+)\.constant$/, 'head.$1')
      return [`actor.${ours}`, tensor]
    }
    const which = network.endsWith('1') ? 0 : 1
    const ours = name.replace(/^network\./, `q.${which}.`)
    return [network.startsWith('target') ? ours : `critic.${ours}`, tensor]
  })
}

const ONLINE = ['actor', 'critic_1', 'critic_2'] as const
const TARGETS = ['target_critic_1', 'target_critic_2'] as const

function tensorOf(from: Tensors | undefined): HostTensor | undefined {
  const value = from?.['constant']
  return value === undefined ? undefined : { ...decode(value), shape: [1] }
}

export function initialState(state: StateTree, init: Networks): StateTree {
  const given = new Map(ONLINE.flatMap((network) => named(network, init[network])))
  const targets = new Map(TARGETS.flatMap((network) => named(network, init[network] ?? {})))
  const filled = (part: unknown, prefix: string, first?: ReadonlyMap<string, GoldenTensor>) =>
    Object.fromEntries(
      Object.entries(part as Record<string, HostTensor>).map(([name, { shape }]) => {
        const tensor = first?.get(name) ?? given.get(prefix + name)
        if (tensor === undefined) throw new Error(`The recording has no ${prefix}${name}.`)
        return [name, { ...decode(tensor), shape }]
      }),
    )
  const started = (part: unknown, value: HostTensor | undefined) => {
    const own = part as StateTree | undefined
    return own === undefined || value === undefined || own['value'] === undefined ? own : { ...own, value }
  }
  const lagrange = started(state['lagrange'], tensorOf(init.log_alpha_prime))
  return {
    ...state,
    model: filled(state['model'], ''),
    target_model: filled(state['target_model'], 'critic.', targets),
    entropy: started(state['entropy'], tensorOf(init.log_alpha)) as StateTree,
    ...(lagrange && { lagrange }),
  }
}

/** The scale to compare a tensor of a network by: one at which the margin over rounding is the tolerance. */
export function scalesOf(
  golden: GoldenCQL,
  update: number,
): (network: string, tensor: GoldenTensor | Summary) => number {
  const noise = golden.f32_vs_f64_max_abs_diff?.[update]
  return (network, tensor) => {
    const measured = ((noise?.[network] ?? 0) * ROUNDING_MARGIN) / FLOAT32_TOLERANCE
    return Math.max(measured, roughScale(golden, tensor))
  }
}

/** 0, but for networks of {@link MANY_UNITS}. */
function roughScale({ batch, init }: GoldenCQL, tensor: GoldenTensor | Summary): number {
  const rows = batch.obs.shape[0] as number
  if (rows * sizesOf(init.critic_1, 'network').width < MANY_UNITS) return 0
  return ROUGHLY * Math.max(largest(tensor), SMALLEST_SCALE)
}

export function compareNetworks(
  to: Comparison,
  what: string,
  state: StateTree,
  networks: Networks,
  least: (network: string, tensor: GoldenTensor | Summary) => number,
  allowed: Partial<Record<'params' | 'targets', ReadonlyMap<string, Float64Array> | undefined>>,
): void {
  const model = state['model'] as Record<string, HostTensor>
  const target = state['target_model'] as Record<string, HostTensor>
  for (const network of ONLINE)
    for (const [name, tensor] of named(network, networks[network]))
      checkWithin(
        to,
        `${what} ${name}`,
        model[name]?.data,
        tensor,
        least(network, tensor),
        allowed.params?.get(name),
      )
  for (const network of TARGETS)
    for (const [name, tensor] of named(network, networks[network] ?? {}))
      checkWithin(
        to,
        `${what} target ${name}`,
        target[name]?.data,
        tensor,
        least(network, tensor),
        allowed.targets?.get(`critic.${name}`),
      )
  const pairs = [
    ['entropy', networks.log_alpha],
    ['lagrange', networks.log_alpha_prime],
  ] as const
  for (const [part, expected] of pairs) {
    const value = (state[part] as StateTree | undefined)?.['value'] as HostTensor | undefined
    if (value !== undefined && expected !== undefined)
      to.check(`${what} ${part}`, value.data, numbersOf(expected['constant']))
  }
}

/**
 * Gradients of the first update. In those of a critic's last layer two sums of the size of the conservative weight, over drawn actions and over
 * the data's, all but cancel: they are held to the digits of the sums, of which a tenth is left at most. So are those of the scale and offset of the actor's log standard deviations, where the density gives each
 * action's dimension a gradient of alpha, which the rest of the loss (in `bc_steps` the other density) all but cancels.
 */
export function compareGradients(
  to: Comparison,
  runtime: string,
  model: ActorCriticModel,
  golden: GoldenCQL,
  noise?: ReadonlyMap<string, Float64Array>,
): void {
  const { grads_update_1 = {}, config, dims } = golden
  const own = new Map(model.namedParameters())
  const weight = Math.abs(Number(config['cql_alpha'] ?? 10))
  for (const network of ONLINE) {
    const tensors = grads_update_1[network] ?? {}
    const last = Math.max(...Object.keys(tensors).map(layerNumber))
    for (const [name, tensor] of Object.entries(tensors)) {
      const [ours] = named(network, { ...golden.init[network], [name]: tensor }).find(
        ([, t]) => t === tensor,
      )!
      const parameter = own.get(ours)
      const spread = network === 'actor' && name.startsWith('log_std_')
      const cancels = network !== 'actor' && layerNumber(name) === last
      const least =
        (spread ? dims.act * Math.abs(Number(config['alpha_multiplier'] ?? 1)) : cancels ? weight : 0) / 10
      const scale = Math.max(least, roughScale(golden, tensor))
      checkWithin(to, `${runtime} gradient of ${ours}`, parameter?.grad, tensor, scale, noise?.get(ours))
    }
  }
}

/** The largest magnitude, of those that are written down. */
function largest(tensor: GoldenTensor | Summary): number {
  const values = 'first8' in tensor ? tensor.first8 : tensor.data
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
}

/** Numbers of hidden layers and their width, from the names and shapes of a network's tensors. */
export function sizesOf(tensors: Tensors, prefix: string): { layers: number; width: number } {
  const layers = linearLayers(tensors, new RegExp(`^${prefix}\\.(\\d+)\\.weight$`))
  return { layers: layers.length - 1, width: layers[0]!.shape[0]! }
}
