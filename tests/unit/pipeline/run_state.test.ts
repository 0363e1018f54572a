import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  BaseEnv,
  Box,
  CheckpointError,
  Discrete,
  loadState,
  RandomStream,
  type ReplayBuffer,
  ROLES,
  runStatePath,
  type StateTree,
  saveState,
} from '../../../ding/index.js'
import { resume_pipeline, serial_pipeline } from '../../../entry/index.js'
import { smallDqn, temporaryFolder } from '../../fixtures/configs.js'

/** Resumes a run, after 8 of 16 iterations, from what `damage` leaves of its state file. */
async function resume(damage: (path: string, whole: Buffer) => void): Promise<unknown> {
  const work_dir = temporaryFolder()
  await serial_pipeline(smallDqn(), 0, { console: 'quiet', work_dir, max_train_iter: 8 })
  const folder = join(work_dir, 'small_dqn')
  const path = runStatePath(folder)
  damage(path, readFileSync(path))
  const before = existsSync(path) ? readFileSync(path) : undefined
  const outcome = await resume_pipeline(folder, { console: 'quiet', max_train_iter: 16 }).catch(
    (e: unknown) => e,
  )
  if (outcome instanceof Error && before !== undefined) expect(readFileSync(path).equals(before)).toBe(true)
  return outcome
}

function edit(path: string, change: (tree: StateTree) => void): void {
  const { tree, meta } = loadState(path)
  change(tree)
  saveState(path, tree, meta)
}

describe('a run state that cannot be used', () => {
  test('whole, it is used', async () => {
    expect(await resume(() => {})).toMatchObject({ train_iter: 16 })
  })

  test('missing', async () => {
    const error = await resume((path) => rmSync(path))
    expect(error).toBeInstanceOf(CheckpointError)
    expect((error as Error).message).toContain('nothing to resume')
  })

  test('truncated anywhere', async () => {
    const random = RandomStream.fromSeed(3)
    for (let i = 0; i < 4; i++) {
      const error = await resume((path, whole) =>
        writeFileSync(path, whole.subarray(0, random.nextInt(0, whole.length))),
      )
      expect(error).toBeInstanceOf(CheckpointError)
      expect((error as Error).message).toContain('run_state.safetensors')
    }
  })

  test('of another kind', async () => {
    const error = await resume((path) => saveState(path, { model: {} }, { kind: 'something else' }))
    expect(error).toBeInstanceOf(CheckpointError)
    expect((error as Error).message).toContain('something else')
  })

  test.each(['learner', 'collector', 'envs', 'buffer', 'evaluator', 'random'])(
    'without the part "%s"',
    async (part) => {
      const error = await resume((path) => edit(path, (tree) => delete tree[part]))
      expect(error).toBeInstanceOf(CheckpointError)
      expect((error as Error).message).toContain(part)
    },
  )

  test.each(['learner', 'collector', 'envs', 'buffer'])('with nonsense in the part "%s"', async (part) => {
    const error = await resume((path) =>
      edit(path, (tree) => {
        tree[part] = { odd: 1 }
      }),
    )
    expect(error).toBeInstanceOf(CheckpointError)
    expect((error as Error).message).toContain(part)
  })
})

/** Five steps of nothing; its state cannot be saved. */
class Unsaved extends BaseEnv<Float32Array, number> {
  readonly observation_space = new Box(-1, 1, [4])
  readonly action_space = new Discrete(2)

  constructor() {
    super('unsaved', 5)
  }

  protected override begin(): Float32Array {
    return new Float32Array(4)
  }

  protected override advance() {
    return { obs: new Float32Array(4), reward: 1, terminated: false }
  }

  protected override saveState(): StateTree {
    throw new Error('no room for it')
  }
}

test('a run whose state cannot be saved has its last evaluation, checkpoints and result all the same, then says why', async () => {
  const work_dir = temporaryFolder()
  const make = () => new Unsaved()
  const run = serial_pipeline(smallDqn(), 0, {
    console: 'quiet',
    work_dir,
    max_train_iter: 8,
    env_setting: { collector: [make], evaluator: [make] },
  })
  await expect(run).rejects.toThrow(/no room for it/)
  const folder = join(work_dir, 'small_dqn')
  expect(existsSync(runStatePath(folder))).toBe(false)
  expect(existsSync(join(folder, 'ckpt', 'iteration_8.safetensors'))).toBe(true)
  const result: unknown = JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8'))
  expect(result).toMatchObject({ stop_reason: 'max_train_iter', train_iter: 8, eval_value: 5 })
})

test.each([true, false])(
  'save_run_state %s: written at checkpoints or not at all',
  async (save_run_state) => {
    const work_dir = temporaryFolder()
    const hook = { save_ckpt_after_iter: 8, save_run_state }
    const [main, create] = smallDqn({ learn: { update_per_collect: 4, batch_size: 16, learner: { hook } } })
    const folder = join(work_dir, 'small_dqn')
    const written: [number, boolean][] = []
    await serial_pipeline([main, create], 0, {
      console: 'quiet',
      work_dir,
      max_train_iter: 24,
      rebind: (container) => {
        container.onActivation(ROLES.buffer, (_context, buffer: ReplayBuffer) => {
          const sample = buffer.sample.bind(buffer)
          buffer.sample = (size, iter) => {
            written.push([iter, existsSync(runStatePath(folder))])
            return sample(size, iter)
          }
          return buffer
        })
      },
    })
    expect(written.at(-1)).toEqual([23, save_run_state])
    expect(written.every(([iter, there]) => there === (save_run_state && iter >= 8))).toBe(true)
    expect(existsSync(runStatePath(folder))).toBe(save_run_state)
  },
)
