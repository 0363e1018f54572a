import { schema } from '../../config/index.js'
import type { ForwardOptions, ModelInput, ModelOutput } from '../types.js'
import { ModelWrapper } from './base.js'
import { normalOf, normalSample } from './sampling.js'

const noArguments = schema({})

/** `action` = mu of the model's normal distribution. */
export class DeterministicSampleWrapper extends ModelWrapper {
  static readonly config = noArguments

  forward(inputs: ModelInput, options?: ForwardOptions): ModelOutput {
    const output = this.model.forward(inputs, options)
    return { ...output, action: normalOf(output, this.wrapperName).mu }
  }
}

/** `action` = mu + sigma * z, not squashed; gradients reach mu and sigma. */
export class ReparamSampleWrapper extends ModelWrapper {
  static readonly config = noArguments

  forward(inputs: ModelInput, options?: ForwardOptions): ModelOutput {
    const output = this.model.forward(inputs, options)
    const { mu, sigma } = normalOf(output, this.wrapperName)
    return { ...output, action: normalSample(mu, sigma) }
  }
}
