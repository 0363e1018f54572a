import { EnvError } from '../../utils/index.js'
import { scaleAction, unscaleAction } from '../act_scale.js'
import { ActionError } from '../action_error.js'
import { schema } from '../light_imports.js'
import { Box, type Space } from '../spaces/index.js'
import type { Action, Env } from '../types.js'
import { EnvWrapper } from './base.js'

/**
 * Takes actions in [-1, 1] and scales them to the native box; actions beyond are cut. `action_space` says [-1, 1], so
 * that random actions are drawn, and stored, in the range that is executed.
 */
export class ActScaleWrapper extends EnvWrapper {
  static readonly config = schema({})
  override readonly transparent = true

  override readonly action_space: Space
  readonly native_action_space: Box

  constructor(env: Env) {
    super(env)
    const native = env.action_space
    if (!(native instanceof Box) || native.dtype !== 'float32' || !native.bounded) {
      throw new EnvError(`Env wrapper "act_scale" needs a bounded float32 Box of actions, got ${native}`)
    }
    this.native_action_space = native
    this.action_space = new Box(-1, 1, native.shape)
  }

  protected override mapAction(action: Action): Action {
    const why = (this.action_space as Box).explainForm(action)
    if (why !== null) throw new ActionError(`Bad action: ${why}. The action space is ${this.action_space}`)
    return Float32Array.from(
      scaleAction(action as Float32Array, this.native_action_space.low, this.native_action_space.high),
    )
  }

  override random_action(): Action {
    const action = super.random_action() as Float32Array
    return Float32Array.from(
      unscaleAction(action, this.native_action_space.low, this.native_action_space.high),
    )
  }
}
