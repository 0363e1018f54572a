import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadState, type StateTree } from '../../../ding/index.js'
import { serial_pipeline } from '../../../entry/index.js'
import { parallel_pipeline } from '../../../entry/parallel_pipeline.js'
import { smallDqn, temporaryFolder } from '../../fixtures/configs.js'

const quiet = { console: 'quiet' } as const

function lockStep(policy: Record<string, unknown> = {}): ReturnType<typeof smallDqn> {
  const [main, create] = smallDqn(policy)
  return [main, { ...create, commander: { type: 'solo', collector_num: 1, heartbeat_seconds: 0.2 } }]
}

test('in lock step the run is the serial one, bit for bit: weights, optimizer, replay buffer, counters', async () => {
  const policy = { random_collect_size: 20, nstep: 3 }
  const [serial, parallel] = [temporaryFolder(), temporaryFolder()]
  const expected = await serial_pipeline(smallDqn(policy), 3, {
    ...quiet,
    work_dir: serial,
    max_train_iter: 220,
  })
  const result = await parallel_pipeline(lockStep(policy), 3, {
    ...quiet,
    work_dir: parallel,
    max_train_iter: 220,
    inline: true,
  })
  const { policy: _a, exp_name: _b, ...numbers } = result
  const { policy: _c, exp_name: _d, ...serialNumbers } = expected
  expect(numbers).toEqual(serialNumbers)
  const file = (folder: string, name: string) =>
    readFileSync(join(folder, 'small_dqn', 'ckpt', `${name}.safetensors`))
  expect(file(parallel, 'iteration_220').equals(file(serial, 'iteration_220'))).toBe(true)
  expect(file(parallel, 'ckpt_best').equals(file(serial, 'ckpt_best'))).toBe(true)
  const state = (folder: string) => loadState(join(folder, 'small_dqn', 'ckpt', 'run_state.safetensors')).tree
  const [a, b] = [state(parallel), state(serial)]
  expect(a['buffer']).toEqual(b['buffer'])
  expect(a['learner']).toEqual(b['learner'])
  const sampling = (tree: StateTree) => (tree['random'] as StateTree)['sampling']
  expect(sampling(a)).toEqual(sampling(b))
})
