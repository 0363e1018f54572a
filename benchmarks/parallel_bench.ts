import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { type ConfigPair, type Exchange, parallel_pipeline, ThreadExchangeHost } from 'ding'
import { type Figure, median } from './measure.js'

const SLEEP_MS = 5
const ENVS = 1

function figureOf(name: string, values: readonly number[], unit: Figure['unit'] = 'per second'): Figure {
  return { name, unit, value: median(values), min: Math.min(...values), max: Math.max(...values) }
}

/** A DQN whose environments sleep, so that there may be more collectors than cores. */
function sleeping(collector_num: number, samples_per_insert: object): ConfigPair {
  return [
    {
      exp_name: 'run',
      env: { collector_env_num: ENVS, evaluator_env_num: 1, n_evaluator_episode: 1, stop_value: 1e9 },
      policy: {
        model: { obs_shape: 4, action_shape: 2, encoder_hidden_size_list: [64, 64] },
        learn: { update_per_collect: 1, batch_size: 64 },
        collect: { n_sample: 16 },
        eval: { evaluator: { eval_freq: 1_000_000 } },
        other: { replay_buffer: { replay_buffer_size: 20000 } },
      },
    },
    {
      env: {
        type: 'sleep_cartpole',
        import_names: [fileURLToPath(new URL('./sleep_env.mjs', import.meta.url))],
      },
      policy: { type: 'dqn' },
      replay_buffer: { type: 'naive' },
      commander: {
        type: 'solo',
        collector_num,
        samples_per_insert,
        heartbeat_seconds: 0.25,
        status_seconds: 1,
      },
    },
  ]
}

/** Series of the run's one log, without the time of the start. */
function series(folder: string, tag: string): number[] {
  const lines = readFileSync(join(folder, 'run', 'log', 'serial', 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
  const values = lines.flatMap((line) => {
    const row = JSON.parse(line) as { tag?: string; value?: unknown }
    return row.tag === tag && typeof row.value === 'number' && row.value > 0 ? [row.value] : []
  })
  return values.slice(Math.min(2, values.length - 1))
}

/** Runs for so many seconds. */
async function runFor(config: ConfigPair, seconds: number): Promise<string> {
  const work_dir = mkdtempSync(join(tmpdir(), 'ding-bench-'))
  const signal = AbortSignal.timeout(seconds * 1000)
  await parallel_pipeline(config, 0, { work_dir, console: 'quiet', signal })
  return work_dir
}

/** Env steps a second with 1, 2, 4 and 8 collectors; ideal is 1000 / SLEEP_MS each. */
async function scaling(): Promise<Figure[]> {
  process.env['DING_SLEEP_MS'] = String(SLEEP_MS)
  const figures: Figure[] = []
  for (const n of [1, 2, 4, 8]) {
    const folder = await runFor(sleeping(n, { min: 0, max: 4 }), 12 + n)
    const values = series(folder, 'parallel/env_step_per_second')
    rmSync(folder, { recursive: true, force: true })
    const figure = figureOf(`collect_${n}_collectors`, values)
    figures.push(figure)
    const one = figures[0]?.value ?? Number.NaN
    process.stderr.write(
      `${n} collectors: ${figure.value.toFixed(0)} env steps/s, ${((100 * figure.value) / one / n).toFixed(1)} % of ${n} times one, ` +
        `${((100 * figure.value * SLEEP_MS) / 1000 / n).toFixed(1)} % of sleeping alone\n`,
    )
  }
  return figures
}

/** Updates a second of the learner while collectors feed it, without a limit on what it learns from. */
async function learning(): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const [name, n, min] of [
    // Nothing comes in any more once there is a batch.
    ['learn_alone', 1, 1e12],
    ['learn_beside_1_collectors', 1, 0],
    ['learn_beside_4_collectors', 4, 0],
  ] as const) {
    const folder = await runFor(sleeping(n, { min, max: Number.POSITIVE_INFINITY }), 12 + n)
    figures.push(figureOf(name, series(folder, 'parallel/train_iter_per_second')))
    rmSync(folder, { recursive: true, force: true })
  }
  return figures
}

/** Bytes a second through the thread exchange, from another thread to this one, acknowledged one by one. */
async function bandwidth(): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const [name, size, count] of [
    ['64_kib', 65536, 8000],
    ['1_mib', 1 << 20, 1500],
  ] as const) {
    const host = new ThreadExchangeHost({ queue_chunks: 16, queue_bytes: 1 << 30 })
    const ticket = host.ticket()
    const face = import.meta.resolve('ding')
    const code = `import(${JSON.stringify(face)}).then(async ({ ThreadExchangeHost }) => {
      const { workerData } = await import('node:worker_threads')
      const exchange = await ThreadExchangeHost.join(workerData.port)
      for (let n = 0; n < ${count}; n++) await exchange.trajectories.publish(new Uint8Array(${size}), 'c-' + n)
      await exchange.close()
    })`
    const worker = new Worker(code, {
      eval: true,
      workerData: { port: ticket.data },
      transferList: [...ticket.transfer] as never,
    })
    const exchange: Exchange = await host.connect()
    const never = new AbortController().signal
    const first = await exchange.trajectories.receive(never)
    const start = performance.now()
    await first?.ack()
    for (let n = 1; n < count; n++) await (await exchange.trajectories.receive(never))?.ack()
    const seconds = (performance.now() - start) / 1000
    figures.push(figureOf(`exchange_bytes_${name}`, [(size * count) / seconds]))
    await worker.terminate()
    await exchange.close()
    await host.close()
  }
  return figures
}

/** What exchanges carry, and how collecting and learning get on beside each other. Needs a built `dist`. */
export async function parallelFigures(): Promise<Figure[]> {
  return [...(await bandwidth()), ...(await scaling()), ...(await learning())]
}
