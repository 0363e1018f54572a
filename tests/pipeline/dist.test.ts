import { randomUUID } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  cleanRun,
  type DistOptions,
  defaultsOf,
  dist,
  inspectRun,
  loadState,
  NatsExchange,
  natsSchema,
  parallel_pipeline,
  type RunStatus,
  resume_pipeline,
} from '../../entry/index.js'
import { filesWith, smallDqn, temporaryFolder } from '../fixtures/configs.js'
import { NatsServer, NO_NATS_SERVER, natsTitle } from '../unit/parallel/nats_server.js'

it('dist refuses an exchange that reaches no other machine', async () => {
  const [main, create] = smallDqn()
  const within = [main, { ...create, exchange: { type: 'thread' } }] as const
  const options = { role: 'collector', console: 'quiet', work_dir: temporaryFolder() } as const
  await expect(dist(within, 0, options)).rejects.toThrow(/stays within one process.*--nats/)
})

describe.skipIf(NO_NATS_SERVER !== '')(natsTitle('roles over a real server'), () => {
  let server: NatsServer

  beforeAll(async () => {
    server = await NatsServer.start()
  })
  afterAll(() => server.stop())

  const config = (exp_name: string): readonly [object, object] => {
    const [main, create] = smallDqn()
    return [
      { ...main, exp_name },
      {
        ...create,
        commander: { type: 'solo', collector_num: 1, heartbeat_seconds: 0.2, status_seconds: 0.5 },
      },
    ]
  }

  it('learn together from one config; the learner goes on when started again, and is there once', async () => {
    const work_dir = temporaryFolder()
    const join_ = (role: DistOptions['role'], more: Partial<DistOptions> = {}) =>
      dist(config('together'), 0, {
        role,
        nats: server.url,
        console: 'quiet',
        work_dir: role === 'learner' ? work_dir : temporaryFolder(),
        ...more,
      })
    const settings = { ...defaultsOf(natsSchema), servers: [server.url] }
    const observer = await NatsExchange.open(settings, 'together')
    const learned = new Promise<void>((resolve) => {
      observer.control.subscribe('status', (message) => {
        const { role, details } = message as { role: string; details: { train_iter?: number } }
        if (role === 'learner' && (details.train_iter ?? 0) > 50) resolve()
      })
    })
    const others = [join_('collector'), join_('evaluator')]
    const stop = new AbortController()
    const learning = join_('learner', { signal: stop.signal })
    await learned
    await expect(join_('learner')).rejects.toThrow(/at work in/)
    await expect(join_('learner', { work_dir: temporaryFolder() })).rejects.toThrow(/has a learner already/)
    stop.abort()
    const first = await learning
    await observer.close()
    if (first.role !== 'learner') throw new Error('not the learner')
    expect(first.result).toMatchObject({ stop_reason: 'interrupted' })
    const done = first.result.train_iter
    const folder = join(work_dir, 'together')
    for (const file of ['result.json', 'status.json', 'total_config.json', 'ckpt/run_state.safetensors'])
      expect(existsSync(join(folder, file)), file).toBe(true)
    expect(readFileSync(join(folder, 'total_config.json'), 'utf8')).toContain(server.url)

    // The others have waited for it.
    const second = await join_('learner', { max_train_iter: done + 100 })
    const [collector] = await Promise.all(others)
    expect(collector).toMatchObject({ role: 'collector' })
    if (second.role !== 'learner') throw new Error('not the learner')
    expect(second.result).toMatchObject({ stop_reason: 'max_train_iter' })
    expect(second.result.train_iter).toBeGreaterThanOrEqual(done + 100)
    expect(Number.isFinite(second.result.eval_value)).toBe(true)
    expect(second.result.env_step).toBeGreaterThan(first.result.env_step)

    // Over, and gone on with: whoever joined in between waits for the learner.
    const more = [join_('collector'), join_('evaluator')]
    const third = await join_('learner', { max_train_iter: done + 150 })
    await Promise.all(more)
    expect(third).toMatchObject({ result: { stop_reason: 'max_train_iter' } })

    const elsewhere = { work_dir: temporaryFolder() }
    await expect(join_('learner', elsewhere)).rejects.toThrow(/holds a run of this name.*ding nats clean/)
    expect((await cleanRun(settings, 'together')).length).toBe(4)
    expect(await inspectRun(settings, 'together')).toMatchObject({ streams: [], aside: [] })
  })

  it('are threads of one process too, with -m parallel', async () => {
    const [main, create] = config('here')
    const work_dir = temporaryFolder()
    // Made up here: the folder holds git's diff, which may have this file in it.
    const password = randomUUID()
    const exchange = { type: 'nats', servers: [server.url], user: 'ding', password }
    const result = await parallel_pipeline([main, { ...create, exchange }], 0, {
      console: 'quiet',
      work_dir,
      max_train_iter: 100,
      inline: true,
    })
    expect(filesWith(password, join(work_dir, 'here'))).toEqual([])
    expect(result.train_iter).toBeGreaterThanOrEqual(100)
    expect(Number.isFinite(result.eval_value)).toBe(true)
  })

  it('go on in the run that they left, and no fresh run is mixed with it', async () => {
    const [main, create] = config('again')
    const pair = [main, { ...create, exchange: { type: 'nats', servers: [server.url] } }] as const
    const options = { console: 'quiet', inline: true, max_train_iter: 50 } as const
    const work_dir = temporaryFolder()
    const first = await parallel_pipeline(pair, 0, { ...options, work_dir })
    const other = temporaryFolder()
    const fresh = parallel_pipeline(pair, 0, { ...options, work_dir: other })
    await expect(fresh).rejects.toThrow(/holds a run of this name.*--resume.*ding nats clean/)
    expect(readdirSync(other)).toEqual([])

    const folder = join(work_dir, 'again')
    const limit = first.train_iter + 50
    const second = await resume_pipeline(folder, { ...options, max_train_iter: limit } as object)
    expect(second).toMatchObject({ stop_reason: 'max_train_iter' })
    expect(second.train_iter).toBeGreaterThanOrEqual(limit)
    const { roles, restarts } = JSON.parse(readFileSync(join(folder, 'status.json'), 'utf8')) as RunStatus
    expect(restarts).toEqual({})
    // The collector began anew, under a name that the learner had not seen.
    expect(roles.find(({ role }) => role === 'learner')?.details).toMatchObject({ duplicates: 0 })
  })

  it('save and leave when they are interrupted while the server is away, and go on when it is back', async () => {
    const own = await NatsServer.start()
    onTestFinished(() => own.stop())
    const [main, create] = config('away')
    const pair = [main, { ...create, exchange: { type: 'nats', servers: [own.url] } }] as const
    const work_dir = temporaryFolder()
    const folder = join(work_dir, 'away')
    const stop = new AbortController()
    const running = parallel_pipeline(pair, 0, {
      console: 'quiet',
      inline: true,
      work_dir,
      signal: stop.signal,
    })
    await vi.waitFor(() => expect(trained(folder)).toBeGreaterThan(20), 30_000)
    await own.kill()
    await delay(500)
    stop.abort()
    const first = await running
    expect(first.stop_reason).toBe('interrupted')
    const { tree } = loadState(join(folder, 'ckpt', 'run_state.safetensors'))
    expect(tree['learner']).toMatchObject({ last_iter: first.train_iter })

    await own.up()
    const limit = first.train_iter + 50
    const second = await resume_pipeline(folder, {
      console: 'quiet',
      inline: true,
      max_train_iter: limit,
    } as object)
    expect(second.train_iter).toBeGreaterThanOrEqual(limit)
    expect(second.env_step).toBeGreaterThan(first.env_step)
  }, 120_000)
})

/** Train iterations of the run in a folder, as its status says. */
function trained(folder: string): number {
  const { roles } = JSON.parse(readFileSync(join(folder, 'status.json'), 'utf8')) as RunStatus
  return Number(roles.find(({ role }) => role === 'learner')?.details['train_iter'] ?? 0)
}
