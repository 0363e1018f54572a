import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { ConfigPair } from '../../ding/index.js'
import { resume_pipeline, serial_pipeline } from '../../entry/index.js'
import { temporaryFolder } from '../fixtures/configs.js'

const configOf = (learn: object): ConfigPair =>
  [
    {
      exp_name: 'run',
      env: {
        collector_env_num: 1,
        evaluator_env_num: 2,
        n_evaluator_episode: 2,
        max_episode_steps: 20,
        stop_value: 1e9,
      },
      policy: {
        random_collect_size: 40,
        model: { obs_shape: 3, action_shape: 1, net_arch: [8], ensemble_num: 3 },
        learn: { update_per_collect: 2, batch_size: 8, ...learn },
        collect: { n_sample: 2 },
        eval: { evaluator: { eval_freq: 4, bias_samples: 50, bias_cutoff: 15 } },
        other: { replay_buffer: { replay_buffer_size: 300 } },
      },
    },
    {
      env: { type: 'pendulum' },
      policy: { type: 'redq' },
      evaluator: { type: 'q_bias' },
      replay_buffer: { type: 'naive' },
    },
  ] as unknown as ConfigPair

interface Row {
  readonly kind: string
  readonly tag: string
  readonly value: number
  readonly step: number
}

function biases(exp_dir: string) {
  const rows = readFileSync(join(exp_dir, 'log', 'serial', 'metrics.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
  const scalars = rows.map((row) => JSON.parse(row) as Row).filter(({ kind }) => kind === 'scalar')
  const of = (tag: string) => scalars.filter((row) => row.tag === `evaluator_iter/${tag}`)
  return {
    // A run that stops at a limit evaluates there, and again when it is resumed.
    bias: [...new Map(of('norm_q_bias_mean').map(({ step, value }) => [step, value]))],
    samples: of('q_bias_samples'),
  }
}

test.each([
  ['rem', 2],
  ['ave', 2],
  ['min', 1.5],
])(
  'redq with target_mode %s of %d logs the bias of its critics, the same when resumed',
  async (target_mode, subset_size) => {
    const after = async ([first, ...others]: readonly [number, ...number[]]) => {
      const work_dir = temporaryFolder()
      const options = { console: 'quiet', work_dir } as const
      const config = configOf({ target_mode, subset_size })
      await serial_pipeline(config, 0, { ...options, max_train_iter: first })
      for (const max_train_iter of others)
        await resume_pipeline(join(work_dir, 'run'), { ...options, max_train_iter })
      return biases(join(work_dir, 'run'))
    }
    const { bias, samples } = await after([8])
    expect(bias.map(([step]) => step)).toEqual([0, 4, 8])
    expect(bias.every(([, value]) => Number.isFinite(value))).toBe(true)
    // Two environments with 15 of 20 steps each: two rounds for 50.
    expect(samples.map(({ value }) => value)).toEqual([60, 60, 60])
    expect((await after([4, 8])).bias).toEqual(bias)
  },
)
