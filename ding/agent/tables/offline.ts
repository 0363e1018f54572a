import { Box } from '../../envs/index.js'
import { UsageError } from '../../utils/index.js'
import { defineAgentTable, withDefault } from '../arguments.js'
import { actionConfig, dataArguments, datasetArguments, learningRate } from './dataset.js'
import { encoderConfig, nStepsArgument, optimizerConfig, valueBasedKwargs } from './shared.js'

/** DI-engine's discrete CQL on QR-DQN -> policy `discrete_cql`. */
export const DISCRETE_CQL_TABLE = defineAgentTable({
  name: 'DiscreteCQL',
  policy: 'discrete_cql',
  continuous: false,
  sampling: 'none',
  arguments: {
    ...datasetArguments,
    ...nStepsArgument,
    learning_rate: withDefault(learningRate, 1e-3, 'learn.learning_rate'),
    batch_size: withDefault(datasetArguments.batch_size, 64),
    gamma: { doc: 'Discount factor.', format: 'unit_interval', default: 0.97, to: 'discount_factor' },
    double: { doc: 'Double Q-learning.', format: 'boolean', default: true, to: 'double' },
    min_q_weight: {
      doc: 'Weight of the conservative term.',
      format: 'nonnegative_number',
      default: 1,
      to: 'learn.min_q_weight',
    },
    target_update_freq: {
      doc: 'Updates between copies to the target network.',
      format: 'positive_int',
      default: 100,
      to: 'learn.target_update_freq',
    },
    policy_kwargs: {
      net_arch: {
        ...withDefault(valueBasedKwargs.net_arch, [128, 128, 64], 'model.encoder_hidden_size_list'),
        doc: "Hidden widths; for images DI-engine's form, channels of the convolutions, then the output.",
      },
      n_quantiles: {
        doc: 'Quantiles of the return of each action.',
        format: 'positive_int',
        default: 32,
        to: 'model.num_quantiles',
      },
      activation_fn: valueBasedKwargs.activation_fn,
      optimizer_kwargs: valueBasedKwargs.optimizer_kwargs,
    },
  },
  more: ({ policy_kwargs: { optimizer_kwargs } }) => ({ learn: optimizerConfig(optimizer_kwargs) }),
})

/** Behaviour cloning -> policy `bc`: CORL's of continuous actions, DI-engine's of discrete ones. */
export const BC_TABLE = defineAgentTable({
  name: 'BC',
  policy: 'bc',
  continuous: true,
  sampling: 'none',
  arguments: {
    ...dataArguments,
    normalize: {
      doc: "Observations by the data's mean and deviation. null: with continuous actions, as CORL; not with discrete ones, as DI-engine.",
      format: 'boolean',
      default: null,
      nullable: true,
      becomes: 'collect.use_norm',
    },
    learning_rate: withDefault(learningRate, 3e-4, 'learn.learning_rate'),
    loss_type: {
      doc: "Of continuous actions: 'mse_loss', 'l1_loss', or 'nll_loss', the likelihood under a tanh-normal distribution.",
      format: ['mse_loss', 'l1_loss', 'nll_loss'],
      default: 'mse_loss',
      to: 'loss_type',
    },
    weight_decay: {
      doc: 'Weight decay. null: none.',
      format: 'nonnegative_number',
      default: null,
      nullable: true,
      to: 'learn.weight_decay',
    },
    ce_label_smooth: {
      doc: 'Smooth the labels of discrete actions.',
      format: 'boolean',
      default: false,
      to: 'learn.ce_label_smooth',
    },
    policy_kwargs: {
      net_arch: {
        doc: "Hidden widths, all alike with continuous actions. null: CORL's [256, 256]; with discrete actions SB3's.",
        format: 'positive_int_list',
        default: null,
        nullable: true,
      },
      activation_fn: valueBasedKwargs.activation_fn,
      normalize_images: valueBasedKwargs.normalize_images,
      optimizer_class: {
        doc: "'Adam' (AdamW where weight_decay is given) or 'SGD'.",
        format: ['Adam', 'SGD'],
        default: 'Adam',
        to: 'learn.optimizer',
      },
    },
  },
  more: ({ policy_kwargs: { net_arch }, loss_type, normalize, action_scale }, at) => {
    const continuous = at.action_space instanceof Box
    return {
      continuous,
      model: continuous
        ? {
            ...oneWidth(net_arch ?? [256, 256]),
            action_space: loss_type === 'nll_loss' ? 'reparameterization' : 'regression',
          }
        : { ...encoderConfig(net_arch, at), dueling: false, head_layer_num: 0 },
      collect: { use_norm: normalize ?? continuous, ...actionConfig(action_scale, at) },
    }
  },
})

/** @throws UsageError when hidden layers differ in width, which the network of continuous cloning cannot have */
function oneWidth(net_arch: readonly number[]): Record<string, unknown> {
  const [width, ...others] = net_arch
  if (width !== undefined && others.every((other) => other === width))
    return { actor_head_hidden_size: width, actor_head_layer_num: others.length }
  throw new UsageError(
    `BC: net_arch is [${net_arch}], but with continuous actions all hidden layers have the same width. Give [${width ?? 256}, ${width ?? 256}], for example.`,
  )
}
