import type { Tensor } from '@tensorflow/tfjs-core'
import { schema } from '../../config/index.js'
import type { ForwardOptions, ModelInput, ModelOutput, OutputValue } from '../types.js'
import { ModelWrapper } from './base.js'
import {
  type Choice,
  categorical,
  choose,
  epsGreedy,
  greedy,
  normalSample,
  probabilities,
  recordOf,
  tensorOf,
} from './sampling.js'

/**
 * Actions of a type and arguments. Value-based models give `logit` over the types and `action_args`; the wrapper makes
 * `action: {action_type int32 [B], action_args}` and keeps the rest.
 */
abstract class HybridValueSampler extends ModelWrapper {
  static readonly config = schema({})

  forward(inputs: ModelInput, options?: ForwardOptions): ModelOutput {
    const output = this.model.forward(inputs, options)
    const action_type = choose(output, inputs, this.wrapperName, (choice) => this.pick(choice, options))
    return {
      ...output,
      action: { action_type, action_args: tensorOf(output, 'action_args', this.wrapperName) },
    }
  }

  protected abstract pick(choice: Choice, options: ForwardOptions | undefined): Tensor
}

/** Type of the highest logit. */
export class HybridArgmaxSampleWrapper extends HybridValueSampler {
  protected override pick(choice: Choice): Tensor {
    return greedy(choice)
  }
}

/** Type by eps-greedy, each row by itself. */
export class HybridEpsGreedySampleWrapper extends HybridValueSampler {
  protected override pick(choice: Choice, options: ForwardOptions | undefined): Tensor {
    return epsGreedy(choice, greedy(choice), options, this.wrapperName)
  }
}

/** Type random with probability eps, else drawn from the softmax of the logits. */
export class HybridEpsGreedyMultinomialSampleWrapper extends HybridValueSampler {
  protected override pick(choice: Choice, options: ForwardOptions | undefined): Tensor {
    return epsGreedy(choice, categorical(probabilities(choice, options?.alpha)), options, this.wrapperName)
  }
}

/**
 * Actor-critic models give `logit: {action_type: logits, action_args: {mu, sigma}}`; the wrapper makes
 * `action: {action_type int32 [B], action_args [B, n]}`.
 */
abstract class HybridActorSampler extends ModelWrapper {
  static readonly config = schema({})

  forward(inputs: ModelInput, options?: ForwardOptions): ModelOutput {
    const output = this.model.forward(inputs, options)
    const logit = recordOf(output, 'logit', this.wrapperName)
    const types: Record<string, OutputValue> = { logit: logit['action_type'] as OutputValue }
    if (output['action_mask'] !== undefined) types['action_mask'] = output['action_mask']
    const action_type = choose(types, inputs, this.wrapperName, (choice) => this.pick(choice, options))
    const normal = recordOf(logit, 'action_args', this.wrapperName)
    const [mu, sigma] = [
      tensorOf(normal, 'mu', this.wrapperName),
      tensorOf(normal, 'sigma', this.wrapperName),
    ]
    return { ...output, action: { action_type, action_args: this.args(mu, sigma) } }
  }

  protected abstract pick(choice: Choice, options: ForwardOptions | undefined): Tensor
  protected abstract args(mu: Tensor, sigma: Tensor): Tensor
}

/** Type drawn from the softmax, arguments from the normal distribution. */
export class HybridReparamMultinomialSampleWrapper extends HybridActorSampler {
  protected override pick(choice: Choice, options: ForwardOptions | undefined): Tensor {
    return categorical(probabilities(choice, options?.alpha))
  }

  protected override args(mu: Tensor, sigma: Tensor): Tensor {
    return normalSample(mu, sigma)
  }
}

/** Type of the highest logit, arguments the mean. */
export class HybridDeterministicArgmaxSampleWrapper extends HybridActorSampler {
  protected override pick(choice: Choice): Tensor {
    return greedy(choice)
  }

  protected override args(mu: Tensor): Tensor {
    return mu
  }
}
