import type { Tensor } from '@tensorflow/tfjs-core'
import * as tf from '@tensorflow/tfjs-core'

/** What an update of cql logs, by CORL's names, beside learning rates; '#' stands for the critic's number. */
export const CQL_METRICS: readonly string[] = [
  'cur_lr_q',
  'cur_lr_p',
  'cur_lr_alpha',
  'min_q_weight',
  'critic_loss',
  'log_pi',
  'policy_loss',
  'alpha_loss',
  'alpha',
  'qf#_loss',
  'average_qf#',
  'average_target_q',
  'cql_std_q#',
  'cql_q#_rand',
  'cql_min_qf#_loss',
  'cql_qf#_diff',
  'cql_q#_current_actions',
  'cql_q#_next_actions',
  'alpha_prime_loss',
  'alpha_prime',
].flatMap((name) => (name.includes('#') ? [name.replace('#', '1'), name.replace('#', '2')] : [name]))

/** A scalar by name for each critic of [N]: '#' stands for its number from 1. */
export function eachCritic(name: string, values: Tensor): Record<string, Tensor> {
  return Object.fromEntries(tf.unstack(values).map((value, i) => [name.replace('#', String(i + 1)), value]))
}

/** Inside a program: what the critics' values [N, B, 3n + 1] of uniform, next and current actions and of the data's were. */
export function valueMetrics(values: Tensor, num_actions: number): Record<string, Tensor> {
  const mean = (kind: number) =>
    tf.mean(tf.slice(values, [0, 0, kind * num_actions], [-1, -1, num_actions]), [1, 2])
  return {
    ...eachCritic('average_qf#', tf.mean(tf.slice(values, [0, 0, 3 * num_actions], [-1, -1, 1]), [1, 2])),
    ...eachCritic('cql_std_q#', tf.mean(deviation(values), 1)),
    ...eachCritic('cql_q#_rand', mean(0)),
    ...eachCritic('cql_q#_next_actions', mean(1)),
    ...eachCritic('cql_q#_current_actions', mean(2)),
  }
}

/** Unbiased standard deviation over the last axis. */
function deviation(x: Tensor): Tensor {
  const count = x.shape.at(-1) as number
  const centred = tf.sub(x, tf.mean(x, -1, true))
  return tf.sqrt(tf.div(tf.sum(tf.square(centred), -1), count - 1))
}
