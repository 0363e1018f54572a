import { ACTIVATION_NAMES, TORCH_ACTIVATIONS } from '../../nn/index.js'
import { ent_coef, sde_sample_freq, target_entropy } from '../../policy/index.js'
import { ConfigError, didYouMean } from '../../utils/index.js'
import type { ArgumentDefinitions, ConfigSetting } from '../arguments.js'
import { action_noise } from '../noise.js'
import { hasImages, isRecordSpace, natureCnn } from '../spaces.js'

/** How much is collected between updates: a number of steps of every environment, or [n, 'step' | 'episode']. */
export type TrainFreq = number | readonly [count: number, unit: 'step' | 'episode']

/** Format of `train_freq`. @throws Error saying what is wrong */
export function train_freq(value: unknown): value is TrainFreq {
  const [count, unit] = Array.isArray(value) ? value : [value, 'step']
  if (Number.isSafeInteger(count) && count > 0 && (unit === 'step' || unit === 'episode')) return true
  throw new ConfigError("Give a whole number of steps above 0, or [n, 'step'], or [n, 'episode'].")
}

/** Format of `gradient_steps`. @throws Error saying what is wrong */
export function gradient_steps(value: unknown): value is number {
  if (Number.isSafeInteger(value) && (value as number) >= -1) return true
  throw new ConfigError('Give a whole number of at least 0, or -1 for as many as steps were collected.')
}

/** Format of `optimizer_kwargs`: the arguments of torch's Adam that there are here. @throws Error saying what is wrong */
export function optimizer_kwargs(value: unknown): value is {
  readonly betas?: readonly number[]
  readonly eps?: number
  readonly weight_decay?: number
  readonly amsgrad?: boolean
} {
  if (typeof value !== 'object' || value === null)
    throw new ConfigError('Give {betas, eps, weight_decay, amsgrad}.')
  const known = ['betas', 'eps', 'weight_decay', 'amsgrad']
  const odd = Object.keys(value).find((key) => !known.includes(key))
  if (odd === undefined) return true
  throw new ConfigError(`There is no "${odd}".${didYouMean(odd, known)} There are ${known.join(', ')}.`)
}

/** Format of `features_extractor_kwargs`. @throws Error saying what is wrong */
export function no_kwargs(value: unknown): value is Readonly<Record<string, never>> {
  if (typeof value === 'object' && value !== null && Object.keys(value).length === 0) return true
  throw new ConfigError('Give {} or leave it out: the extractor is chosen by the observation space.')
}

/** The policy's keys for torch's arguments of Adam. */
export function optimizerConfig(kwargs: Readonly<Record<string, unknown>> | null): Record<string, unknown> {
  const names: Readonly<Record<string, string>> = { betas: 'optimizer_betas', eps: 'optimizer_eps' }
  return Object.fromEntries(Object.entries(kwargs ?? {}).map(([key, value]) => [names[key] ?? key, value]))
}

/** Arguments of every agent. */
export const commonArguments = {
  policy: {
    doc: "SB3's name of the network. Only images as the one observation of an agent with continuous actions need it: 'CnnPolicy' puts NatureCNN before the layers, 'MlpPolicy' flattens. Otherwise the observation space chooses.",
    format: ['MlpPolicy', 'CnnPolicy', 'MultiInputPolicy'],
    default: 'MlpPolicy',
  },
  n_envs: {
    doc: "Environments that are stepped together (SB3's make_vec_env).",
    format: 'positive_int',
    default: 1,
  },
  stats_window_size: {
    doc: 'Episodes that the logged means of returns and lengths are over.',
    format: 'positive_int',
    default: 100,
  },
  tensorboard_log: {
    doc: 'Folder below which each agent writes its TensorBoard events, metrics and config. null: nothing is written.',
    format: 'string',
    default: null,
    nullable: true,
  },
  verbose: {
    doc: '0: silent; 1: progress and statistics; 2: the tables of learner and collector too.',
    format: [0, 1, 2],
    default: 0,
  },
  seed: {
    doc: 'Root of all random streams. null: a random one.',
    format: 'nonnegative_int',
    default: null,
    nullable: true,
  },
  device: {
    doc: "'cuda': a GPU, through ONNX Runtime. 'auto' and 'cpu': the CPU.",
    format: ['auto', 'cpu', 'cuda'],
    default: 'auto',
  },
  _init_setup_model: {
    doc: 'Has no effect: networks are built when they are first needed.',
    format: 'boolean',
    default: true,
  },
} as const satisfies ArgumentDefinitions

/** n-step targets. */
export const nStepsArgument = {
  n_steps: {
    doc: 'Rewards in a target before it bootstraps.',
    format: 'positive_int',
    default: 1,
    to: 'nstep',
  },
} as const satisfies ArgumentDefinitions

/** Arguments of agents that collect into a replay buffer. */
export const offPolicyArguments = {
  ...commonArguments,
  learning_rate: {
    doc: 'Learning rate of all networks; a number, or a function of the remaining progress.',
    format: 'nonnegative_number',
    default: 3e-4,
  },
  buffer_size: {
    doc: 'Transitions in the replay buffer, of all environments together.',
    format: 'positive_int',
    default: 1_000_000,
    to: 'other.replay_buffer.replay_buffer_size',
  },
  learning_starts: {
    doc: 'Env steps with random actions before anything is learned.',
    format: 'nonnegative_int',
    default: 100,
    to: 'random_collect_size',
  },
  batch_size: {
    doc: 'Transitions in one update.',
    format: 'positive_int',
    default: 256,
    to: 'learn.batch_size',
  },
  train_freq: {
    doc: "What is collected between updates: n steps of every environment, or [n, 'episode'].",
    format: train_freq,
    default: 1,
    becomes: 'collect.n_sample',
  },
  gradient_steps: {
    doc: 'Updates after each collect; -1: as many as env steps were taken; 0: none.',
    format: gradient_steps,
    default: 1,
    becomes: 'learn.update_per_collect',
  },
  replay_buffer_class: {
    doc: "'ReplayBuffer', 'HerReplayBuffer', 'PrioritizedReplayBuffer', or a registered type of ding ('naive', 'her', 'advanced', ...). null: uniform.",
    format: 'string',
    default: null,
    nullable: true,
  },
  replay_buffer_kwargs: {
    doc: 'Keys of the replay buffer (n_sampled_goal, goal_selection_strategy, ...). handle_timeout_termination may be among them: time limits are always bootstrapped through.',
    format: 'any_record',
    default: {},
  },
  optimize_memory_usage: { doc: 'Keep no second copy of observations.', format: 'boolean', default: false },
  ...nStepsArgument,
} as const satisfies ArgumentDefinitions

/** Arguments of off-policy agents with a continuous actor. */
export const actorCriticArguments = {
  ...offPolicyArguments,
  gamma: { doc: 'Discount factor.', format: 'unit_interval', default: 0.99, to: 'learn.discount_factor' },
  action_noise: {
    doc: 'Noise on collected actions: NormalActionNoise, OrnsteinUhlenbeckActionNoise, or {type, sigma, ...}. null: none.',
    format: action_noise,
    default: null,
    nullable: true,
    becomes: ['collect.noise_type', 'collect.noise_sigma'],
  },
} as const satisfies ArgumentDefinitions

/** The soft update of target networks. */
export const tauArgument = {
  tau: {
    doc: 'Share of the online networks in each target update.',
    format: 'unit_interval',
    default: 0.005,
    to: 'learn.target_theta',
  },
} as const satisfies ArgumentDefinitions

/** Clipped noise on the actions of a target; none where sigma is 0. */
export const targetNoise = {
  sigma: {
    doc: "Standard deviation of the noise on the target's actions.",
    format: 'nonnegative_number',
    default: 0.2,
    to: 'learn.noise_sigma',
  },
  bound: {
    doc: 'Bound of that noise.',
    format: 'nonnegative_number',
    default: 0.5,
    to: 'learn.noise_range',
    convert: (bound: number) => ({ min: -bound, max: bound }),
  },
} as const satisfies ArgumentDefinitions

/** The entropy coefficient of agents with a stochastic actor. */
export const entropyArguments = {
  ent_coef: {
    doc: "Entropy coefficient: a number, 'auto', or 'auto_0.1' (adjusted, from 0.1 on).",
    format: ent_coef,
    default: 'auto',
    to: 'learn.ent_coef',
  },
  target_entropy: {
    doc: "Entropy that it is adjusted towards. 'auto': minus the number of action dimensions.",
    format: target_entropy,
    default: 'auto',
    to: 'learn.target_entropy',
  },
} as const satisfies ArgumentDefinitions

/** The same, and state-dependent noise. */
export const stochasticArguments = {
  ...entropyArguments,
  use_sde: {
    doc: 'Explore by state-dependent noise (gSDE).',
    format: 'boolean',
    default: false,
    to: 'model.use_sde',
  },
  sde_sample_freq: {
    doc: 'gSDE: new noise weights every so many steps, at least 1; -1: at the start of each collect.',
    format: sde_sample_freq,
    default: -1,
    to: 'collect.sde_sample_freq',
  },
  use_sde_at_warmup: {
    doc: 'gSDE also before learning_starts, instead of random actions.',
    format: 'boolean',
    default: false,
  },
} as const satisfies ArgumentDefinitions

const networkKwargs = {
  activation_fn: {
    doc: "torch's name of the activation of hidden layers, or ding's.",
    format: [...Object.keys(TORCH_ACTIVATIONS), ...ACTIVATION_NAMES],
    default: 'ReLU',
    to: 'model.activation',
    convert: (name: string) => TORCH_ACTIVATIONS[name] ?? name,
  },
  features_extractor_class: {
    doc: "Only null: observations are flattened, images and Dict parts encoded, as the space says. Another: a model of one's own.",
    format: [null],
    default: null,
  },
  features_extractor_kwargs: {
    doc: 'Only empty, as there is no other extractor.',
    format: no_kwargs,
    default: null,
    nullable: true,
  },
  normalize_images: { doc: 'Divide raw uint8 images by 255.', format: 'boolean', default: true },
  optimizer_class: {
    doc: "'Adam' or 'AdamW'.",
    format: ['Adam', 'AdamW'],
    default: 'Adam',
    to: 'learn.optimizer_type',
    convert: (name: string) => name.toLowerCase(),
  },
  optimizer_kwargs: {
    doc: "Arguments of Adam beside the learning rate: betas, eps, weight_decay, amsgrad. null: SB3's.",
    format: optimizer_kwargs,
    default: null,
    nullable: true,
  },
} as const satisfies ArgumentDefinitions

/** policy_kwargs of agents with a continuous actor. */
export const actorCriticKwargs = {
  net_arch: {
    doc: 'Hidden widths: one list, or {pi: [...], qf: [...]}.',
    format: net_arch_of,
    default: [256, 256],
    to: 'model.net_arch',
  },
  n_critics: { doc: 'Number of critics.', format: 'positive_int', default: 2, to: 'model.n_critics' },
  share_features_extractor: {
    doc: "Of images: one encoder for actor and critics, which the actor's loss trains. Where nothing is encoded there is nothing to share, and it changes nothing.",
    format: 'boolean',
    default: false,
    to: 'model.share_encoder',
  },
  ...networkKwargs,
} as const satisfies ArgumentDefinitions

/** policy_kwargs of gSDE. */
export const sdeKwargs = {
  log_std_init: {
    doc: 'gSDE: start of the log standard deviation.',
    format: 'number',
    default: -3,
    to: 'model.log_std_init',
  },
  use_expln: {
    doc: 'gSDE: standard deviations by expln instead of exp.',
    format: 'boolean',
    default: false,
    to: 'model.use_expln',
  },
  clip_mean: {
    doc: 'gSDE: bound of the mean before the tanh; 0: none.',
    format: 'nonnegative_number',
    default: 2,
    to: 'model.clip_mean',
  },
} as const satisfies ArgumentDefinitions

/** Arguments of agents with discrete actions. */
export const valueBasedArguments = {
  ...offPolicyArguments,
  tau: {
    doc: 'Share of the online network in each move of the target. Below 1, what is due of them comes with every update: 1 - (1 - tau)^m for m moves.',
    format: 'unit_interval',
    default: 1,
    becomes: 'learn.target_theta',
  },
  gamma: { doc: 'Discount factor.', format: 'unit_interval', default: 0.99, to: 'discount_factor' },
  target_update_interval: {
    doc: 'Env steps between moves of the target network; with tau below 1 no more than a collect has.',
    format: 'positive_int',
    default: 10000,
    becomes: 'learn.target_update_freq',
  },
  exploration_fraction: {
    doc: 'Share of the run over which epsilon falls, linearly.',
    format: 'unit_interval',
    default: 0.1,
    to: 'other.eps.decay_fraction',
  },
  exploration_initial_eps: {
    doc: 'Epsilon at the start.',
    format: 'unit_interval',
    default: 1,
    to: 'other.eps.start',
  },
  exploration_final_eps: {
    doc: 'Epsilon in the end.',
    format: 'unit_interval',
    default: 0.05,
    to: 'other.eps.end',
  },
  max_grad_norm: {
    doc: 'Gradients are clipped to this norm. null: not at all.',
    format: 'positive_number',
    default: 10,
    nullable: true,
    becomes: ['learn.grad_clip_type', 'learn.grad_clip_value'],
  },
} as const satisfies ArgumentDefinitions

/** policy_kwargs of agents with discrete actions. */
export const valueBasedKwargs = {
  net_arch: {
    doc: 'Hidden widths, of images behind the features of NatureCNN. null: [64, 64]; of an image alone none.',
    format: 'positive_int_list',
    default: null,
    nullable: true,
    null_sets_nothing: true,
  },
  ...networkKwargs,
} as const satisfies ArgumentDefinitions

/** The encoder, as SB3's: the hidden layers, which of images have NatureCNN before them, and where they are all that is seen are none by default. */
export function encoderConfig(net_arch: readonly number[] | null, { observation_space }: ConfigSetting) {
  if (!hasImages(observation_space)) return { encoder_hidden_size_list: net_arch ?? [64, 64] }
  const layers = net_arch ?? (isRecordSpace(observation_space) ? [64, 64] : [])
  return { ...natureCnn(observation_space), net_arch: layers }
}

/** Format of `net_arch` of actor and critics; what is wrong with a value the model's own format says. */
export function net_arch_of(
  value: unknown,
): value is readonly number[] | { readonly pi: readonly number[]; readonly qf: readonly number[] } {
  return typeof value === 'object' && value !== null
}
