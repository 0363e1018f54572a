import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { BaseEnv, Box, DingError, Discrete, EnvError, NumericError, RandomStream } from '../../ding/index.js'
import { serial_pipeline } from '../../entry/index.js'
import { smallDqn, temporaryFolder } from '../fixtures/configs.js'
import { type Mutation, structuralMutations, valueMutations } from '../fixtures/mutations.js'

const LIMITS = { max_train_iter: 4, max_env_step: 400 }

/** What became of a mutant: it ran, or why it did not. */
async function outcome({ name, config, named }: Mutation): Promise<string> {
  const work_dir = temporaryFolder()
  try {
    const { stop_reason } = await serial_pipeline(config as [object, object], 0, {
      console: 'quiet',
      work_dir,
      ...LIMITS,
    })
    return stop_reason !== 'interrupted' ? 'ran' : `${name}: ended by ${stop_reason}`
  } catch (error) {
    const left = readdirSync(work_dir)
    const began = left.some((folder) => existsSync(join(work_dir, folder, 'ckpt')))
    if (left.length > 0 && !began) return `${name}: refused, but left ${left.join(', ')}`
    return complaint(name, error, named)
  }
}

/** 'refused' when an error is one of ours and says what it is about. */
function complaint(name: string, error: unknown, named: readonly string[]): string {
  if (!(error instanceof DingError)) return `${name}: ${(error as Error).stack}`
  return named.some((word) => error.message.includes(word))
    ? 'refused'
    : `${name}: does not name it: ${error.message}`
}

async function outcomes(
  mutants: readonly Mutation[],
): Promise<{ ran: number; refused: number; wrong: string[] }> {
  const found = { ran: 0, refused: 0, wrong: [] as string[] }
  for (const mutant of mutants) {
    const what = await outcome(mutant)
    if (what === 'ran' || what === 'refused') found[what]++
    else found.wrong.push(what)
  }
  return found
}

describe('a config that somebody got wrong runs, or is refused with an error that names the place, and leaves nothing behind', () => {
  test('keys that do not go together, missing, added, swapped and polluted parts', async () => {
    const mutants = structuralMutations()
    const { ran, refused, wrong } = await outcomes(mutants)
    expect(wrong).toEqual([])
    expect(ran + refused).toBe(mutants.length)
    expect(refused).toBeGreaterThan(100)
    expect(ran).toBeGreaterThan(20)
    expect(Object.keys(Object.prototype)).toEqual([])
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  }, 120_000)

  test('wrong values', async () => {
    const all = valueMutations()
    const drawn = RandomStream.fromSeed(2026).subset(all.length, 220)
    const { refused, wrong } = await outcomes(Array.from(drawn, (i) => all[i] as Mutation))
    expect(wrong).toEqual([])
    expect(refused).toBeGreaterThan(150)
  }, 120_000)
})

type Fault = 'nan' | 'nan_reward' | 'nan_reset' | 'reset' | 'step' | 'endless'

/** Goes wrong in its third step, as told; 'endless' does nothing but go on. */
class FaultyEnv extends BaseEnv<Float32Array, number> {
  readonly observation_space = new Box(-1, 1, [4])
  readonly action_space = new Discrete(2)
  private count = 0

  constructor(
    private readonly fault: Fault,
    limit: number | null = null,
  ) {
    super('faulty', limit)
  }

  protected override begin(): Float32Array {
    this.count = 0
    if (this.fault === 'reset') throw new Error('no power')
    return Float32Array.of(0, this.fault === 'nan_reset' ? Number.NaN : 0, 0, 0)
  }

  protected override advance() {
    this.count++
    if (this.fault === 'step' && this.count === 3) throw new Error('gear broke')
    const odd = this.count === 3 ? Number.NaN : 0
    return {
      obs: Float32Array.of(0, 0, this.fault === 'nan' ? odd : 0, 0),
      reward: this.fault === 'nan_reward' ? odd : 1,
      terminated: false,
    }
  }
}

/** A run whose third collector environment is the faulty one. */
function runWith(fault: Fault, limit: number | null = null, role: 'collector' | 'evaluator' = 'collector') {
  const good = () => new FaultyEnv('endless', 20)
  const bad = () => new FaultyEnv(fault, limit)
  const env_setting = {
    collector: role === 'collector' ? [good, good, bad, good] : [good, good, good, good],
    evaluator: role === 'evaluator' ? [good, bad] : [good, good],
  }
  const [main, create] = smallDqn({}, { manager: { retry_waiting_time: 0 } })
  const options = { console: 'quiet', work_dir: temporaryFolder(), env_setting, max_train_iter: 40 } as const
  return serial_pipeline([main, create], 0, options)
}

describe('environments that go wrong', () => {
  test('NaN in an observation: NumericError with the environment and the entry', async () => {
    await expect(runWith('nan')).rejects.toThrow(NumericError)
    await expect(runWith('nan')).rejects.toThrow(/Environment 2 gave obs\[2\] = NaN/)
    await expect(runWith('nan_reset')).rejects.toThrow(/Environment 2 gave obs\[1\] = NaN/)
    await expect(runWith('nan', null, 'evaluator')).rejects.toThrow(/Environment 1 gave obs\[2\] = NaN/)
  })

  test('NaN as a reward', async () => {
    await expect(runWith('nan_reward')).rejects.toThrow(/Environment 2 gave reward = NaN/)
    await expect(runWith('nan_reward', 10, 'evaluator')).rejects.toThrow(
      /Environment 1 gave info.eval_episode_return = NaN/,
    )
  })

  test('a reset that throws: EnvError with the environment and the cause', async () => {
    const error = await runWith('reset').catch((e: unknown) => e)
    expect(error).toBeInstanceOf(EnvError)
    expect((error as Error).message).toMatch(/Env 2 .*no power/s)
  })

  test('a step that always throws ends the run after the retries; in one of the evaluator too', async () => {
    await expect(runWith('step')).rejects.toThrow(/Env 2 failed 2 times in a row.*gear broke/s)
    await expect(runWith('step', null, 'evaluator')).rejects.toThrow(
      /Env 1 failed 2 times in a row.*gear broke/s,
    )
  })

  test('one that never ends by itself is fine with a time limit', async () => {
    const { train_iter, eval_value_raw } = await runWith('endless', 7, 'evaluator')
    expect(train_iter).toBe(40)
    expect(eval_value_raw).toEqual([20, 20, 7])
  })

  test('environments that have played all their episodes end the run with an error that says so', async () => {
    const [main, create] = smallDqn({}, { manager: { episode_num: 1 } })
    const run = serial_pipeline([main, create], 0, {
      console: 'quiet',
      work_dir: temporaryFolder(),
      max_env_step: 100_000,
    })
    await expect(run).rejects.toThrow(/env\.manager\.episode_num/)
  })
})
