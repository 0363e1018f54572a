import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  BaseLearner,
  type Batch,
  CheckpointError,
  ConfigError,
  type LearnOutput,
  loadState,
  MemoryLogger,
  NumericError,
  register_learner_hook,
  saveState,
  UsageError,
} from '../../../ding/index.js'
import { MovingAverage } from '../../../ding/worker/learner/moving_average.js'
import { fakeLearnMode } from '../../fixtures/fake_modes.js'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ding-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const HOOK = {
  load_ckpt_before_run: '',
  log_show_after_iter: 100,
  save_ckpt_after_iter: 1000,
  save_run_state: true,
  save_ckpt_after_run: true,
  log_reduce_after_iter: false,
  custom: {} as Record<string, unknown>,
}

function build(
  hook: Partial<typeof HOOK> = {},
  outputs: (update: number) => LearnOutput | LearnOutput[] = (i) => ({ loss: i }),
) {
  const { mode, seen } = fakeLearnMode(outputs)
  const logger = new MemoryLogger()
  const cfg = {
    train_iterations: 1,
    dataloader: { num_workers: 0 },
    log_policy: true,
    is_multitask_pipeline: false,
    only_monitor_rank0: true,
    hook: { ...HOOK, ...hook },
  }
  return { learner: new BaseLearner(cfg, { policy: mode, logger, exp_name: folder }), seen, logger, mode }
}

const column = (...values: number[]) => ({
  dtype: 'int32' as const,
  shape: [values.length],
  data: Int32Array.from(values),
})
const batch = (): Batch => ({ replay_buffer_idx: column(4, 5), replay_unique_id: column(14, 15) })
const files = () => readdirSync(join(folder, 'ckpt')).sort()

const calls: string[] = []
register_learner_hook('record_for_test', ({ name, position, priority, ext_args }) => ({
  name,
  position: position ?? 'after_iter',
  priority: priority ?? 50,
  call: (learner) => {
    calls.push(`${name} ${learner.train_iter} ${JSON.stringify(ext_args)}`)
  },
}))

describe('hooks', () => {
  beforeEach(() => {
    calls.length = 0
  })

  test('run at their position, by priority, those of one priority in order of registration', async () => {
    const { learner } = build()
    const add = (name: string, position: 'before_iter' | 'after_iter', priority: number) =>
      learner.register_hook({ name, position, priority, call: () => void calls.push(name) })
    add('late', 'after_iter', 30)
    add('early', 'after_iter', 1)
    add('before', 'before_iter', 99)
    add('late too', 'after_iter', 30)
    await learner.train(batch())
    expect(calls).toEqual(['before', 'early', 'late', 'late too'])
    expect(learner.show_hooks()).toContain('before_iter: before (priority 99)')
  })

  test('can write to the log of the learner', async () => {
    const { learner, logger } = build()
    learner.register_hook({
      name: 'teller',
      position: 'after_iter',
      priority: 1,
      call: ({ logger: log, train_iter }) => {
        log.info(`after ${train_iter}`)
        log.scalar('mine', 2, train_iter)
      },
    })
    await learner.train(batch())
    expect(logger.lines).toContain('after 1')
    expect(logger.values).toContainEqual({ tag: 'mine', value: 2, step: 1 })
  })

  test('come from the config by name, with their arguments', async () => {
    const { learner } = build({
      custom: { mine: { type: 'record_for_test', position: 'before_run', priority: 3, ext_args: { a: 1 } } },
    })
    await learner.call_hook('before_run')
    expect(calls).toEqual(['mine 0 {"a":1}'])
  })

  test.each([
    [{ mine: null }, 'mine is null'],
    [{ mine: { type: 7 } }, 'mine.type is 7'],
    [{ mine: { type: 'log_shaw', ext_args: { freq: 1 } } }, 'Did you mean "log_show"'],
    [{ mine: { type: 'log_reduce', position: 'after' } }, 'mine.position'],
    [{ mine: { type: 'log_reduce', priority: 'high' } }, 'mine.priority'],
    [{ mine: { type: 'log_reduce', ext_args: 3 } }, 'mine.ext_args'],
    [{ mine: { type: 'log_reduce', freq: 3 } }, 'mine.freq'],
    [{ mine: { type: 'save_ckpt', ext_args: { freq: 0 } } }, 'freq must be a positive integer'],
    [{ mine: { type: 'save_ckpt', position: 'before_iter', ext_args: { freq: 0.5 } } }, 'positive integer'],
    [{ mine: { type: 'save_ckpt', position: 'before_iter' } }, 'positive integer, got undefined'],
    [{ mine: { type: 'save_ckpt', position: 'after_run', ext_args: { freq: 'often' } } }, 'positive integer'],
  ])('a config %j is refused with the path', (custom, words) => {
    expect(() => build({ custom })).toThrow(ConfigError)
    expect(() => build({ custom })).toThrow(words)
    expect(() => build({ custom })).toThrow('policy.learn.learner.hook.custom.mine')
  })

  test('a type can be registered once', () => {
    expect(() =>
      register_learner_hook('record_for_test', () => ({
        name: '',
        position: 'after_iter',
        priority: 0,
        call: () => {},
      })),
    ).toThrow(UsageError)
  })

  test('frequencies count iterations', async () => {
    const { learner, logger } = build({ log_show_after_iter: 2, save_ckpt_after_iter: 3 })
    for (let i = 0; i < 6; i++) await learner.train(batch(), 10 * i)
    expect(files()).toEqual(['iteration_3.safetensors', 'iteration_6.safetensors'])
    expect(logger.tables.map((t) => t.title)).toEqual(
      [2, 4, 6].map((i) => `=== Training Iteration ${i} Result ===`),
    )
    expect(logger.series('learner_iter/loss_avg')).toEqual([0.5, 1.5, 2.5])
    expect(logger.values.filter((v) => v.tag === 'learner_step/loss_avg').map((v) => v.step)).toEqual([
      10, 30, 50,
    ])
  })

  test('save_ckpt has its frequency before an iteration too', async () => {
    const custom = { early: { type: 'save_ckpt', position: 'before_iter', ext_args: { freq: 3 } } }
    const { learner } = build({ custom })
    for (let i = 0; i < 5; i++) await learner.train(batch(), i)
    expect(files()).toEqual(['iteration_0.safetensors', 'iteration_3.safetensors'])
  })

  test('save_ckpt_after_run saves, and false saves nothing', async () => {
    await build().learner.call_hook('after_run')
    expect(files()).toEqual(['iteration_0.safetensors'])
    rmSync(join(folder, 'ckpt'), { recursive: true })
    await build({ save_ckpt_after_run: false }).learner.call_hook('after_run')
    expect(readdirSync(folder)).toEqual([])
  })
})

describe('training', () => {
  test('a list of outputs counts as that many iterations, each with its hooks', async () => {
    const { learner, logger } = build({ log_show_after_iter: 1 }, () => [
      { loss: 1 },
      { loss: 2 },
      { loss: 6 },
    ])
    const outputs = await learner.train(batch(), 5)
    expect(outputs).toHaveLength(3)
    expect(learner.train_iter).toBe(3)
    expect(logger.series('learner_iter/loss_avg')).toEqual([1, 1.5, 3])
  })

  test('only monitored variables are logged; histograms go by themselves', async () => {
    const { learner, logger } = build({ log_show_after_iter: 1 }, () => ({
      loss: 1,
      other: 2,
      '[histogram]q': Float32Array.of(1, 2),
    }))
    await learner.train(batch(), 5)
    expect([...new Set(logger.values.map((v) => v.tag))]).toEqual([
      'learner_iter/loss_avg',
      'learner_step/loss_avg',
    ])
    expect(logger.histograms).toEqual([{ tag: 'learner/q', values: [1, 2], step: 1 }])
  })

  test('priorities go with the ids of their samples, and are gone after an update without', async () => {
    const { learner } = build(
      {},
      (i): LearnOutput => (i === 0 ? { loss: 0, priority: Float32Array.of(0.5, 2) } : { loss: 0 }),
    )
    const reused = batch()
    await learner.train(reused)
    ;(reused['replay_unique_id'] as { data: Int32Array }).data.fill(0)
    expect(learner.priority_info).toEqual({
      replay_buffer_idx: Int32Array.of(4, 5),
      replay_unique_id: Int32Array.of(14, 15),
      priority: Float32Array.of(0.5, 2),
    })
    await learner.train(batch())
    expect(learner.priority_info).toBeUndefined()
  })

  test('as many priorities as samples, or an error', async () => {
    const { learner } = build({}, () => ({ priority: new Float32Array(3) }))
    await expect(learner.train(batch())).rejects.toThrow(/3 priorities for a batch of 2/)
  })

  test('a NumericError names the iteration and the last good checkpoint', async () => {
    const { learner } = build({}, (i) => {
      if (i === 2) throw new NumericError('total_loss became NaN.')
      return { loss: i }
    })
    await learner.train(batch())
    const path = learner.save_checkpoint()
    await learner.train(batch())
    const error = await learner.train(batch()).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(NumericError)
    expect((error as Error).message).toContain('iteration 2')
    expect((error as Error).message).toContain(`Last good checkpoint: ${path}`)
    expect((error as Error).cause).toBeInstanceOf(NumericError)
    expect(learner.train_iter).toBe(2)
    const fresh = build({}, () => {
      throw new NumericError('x.')
    })
    await expect(fresh.learner.train(batch())).rejects.toThrow('Last good checkpoint: none yet')
  })

  test('other errors pass as they are', async () => {
    const { learner } = build({}, () => {
      throw new RangeError('mine')
    })
    await expect(learner.train(batch())).rejects.toThrow(RangeError)
  })
})

describe('checkpoints', () => {
  test('bring back the policy and the counters', async () => {
    const { learner, seen } = build()
    seen.state = 42
    for (let i = 0; i < 3; i++) await learner.train(batch(), 24)
    const path = learner.save_checkpoint('mine')
    const other = build({ load_ckpt_before_run: path })
    await other.learner.call_hook('before_run')
    expect(other.seen.state).toBe(42)
    expect([other.learner.train_iter, other.learner.collector_envstep]).toEqual([3, 24])
    expect(other.learner.last_checkpoint).toBe(path)
  })

  test('missing, truncated, foreign: an error that names the file, and nothing changed', async () => {
    const { learner, seen } = build()
    seen.state = 7
    await learner.train(batch(), 3)
    const whole = learner.save_checkpoint('whole')
    const truncated = join(folder, 'truncated.safetensors')
    writeFileSync(truncated, readFileSync(whole).subarray(0, 60))
    const foreign = join(folder, 'foreign.safetensors')
    saveState(foreign, { state: 1 })
    for (const path of [join(folder, 'none.safetensors'), truncated, foreign]) {
      expect(() => learner.load_checkpoint(path)).toThrow(CheckpointError)
      expect(() => learner.load_checkpoint(path)).toThrow(path)
      expect([seen.state, learner.train_iter, learner.collector_envstep]).toEqual([7, 1, 3])
    }
  })

  test('a policy that does not fit is an error with the file and the hook', async () => {
    const { learner } = build()
    const path = learner.save_checkpoint('mine')
    const other = build({ load_ckpt_before_run: path })
    other.mode.load_state_dict = () => {
      throw new CheckpointError('Other layers.')
    }
    const before_run = other.learner.call_hook('before_run')
    await expect(before_run).rejects.toThrow(CheckpointError)
    await expect(before_run).rejects.toThrow(
      `Learner hook "load_ckpt_before_run": ${path} cannot be loaded here. Other layers.`,
    )
  })

  test("a state that is not a learner's changes nothing", async () => {
    const { learner, mode } = build()
    await learner.train(batch())
    const before = learner.state_dict()
    expect(() => learner.load_state_dict({ policy: {}, last_iter: 1 })).toThrow(CheckpointError)
    Object.assign(mode, {
      load_state_dict: () => {
        throw new CheckpointError('does not fit')
      },
    })
    expect(() =>
      learner.load_state_dict({ policy: {}, averages: { loss: [9] }, last_iter: 5, last_step: 5 }),
    ).toThrow('does not fit')
    expect(learner.state_dict()).toEqual(before)
  })

  test('save_best keeps weights of a higher mean return', () => {
    const { learner, seen } = build()
    const kept = () => loadState(join(folder, 'ckpt', 'best.safetensors'))
    seen.state = 1
    expect(learner.save_best('best', -3)).toBe(true)
    expect(kept().meta).toEqual({ mean_return: -3 })
    seen.state = 2
    expect(learner.save_best('best', -3.5)).toBe(false)
    expect(build().learner.save_best('best', -4)).toBe(false)
    expect(kept().tree['state']).toBe(1)
    expect(learner.save_best('best', -3)).toBe(true)
    expect(learner.save_best('best', 2)).toBe(true)
    expect(kept().meta).toEqual({ mean_return: 2 })
    // Whoever gives no return wants them saved, and a damaged file is worth nothing.
    expect(learner.save_best('best')).toBe(true)
    expect(learner.save_best('best', -9)).toBe(true)
    writeFileSync(join(folder, 'ckpt', 'best.safetensors'), 'damaged')
    expect(learner.save_best('best', -10)).toBe(true)
    expect(kept().meta).toEqual({ mean_return: -10 })
  })

  test('promote_checkpoint does the same with weights saved before their return was known', () => {
    const { learner, seen } = build()
    const promote = (state: number, mean_return: number) => {
      seen.state = state
      learner.save_checkpoint('evaluated')
      seen.state = -1
      return learner.promote_checkpoint('evaluated', 'best', mean_return)
    }
    const kept = () => loadState(join(folder, 'ckpt', 'best.safetensors'))
    expect(promote(1, 5)).toBe(true)
    expect(files()).toEqual(['best.safetensors'])
    expect(learner.last_checkpoint).toBe(join(folder, 'ckpt', 'best.safetensors'))
    expect(promote(2, 4)).toBe(false)
    expect([kept().tree['state'], kept().meta]).toEqual([1, { mean_return: 5 }])
    expect(promote(3, 6)).toBe(true)
    expect([kept().tree['state'], kept().meta]).toEqual([3, { mean_return: 6 }])
  })

  test('another instance name has a folder of its own', () => {
    const { mode } = fakeLearnMode(() => ({}))
    const { cfg } = build().learner
    const learner = new BaseLearner(cfg, {
      policy: mode,
      logger: new MemoryLogger(),
      exp_name: folder,
      instance_name: 'critic',
    })
    expect(learner.save_checkpoint('x')).toBe(join(folder, 'ckpt_critic', 'x.safetensors'))
  })
})

describe('moving average', () => {
  test('of the last values of each name by itself', () => {
    const average = new MovingAverage(3)
    for (const a of [1, 2, 3, 4, 5]) average.push(a % 2 === 0 ? { a, note: 'x' } : { a, odd: a })
    expect(average.mean('a')).toBe(4)
    expect(average.mean('odd')).toBe(3)
    expect(average.mean('note')).toBeUndefined()
  })

  test('goes on from a saved state as before', () => {
    const average = new MovingAverage(4)
    for (let i = 0; i < 7; i++) average.push({ a: Math.sqrt(i) })
    const other = new MovingAverage(4)
    other.load_state_dict(average.state_dict())
    expect(other.state_dict()).toEqual(average.state_dict())
    for (let i = 0; i < 3; i++) {
      for (const each of [average, other]) each.push({ a: i / 3 })
      expect(other.mean('a')).toBe(average.mean('a'))
    }
    expect(() => other.load_state_dict({ a: ['x'] })).toThrow(CheckpointError)
  })
})
