import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'
import { backward, type HostTree, stopGradient } from '../compute/index.js'
import { type ConfigOf, extendSchema } from '../config/index.js'
import type { Batch } from '../data/index.js'
import { POLICY_REGISTRY } from '../registry/index.js'
import type { ActorBatch, ActorOutput } from './actor_critic_update.js'
import { DDPGPolicy } from './ddpg.js'
import { td3PolicyConfig } from './td3.js'

/** Hidden layers of actor and critics, 256-256 as the authors and CORL have them. */
const widthKey = (of: string) =>
  ({ doc: `Width of the ${of}'s hidden layers.`, format: 'positive_int', default: 256 }) as const

export const td3BcPolicyConfig = extendSchema(td3PolicyConfig, {
  model: {
    actor_head_hidden_size: widthKey('actor'),
    critic_head_hidden_size: widthKey('critics'),
  },
  learn: {
    learning_rate_critic: { default: 3e-4 },
    learning_rate_actor: { default: 3e-4 },
    target_update_with_actor: { default: true },
    alpha: {
      doc: "Weight of the critic's value in the actor's loss, in units of its mean size; cloning the data has weight 1.",
      format: 'nonnegative_number',
      default: 2.5,
    },
  },
  other: { replay_buffer: { replay_buffer_size: { default: 2_000_000 } } },
})

export type TD3BCConfig = ConfigOf<typeof td3BcPolicyConfig> & { model: Record<string, unknown> }

declare module '../config/index.js' {
  interface PolicyConfigMap {
    td3_bc: TD3BCConfig
  }
  interface DefaultModelMap {
    td3_bc: 'continuous_qac'
  }
}

/**
 * TD3 with behaviour cloning (Fujimoto and Gu 2021): the actor's loss is -lambda mean Q(s, pi(s)) + mean (pi(s) - a)^2 with
 * lambda = alpha / mean |Q(s, pi(s))|. Keys are DI-engine's (ding/policy/td3_bc.py), defaults CORL's (algorithms/offline/td3_bc.py): targets move
 * with the actor. (CORL also normalises observations: `collect.use_norm`.) DI-engine adds the target's noise twice; here it is added once.
 */
@POLICY_REGISTRY.register('td3_bc')
export class TD3BCPolicy extends DDPGPolicy {
  static override readonly config = td3BcPolicyConfig

  protected override get policyName(): string {
    return 'td3_bc'
  }

  protected override actorInputs({ obs, action }: Batch): Record<string, HostTree> {
    return { obs: obs as HostTree, action: action as HostTree }
  }

  protected override actorFunction(batch: ActorBatch): ActorOutput {
    const { actor, critic } = this.nets
    const { alpha } = (this.cfg as TD3BCConfig).learn
    const obs = this.shaped(batch.obs)
    let bc_loss!: Tensor
    const actor_loss = backward(actor.parameters(), () => {
      const action = actor.forward(obs)['action'] as Tensor
      const q = critic.forward({ obs, action }, { members: 1 })['q_value'] as Tensor
      const lambda = tf.div(alpha, stopGradient(tf.mean(tf.abs(q))))
      bc_loss = tf.mean(tf.squaredDifference(action, tf.reshape(batch['action'] as Tensor, action.shape)))
      return tf.sub(bc_loss, tf.mul(lambda, tf.mean(q)))
    })
    return { actor_loss, bc_loss }
  }

  protected override monitorVarsLearn(): string[] {
    return [...super.monitorVarsLearn(), 'bc_loss']
  }
}
