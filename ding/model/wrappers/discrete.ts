import * as tf from '@tensorflow/tfjs-core'
import { schema } from '../../config/index.js'
import { UsageError } from '../../utils/index.js'
import type { ForwardOptions, ModelInput, ModelOutput } from '../types.js'
import { ModelWrapper } from './base.js'
import {
  type Choice,
  categorical,
  choicesOf,
  choose,
  epsGreedy,
  greedy,
  masked,
  probabilities,
} from './sampling.js'

const noArguments = schema({})

/**
 * Shared form of the wrappers that turn `logit` into `action`, int32 [B] (a list of them for several action dimensions).
 * An `action_mask` in the output, or else in the input, forbids actions.
 */
abstract class DiscreteSampler extends ModelWrapper {
  static readonly config = noArguments

  forward(inputs: ModelInput, options?: ForwardOptions): ModelOutput {
    const output = this.model.forward(inputs, options)
    const action = choose(output, inputs, this.wrapperName, (choice) => this.pick(choice, options))
    return { ...output, action }
  }

  protected abstract pick(choice: Choice, options: ForwardOptions | undefined): tf.Tensor
}

/** The action of the highest logit. */
export class ArgmaxSampleWrapper extends DiscreteSampler {
  protected override pick(choice: Choice): tf.Tensor {
    return greedy(choice)
  }
}

/** An action drawn from softmax(logit / alpha); forward option `alpha`, default 1. */
export class MultinomialSampleWrapper extends DiscreteSampler {
  protected override pick(choice: Choice, options: ForwardOptions | undefined): tf.Tensor {
    return categorical(probabilities(choice, options?.alpha))
  }
}

/** With probability `eps` (forward option), for each row by itself, a random allowed action, else the best. */
export class EpsGreedySampleWrapper extends DiscreteSampler {
  protected override pick(choice: Choice, options: ForwardOptions | undefined): tf.Tensor {
    return epsGreedy(choice, greedy(choice), options, this.wrapperName)
  }
}

/** With probability `eps` a random allowed action, else one drawn from softmax(logit / alpha). */
export class EpsGreedyMultinomialSampleWrapper extends DiscreteSampler {
  protected override pick(choice: Choice, options: ForwardOptions | undefined): tf.Tensor {
    return epsGreedy(choice, categorical(probabilities(choice, options?.alpha)), options, this.wrapperName)
  }
}

/** Chooses `shot_number` (forward option) different items, one after the other: `action` int32 [B, shot_number]. */
abstract class CombinationSampler extends ModelWrapper {
  static readonly config = noArguments

  forward(inputs: ModelInput, options?: ForwardOptions): ModelOutput {
    const output = this.model.forward(inputs, options)
    const { choices, single } = choicesOf(output, inputs, this.wrapperName)
    const first = choices[0]
    if (!single || first === undefined) {
      throw new UsageError(
        `Wrapper "${this.wrapperName}" takes one logit tensor, got a list of ${choices.length}.`,
      )
    }
    const items = first.logit.shape.at(-1)!
    const shots = options?.shot_number
    if (shots === undefined || !Number.isInteger(shots) || shots < 1 || shots > items) {
      throw new UsageError(
        `Wrapper "${this.wrapperName}" needs the forward option "shot_number", a whole number from 1 to ${items}, got ${shots}.`,
      )
    }
    const actions: tf.Tensor[] = []
    let left: tf.Tensor =
      first.mask === undefined ? tf.ones([...first.logit.shape]) : tf.cast(first.mask, 'float32')
    for (let i = 0; i < shots; i++) {
      const action = this.pick({ logit: first.logit, mask: left })
      actions.push(action)
      left = tf.mul(left, tf.sub(1, tf.cast(tf.oneHot(action, items), 'float32')))
    }
    return { ...output, action: tf.stack(actions, -1) }
  }

  protected abstract pick(choice: Choice): tf.Tensor
}

/** The `shot_number` items of the highest logits, best first. */
export class CombinationArgmaxSampleWrapper extends CombinationSampler {
  protected override pick(choice: Choice): tf.Tensor {
    return greedy(choice)
  }
}

/** `shot_number` different items drawn one after the other from the softmax over those that are left. */
export class CombinationMultinomialSampleWrapper extends CombinationSampler {
  protected override pick(choice: Choice): tf.Tensor {
    return categorical(tf.softmax(masked(choice), -1))
  }
}
