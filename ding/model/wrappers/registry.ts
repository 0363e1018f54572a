import { globalRegistry, type RegisterOptions } from '../../registry/index.js'
import { fillArguments } from '../arguments.js'
import type { Model } from '../types.js'
import { ActionNoiseWrapper } from './action_noise.js'
import { BaseWrapper, ModelWrapper, type WrapperClass } from './base.js'
import { DeterministicSampleWrapper, ReparamSampleWrapper } from './continuous.js'
import * as discrete from './discrete.js'
import { HiddenStateWrapper } from './hidden_state.js'
import * as hybrid from './hybrid.js'
import { TargetWrapper } from './target.js'

declare module '../../registry/index.js' {
  interface RegistryTypes {
    model_wrapper: WrapperClass
  }
}

export const MODEL_WRAPPER_REGISTRY = globalRegistry('model_wrapper')

const own = {
  base: BaseWrapper,
  target: TargetWrapper,
  argmax_sample: discrete.ArgmaxSampleWrapper,
  multinomial_sample: discrete.MultinomialSampleWrapper,
  eps_greedy_sample: discrete.EpsGreedySampleWrapper,
  eps_greedy_multinomial_sample: discrete.EpsGreedyMultinomialSampleWrapper,
  combination_argmax_sample: discrete.CombinationArgmaxSampleWrapper,
  combination_multinomial_sample: discrete.CombinationMultinomialSampleWrapper,
  deterministic_sample: DeterministicSampleWrapper,
  reparam_sample: ReparamSampleWrapper,
  hybrid_argmax_sample: hybrid.HybridArgmaxSampleWrapper,
  hybrid_eps_greedy_sample: hybrid.HybridEpsGreedySampleWrapper,
  hybrid_eps_greedy_multinomial_sample: hybrid.HybridEpsGreedyMultinomialSampleWrapper,
  hybrid_reparam_multinomial_sample: hybrid.HybridReparamMultinomialSampleWrapper,
  hybrid_deterministic_argmax_sample: hybrid.HybridDeterministicArgmaxSampleWrapper,
  action_noise: ActionNoiseWrapper,
  hidden_state: HiddenStateWrapper,
} as const

type OwnWrappers = typeof own

for (const [name, kind] of Object.entries<WrapperClass>(own)) MODEL_WRAPPER_REGISTRY.register(name, kind)

/** Makes a wrapper class known by name. @throws RegistryError when the name is taken. */
export const register_wrapper: (name: string, kind: WrapperClass, options?: RegisterOptions) => WrapperClass =
  // Bound, not called from a function here, so that the registry notes the caller as the place of registration.
  MODEL_WRAPPER_REGISTRY.register.bind(MODEL_WRAPPER_REGISTRY)

/**
 * Wraps a model; wrappers stack, the outermost runs first and may work on what the inner ones give. A model that is not wrapped yet
 * gets `base` first. @throws RegistryError for an unknown name, ConfigError for wrong keyword arguments.
 */
export function modelWrap<N extends keyof OwnWrappers>(
  model: Model,
  name: N,
  kwargs?: Readonly<Record<string, unknown>>,
): InstanceType<OwnWrappers[N]>
export function modelWrap(
  model: Model,
  name: string,
  kwargs?: Readonly<Record<string, unknown>>,
): ModelWrapper
export function modelWrap(
  model: Model,
  name: string,
  kwargs: Readonly<Record<string, unknown>> = {},
): ModelWrapper {
  const kind = MODEL_WRAPPER_REGISTRY.get(name)
  const inner = name === 'base' || model instanceof ModelWrapper ? model : modelWrap(model, 'base')
  const wrapper = new kind(inner, fillArguments(kind.config, kwargs, `Wrapper "${name}"`) as never)
  wrapper.wrapperName = name
  return wrapper
}

/** DI-engine's name for {@link modelWrap}. */
export const model_wrap = modelWrap
