import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import {
  decodeChunk,
  defaultsOf,
  type HostTensor,
  inspectRun,
  loadState,
  type NatsConfig,
  NatsExchange,
  natsSchema,
  SeenChunks,
  type StateTree,
} from '../../ding/index.js'
import { environment } from '../fixtures/cli/ding.js'
import type { NatsServer } from '../unit/parallel/nats_server.js'
import { NONCES, SERIALS } from './ticket_env.js'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const NAME = 'tickets'
/** What the tests send in, besides what the run does itself. */
export const POISON = 'not a chunk at all'

/** A role as a process of its own, started again as often as it is killed: what an orchestrator does. */
export class Role {
  starts = 0
  /** Exit code of a process that ended by itself. */
  code: number | undefined
  #child: ChildProcess | undefined
  #ending = false
  /** Ends with the exit code of a process that was not killed. */
  readonly ended: Promise<number>
  #resolve!: (code: number) => void

  constructor(
    readonly name: string,
    private readonly args: readonly string[],
    private readonly folder: string,
    private readonly wrapper: readonly string[],
    private readonly output: (line: string) => void,
  ) {
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  start(): void {
    this.starts++
    const loader = here('../../node_modules/tsx/dist/loader.mjs')
    const all = [
      ...this.wrapper,
      process.execPath,
      '--import',
      loader,
      here('../../entry/bin.ts'),
      ...this.args,
    ]
    const [command = '', ...args] = all
    const child = spawn(command, args, {
      cwd: this.folder,
      env: environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    const keep = (data: Buffer): void => {
      for (const line of data.toString().split('\n'))
        if (line.trim() !== '') this.output(`${this.name}: ${line}`)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.on('exit', (code, signal) => {
      if (this.#child !== child) return
      if (signal === 'SIGKILL' && !this.#ending) this.start()
      else {
        this.code = code ?? -1
        this.#resolve(this.code)
      }
    })
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  kill(): void {
    this.#child?.kill('SIGKILL')
  }

  /** A process that is there but does nothing, as one that hangs. */
  freeze(frozen: boolean): void {
    this.#child?.kill(frozen ? 'SIGSTOP' : 'SIGCONT')
  }

  leave(): void {
    this.#ending = true
    this.#child?.kill('SIGTERM')
  }

  end(): void {
    this.#ending = true
    this.#child?.kill('SIGKILL')
  }
}

/** What became of every transition. */
export interface Account {
  /** Transitions in the learner's replay buffer. */
  readonly learned: number
  /** Environments that they came from. */
  readonly envs: number
  /** Transitions that are there twice, as environment/serial. */
  readonly twice: readonly string[]
  /** Gaps: an environment's serial that is missing though a later one is there. */
  readonly missing: readonly string[]
  /** Ids of what the tests sent in to be set aside: those that were, with the reason, and those still in the queue. */
  readonly poison: readonly string[]
  readonly duplicates: number
}

/** A run of real roles over a real server, in a folder of its own. */
export class Cluster {
  readonly folder = mkdtempSync(join(tmpdir(), 'ding-faults-'))
  readonly roles: Role[] = []
  readonly output: string[] = []

  /** @param options `wrapper` goes before the commands of collectors */
  constructor(
    readonly server: NatsServer,
    collectors: number,
    { url = server.url, step_ms = 2, wrapper = [] as readonly string[], exchange = {} } = {},
  ) {
    const config = {
      main_config: {
        exp_name: NAME,
        env: { collector_env_num: 2, evaluator_env_num: 1, n_evaluator_episode: 1, step_ms },
        policy: {
          model: { obs_shape: 2, action_shape: 2, encoder_hidden_size_list: [8] },
          learn: { update_per_collect: 1, batch_size: 8, learner: { hook: { save_ckpt_after_iter: 150 } } },
          collect: { n_sample: 8 },
          eval: { evaluator: { eval_freq: 100 } },
          other: { replay_buffer: { replay_buffer_size: 200_000 } },
        },
      },
      create_config: {
        env: { type: 'ticket', import_names: [here('ticket_env.ts')] },
        policy: { type: 'dqn' },
        replay_buffer: { type: 'naive' },
        commander: { type: 'solo', collector_num: collectors, heartbeat_seconds: 0.5, missed_heartbeats: 8 },
        exchange: {
          type: 'nats',
          servers: [url],
          ack_wait_s: 4,
          request_timeout_s: 2,
          connect_timeout_s: 60,
          queue_chunks: 4096,
          queue_bytes: 4 * 1024 * 1024,
          ...exchange,
        },
      },
    }
    writeFileSync(join(this.folder, 'config.json'), JSON.stringify(config))
    const add = (name: string, ...args: string[]): void => {
      const all = ['-m', 'dist', '-c', 'config.json', '--role', ...args]
      const where = args[0] === 'collector' ? wrapper : []
      this.roles.push(new Role(name, all, this.folder, where, (line) => this.output.push(line)))
    }
    add('learner', 'learner')
    add('evaluator', 'evaluator')
    for (let i = 0; i < collectors; i++) add(`collector${i}`, 'collector', '--id', `collector${i}`)
  }

  role(name: string): Role {
    const found = this.roles.find((role) => role.name === name)
    if (found === undefined) throw new Error(`no role ${name}`)
    return found
  }

  start(): void {
    for (const role of this.roles) role.start()
  }

  /** A member of the run, to look at it and to send in what no collector would. */
  member(): Promise<NatsExchange> {
    return NatsExchange.open(this.#config(this.server.url), NAME, () => {})
  }

  #config(url: string): NatsConfig {
    return {
      ...defaultsOf(natsSchema),
      servers: [url],
      ack_wait_s: 4,
      request_timeout_s: 2,
      queue_chunks: 4096,
      queue_bytes: 4 * 1024 * 1024,
      allow_insecure: true,
      prefetch: 64,
    }
  }

  /** Waits for the learner to have taken in `env_steps` more transitions than when it was called. */
  async progress(exchange: NatsExchange, env_steps: number, ms: number): Promise<void> {
    let first: number | undefined
    let last = 0
    const end = exchange.control.subscribe('status', (message) => {
      const { role, details } = message as { role: string; details: Record<string, number> }
      if (role !== 'learner') return
      last = details['env_step'] ?? 0
      first ??= last
    })
    try {
      for (const until = performance.now() + ms; performance.now() < until; await delay(50)) {
        if (first !== undefined && last - first >= env_steps) return
        if (this.roles.some(({ code }) => code !== undefined)) break
      }
    } finally {
      end()
    }
    throw new Error(
      `the run got no further: ${first} -> ${last} env steps in ${ms} ms\n${this.output.slice(-40).join('\n')}`,
    )
  }

  /** Lets collectors leave, then the learner, which saves. @returns the exit code of the learner */
  async finish(): Promise<number> {
    for (const role of this.roles) if (role.name !== 'learner') role.leave()
    for (const role of this.roles) if (role.name !== 'learner') await role.ended
    const learner = this.role('learner')
    learner.leave()
    return learner.ended
  }

  /** Counts what the run state holds together with what is still in the queue. */
  async account(): Promise<Account> {
    const path = join(this.folder, NAME, 'ckpt', 'run_state.safetensors')
    const { tree } = loadState(path)
    const intake = tree['intake'] as StateTree
    const counts = intake['counts'] as Record<string, number>
    const observations = observationsOf(tree['buffer'] as StateTree)
    const exchange = await this.member()
    const { aside } = await inspectRun(this.#config(this.server.url), NAME)
    const poison = aside.filter(({ reason }) => /chunk/.test(reason)).map(({ id }) => id)
    const seen = new SeenChunks()
    seen.load_state_dict(intake['seen'] as never)
    try {
      for (;;) {
        const delivery = await exchange.trajectories.receive(AbortSignal.timeout(1500))
        if (delivery === undefined) break
        if (delivery.id.startsWith('poison')) {
          poison.push(delivery.id)
          continue
        }
        const { header, transitions } = decodeChunk(delivery.chunk)
        if (!seen.add(header.collector, header.sequence)) continue
        for (const row of transitions()) observations.push(row['obs'] as Float32Array)
        await delivery.ack()
      }
    } finally {
      await exchange.close()
    }
    return {
      ...audit(observations),
      learned: Number(counts['transitions']),
      poison: [...new Set(poison)].sort(),
      duplicates: Number(counts['duplicates']),
    }
  }

  remove(): void {
    for (const role of this.roles) role.end()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** The column of observations, wherever the buffer's state has it. */
function observationsOf(tree: StateTree): Float32Array[] {
  const found = find(tree)
  if (found === undefined)
    throw new Error(`no observations in the state of the buffer: ${Object.keys(tree).join()}`)
  const { data } = found
  return Array.from({ length: data.length / 2 }, (_, i) => (data as Float32Array).subarray(2 * i, 2 * i + 2))
}

function find(tree: StateTree): HostTensor | undefined {
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) continue
    if ('shape' in value && 'data' in value) {
      if (key === 'obs') return value as HostTensor
      continue
    }
    const inside = find(value as StateTree)
    if (inside !== undefined) return inside
  }
  return undefined
}

/** Which transitions are there twice, and which are missing before others of the same environment. */
export function audit(observations: readonly Float32Array[]): Pick<Account, 'envs' | 'twice' | 'missing'> {
  const byEnv = new Map<number, number[]>()
  for (const [nonce = 0, serial = 0] of observations) {
    const env = Math.round(nonce * NONCES)
    const serials = byEnv.get(env) ?? []
    serials.push(Math.round(serial * SERIALS))
    byEnv.set(env, serials)
  }
  const [twice, missing]: [string[], string[]] = [[], []]
  for (const [env, serials] of byEnv) {
    const there = new Set<number>()
    for (const serial of serials) {
      if (there.has(serial)) twice.push(`${env}/${serial}`)
      there.add(serial)
    }
    for (let serial = 0; serial < Math.max(...serials); serial++)
      if (!there.has(serial)) missing.push(`${env}/${serial}`)
  }
  return { envs: byEnv.size, twice, missing }
}
