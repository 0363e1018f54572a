import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { defaultsOf, type NatsConfig, NatsExchange, natsSchema } from 'ding'
import type { Figure } from './measure.js'

const REPEATS = 3

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** Chunks of a size from a collector in another thread, acknowledged one by one here: bytes a second. */
async function chunks(config: NatsConfig, run: string, size: number, count: number): Promise<number> {
  const learner = await NatsExchange.open(config, run)
  const code = `import(${JSON.stringify(import.meta.resolve('ding'))}).then(async ({ NatsExchange }) => {
    const { workerData: { config, run, size, count } } = await import('node:worker_threads')
    const exchange = await NatsExchange.open(config, run)
    const chunk = new Uint8Array(size)
    // As many as a collector has on its way: one; two collectors.
    const send = async (name) => {
      for (let i = 0; i < count / 2; i++) await exchange.trajectories.publish(chunk, name + '-' + i)
    }
    await Promise.all([send('a'), send('b')])
    await exchange.close()
  })`
  const worker = new Worker(code, { eval: true, workerData: { config, run, size, count } })
  const ended = new Promise((resolve, reject) => {
    worker.on('exit', resolve)
    worker.on('error', reject)
  })
  const never = new AbortController().signal
  const acknowledging: Promise<void>[] = []
  let start = 0
  for (let i = 0; i < count; i++) {
    const delivery = await learner.trajectories.receive(never)
    if (i === 0) start = performance.now()
    if (delivery !== undefined) acknowledging.push(delivery.ack())
  }
  await Promise.all(acknowledging)
  const seconds = (performance.now() - start) / 1000
  await ended
  await learner.close()
  return (size * (count - 1)) / seconds
}

/** Milliseconds from a publication to the moment when a reader has all of it. */
async function parameters(config: NatsConfig, run: string, size: number): Promise<number> {
  const [learner, collector] = [await NatsExchange.open(config, run), await NatsExchange.open(config, run)]
  const never = new AbortController().signal
  const times: number[] = []
  for (let version = 1; version <= 10; version++) {
    const coming = collector.parameters.waitFor(version, never)
    await delay(20)
    const start = performance.now()
    await learner.parameters.publish({ version, blob: new Uint8Array(size).fill(version) })
    await coming
    times.push(performance.now() - start)
  }
  await learner.close()
  await collector.close()
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN
}

/** What the NATS exchange carries over loopback; nothing where there is no nats-server. */
export async function natsFigures(): Promise<Figure[]> {
  if (spawnSync('nats-server', ['--version']).status !== 0) {
    process.stderr.write('no nats-server on the PATH: its figures are left out\n')
    return []
  }
  const folder = mkdtempSync(join(tmpdir(), 'ding-nats-bench-'))
  const port = await freePort()
  const server = spawn('nats-server', ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', folder], {
    stdio: 'ignore',
  })
  const figures: Figure[] = []
  let runs = 0
  const repeat = async (
    name: string,
    unit: Figure['unit'],
    one: (run: string) => Promise<number>,
  ): Promise<void> => {
    const values: number[] = []
    for (let i = 0; i < REPEATS; i++) values.push(await one(`bench${runs++}`))
    values.sort((a, b) => a - b)
    const [min = 0, value = 0, max = 0] = values
    figures.push({ name, unit, value, min, max })
    process.stderr.write(`${name}: ${value.toFixed(1)} (${min.toFixed(1)} to ${max.toFixed(1)})\n`)
  }
  try {
    for (const storage of ['file', 'memory'] as const) {
      const config: NatsConfig = {
        ...defaultsOf(natsSchema),
        servers: [`nats://127.0.0.1:${port}`],
        storage,
        queue_chunks: 1024,
        queue_bytes: 64 * 1024 * 1024,
      }
      for (const [label, size, count] of [
        ['64_kib', 65536, 2000],
        ['960_kib', 960 * 1024, 300],
      ] as const)
        await repeat(`nats_${storage}_bytes_${label}`, 'per second', (run) =>
          chunks(config, run, size, count),
        )
      await repeat(`nats_${storage}_parameters_2_mb`, 'ms', (run) => parameters(config, run, 2_000_000))
    }
  } finally {
    server.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
  return figures
}
