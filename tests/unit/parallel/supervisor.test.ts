import { afterEach, describe, expect, test } from 'vitest'
import {
  ConfigError,
  commanderConfig,
  createRunLogger,
  type Ending,
  EnvError,
  type Exchange,
  type LearnerReport,
  type RoleHandle,
  type RoleSpec,
  type RoleStatus,
  StatusBoard,
  Supervisor,
  type SupervisorOptions,
  ThreadExchangeHost,
  TOPICS,
} from '../../../ding/index.js'
import { temporaryFolder } from '../../fixtures/configs.js'
import { parallelConfig } from './fixtures.js'

const REPORT: LearnerReport = {
  stop_reason: 'max_env_step',
  env_step: 1,
  train_iter: 2,
  eval_value: 3,
  eval_value_raw: [3],
}

/** A role that does what the test says. */
class FakeRole implements RoleHandle {
  killed = false
  end: (ending: Ending) => void = () => undefined
  readonly ended = new Promise<Ending>((resolve) => {
    this.end = resolve
  })

  constructor(
    readonly spec: RoleSpec,
    private readonly exchange: Exchange,
  ) {}

  stop(): void {
    this.end({ how: 'done', value: undefined })
  }

  async kill(): Promise<void> {
    this.killed = true
  }

  beat(progress: number, state: RoleStatus['state'] = 'working', details: RoleStatus['details'] = {}): void {
    const { role, id, incarnation } = this.spec
    const member = `${id}.${incarnation}`
    this.exchange.control.announce(TOPICS.status, { role, member, state, progress, version: 0, details })
  }
}

const cleanup: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const step of cleanup.splice(0).reverse()) await step()
})

async function stage(commander: Record<string, unknown> = {}) {
  const config = await parallelConfig({
    collector_num: 1,
    heartbeat_seconds: 0.02,
    missed_heartbeats: 5,
    stuck_heartbeats: 5,
    start_timeout: 0.2,
    max_restarts: 2,
    ...commander,
  })
  const host = new ThreadExchangeHost({ queue_chunks: 4, queue_bytes: 1e6 })
  const real = await host.connect()
  /** As over a network: while `away`, what is announced waits. */
  const bus = { away: false, waiting: [] as (() => void)[] }
  const announce = (topic: string, message: unknown) => {
    const say = () => real.control.announce(topic, message)
    if (bus.away) bus.waiting.push(say)
    else say()
  }
  const exchange: Exchange = {
    kind: 'thread',
    trajectories: real.trajectories,
    parameters: real.parameters,
    control: { ...real.control, announce },
    store: real.store,
    close: () => real.close(),
  }
  const started: FakeRole[] = []
  const options: SupervisorOptions = {
    spawner: {
      spawn: async (spec) => {
        const role = new FakeRole(spec, exchange)
        started.push(role)
        return role
      },
    },
    exchange,
    settings: commanderConfig(config),
    logger: createRunLogger({
      exp_name: temporaryFolder(),
      console: 'quiet',
      tensorboard: false,
      jsonl: false,
      text: false,
      stderr: { write: () => true } as never,
    }),
    board: new StatusBoard(),
  }
  const supervisor = new Supervisor(options)
  cleanup.push(
    () => host.close(),
    () => supervisor.close(),
  )
  const latest = (id: string) => started.filter(({ spec }) => spec.id === id).at(-1) as FakeRole
  /** Beats for the roles named until `done`. */
  const until = async (done: () => boolean, beats: () => void) => {
    for (let i = 0; i < 400 && !done(); i++) {
      beats()
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    expect(done()).toBe(true)
  }
  const back = () => {
    bus.away = false
    for (const say of bus.waiting.splice(0)) say()
  }
  return { supervisor, started, latest, until, board: options.board, bus, back }
}

describe('the supervisor', () => {
  test('starts a learner, an evaluator and the collectors, and ends with the learner', async () => {
    const { supervisor, started, latest } = await stage({ collector_num: 3 })
    const run = supervisor.run()
    await new Promise((resolve) => setTimeout(resolve, 10))
    expect(started.map(({ spec }) => spec.id)).toEqual([
      'learner',
      'evaluator',
      'collector0',
      'collector1',
      'collector2',
    ])
    latest('learner').end({ how: 'done', value: REPORT })
    expect(await run).toEqual(REPORT)
    expect(started.every(({ killed }) => killed)).toBe(true)
  })

  test.each([
    ['dies', (role: FakeRole) => role.end({ how: 'lost', reason: 'its thread ended' })],
    ['breaks', (role: FakeRole) => role.end({ how: 'failed', error: new EnvError('no connection') })],
    ['says nothing any more', () => undefined],
  ])('replaces a collector that %s', async (_how, harm) => {
    const { supervisor, latest, until, board } = await stage()
    const run = supervisor.run()
    let progress = 0
    const others = () => {
      latest('learner')?.beat(progress++)
      latest('evaluator')?.beat(0, 'waiting')
    }
    await until(
      () => progress > 3,
      () => {
        others()
        latest('collector0')?.beat(progress)
      },
    )
    const first = latest('collector0')
    harm(first)
    await until(() => latest('collector0') !== first, others)
    expect(first.killed).toBe(true)
    expect(latest('collector0').spec.incarnation).toBe(1)
    expect(board.restarts).toEqual({ collector0: 1 })
    latest('learner').end({ how: 'done', value: REPORT })
    expect(await run).toEqual(REPORT)
  })

  test('replaces one that works and gets no further, but not one that waits', async () => {
    const { supervisor, latest, until, board } = await stage()
    const run = supervisor.run()
    let progress = 0
    await until(
      () => board.restarts['collector0'] === 1,
      () => {
        latest('learner')?.beat(progress++)
        latest('evaluator')?.beat(0, 'waiting')
        latest('collector0')?.beat(7)
      },
    )
    expect(board.restarts).toEqual({ collector0: 1 })
    latest('learner').end({ how: 'done', value: REPORT })
    await run
  })

  test('gives up on a role that fails again and again before it gets anywhere', async () => {
    const { supervisor, latest, started } = await stage({ start_timeout: 10 })
    const run = supervisor.run()
    run.catch(() => undefined)
    for (let i = 0; i < 3; i++) {
      await new Promise((resolve) => setTimeout(resolve, 10))
      latest('collector0').end({ how: 'failed', error: new EnvError('broken') })
    }
    await expect(run).rejects.toThrow(/"collector0" was started 3 times and got nowhere.*broken/)
    expect(started.filter(({ spec }) => spec.id === 'collector0')).toHaveLength(3)
  })

  test.each([
    ['learner', (failure: number) => ({ train_iter: 500 - failure })],
    ['evaluator', () => ({ evaluations: 2 })],
    ['collector0', () => ({})],
  ])(
    'gives up on the %s that fails again and again in the same way at the same place',
    async (id, details) => {
      const { supervisor, latest, started, until, board } = await stage({ start_timeout: 10 })
      const run = supervisor.run()
      run.catch(() => undefined)
      for (let failure = 0; failure < 3; failure++) {
        await until(
          () => latest(id)?.spec.incarnation === failure,
          () => undefined,
        )
        const role = latest(id)
        await until(
          () =>
            board
              .look({ messages: 0, bytes: 0 }, 0)
              .roles.some(({ member }) => member === `${id}.${failure}`),
          () => role.beat(7, 'working', details(failure)),
        )
        role.end({ how: 'failed', error: new EnvError('no such level') })
      }
      const times = new RegExp(`"${id}" was started 3 times and always came to the same end.*no such level`)
      await expect(run).rejects.toThrow(times)
      expect(started.filter(({ spec }) => spec.id === id)).toHaveLength(3)
    },
  )

  test.each([
    ['gets further each time', (failure: number) => failure + 1, () => 'no connection'],
    ['fails otherwise each time', () => 7, (failure: number) => `no connection ${failure}`],
  ])('does not give up on a role that %s', async (_what, progress, message) => {
    const { supervisor, latest, until, board } = await stage({ start_timeout: 10 })
    const run = supervisor.run()
    for (let failure = 0; failure < 6; failure++) {
      await until(
        () => latest('collector0')?.spec.incarnation === failure,
        () => undefined,
      )
      const role = latest('collector0')
      await until(
        () =>
          board
            .look({ messages: 0, bytes: 0 }, 0)
            .roles.some(({ member }) => member === `collector0.${failure}`),
        () => role.beat(progress(failure)),
      )
      role.end({ how: 'failed', error: new EnvError(message(failure)) })
    }
    await until(
      () => board.restarts['collector0'] === 6,
      () => undefined,
    )
    latest('learner').end({ how: 'done', value: REPORT })
    expect(await run).toEqual(REPORT)
  })

  test('replaces a collector that leaves while the learner works', async () => {
    const { supervisor, latest, until, board } = await stage()
    const run = supervisor.run()
    let progress = 0
    const beats = () => {
      latest('learner')?.beat(progress++)
      latest('evaluator')?.beat(0, 'waiting')
      if (latest('collector0')?.spec.incarnation === 1) latest('collector0').beat(progress)
    }
    await until(() => progress > 3, beats)
    latest('collector0').end({ how: 'done', value: undefined })
    await until(() => latest('collector0').spec.incarnation === 1, beats)
    expect(board.restarts).toEqual({ collector0: 1 })
    latest('learner').end({ how: 'done', value: REPORT })
    expect(await run).toEqual(REPORT)
  })

  test('blames nobody for the silence while the exchange carries nothing, nor for what was said meanwhile', async () => {
    const { supervisor, started, latest, until, board, bus, back } = await stage()
    const run = supervisor.run()
    let progress = 0
    let beats = 0
    const all = () => {
      beats++
      latest('learner')?.beat(progress)
      latest('evaluator')?.beat(0, 'waiting')
      latest('collector0')?.beat(progress)
    }
    await until(() => ++progress > 5, all)
    bus.away = true
    // Half a second: five times as long as heartbeats may be missed. The roles cannot get further, and say so.
    const pulses = () => bus.waiting.length
    const before = pulses()
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(pulses()).toBeGreaterThan(before)
    for (let i = 0; i < 20; i++) all()
    back()
    const from = beats
    await until(
      () => beats > from + 20,
      () => {
        progress++
        all()
      },
    )
    expect(board.restarts).toEqual({})
    expect(started).toHaveLength(3)
    latest('learner').end({ how: 'done', value: REPORT })
    expect(await run).toEqual(REPORT)
  })

  test('an error that would come again ends the run as it is', async () => {
    const { supervisor, latest } = await stage()
    const run = supervisor.run()
    await new Promise((resolve) => setTimeout(resolve, 10))
    const error = new ConfigError('policy.x is odd')
    latest('learner').end({ how: 'failed', error })
    await expect(run).rejects.toBe(error)
  })
})
