import { type Compute, RandomTree } from '../compute/index.js'
import type { Batch } from '../data/index.js'
import { type Action, type ActionMask, type Obs, type Space, spaceFromJSON } from '../envs/index.js'
import { createModel, type Model } from '../model/index.js'
import { NoisyLinear } from '../nn/index.js'
import { type CQNConfig, CQNPolicy, computeFor, type LearnOutput } from '../policy/index.js'
import {
  CheckpointError,
  checkOptions,
  type JsonRecord,
  type JsonValue,
  loadState,
  type StateTree,
  saveState,
  UsageError,
} from '../utils/index.js'
import { isAgentMeta } from './agent_file.js'
import { ComputeShare } from './compute_share.js'
import {
  CQN_OPTIONS,
  type CQNOptions,
  defined,
  policyConfig,
  type SavedOptions,
  withChanges,
} from './cqn_options.js'
import { meanReturn, type TestEnv } from './episodes.js'
import { HyperparameterConfig } from './evolution/hyperparameters.js'
import {
  type ActionMaskBatch,
  maskedObs,
  maskRows,
  type NumberList,
  type ObsBatch,
  obsRows,
} from './inputs.js'
import { checkCount } from './options.js'
import { actionCountOf, checkChannelsFirst, imageRangeOf, obsShapeOf } from './spaces.js'

/**
 * Conservative Q-learning with AgileRL's agent surface (agilerl/algorithms/cqn.py), over the `cqn` policy: the same learning, acting and
 * state as in a pipeline. Everything that runs a program is asynchronous. Call {@link clean_up} when done with an agent.
 */
export class CQN {
  readonly observation_space: Space
  readonly action_space: Space
  index: number
  mut: string | null
  /** Which hyper-parameters evolution may change. */
  hp_config: HyperparameterConfig
  /** Counters and scores that a training loop keeps, as in AgileRL: `steps` ends with the running count. */
  steps: number[] = [0]
  scores: number[] = []
  /** One mean score per call of {@link test}. */
  fitness: number[] = []

  private options: CQNOptions
  private cfg: CQNConfig
  private model: Model
  private random: RandomTree
  private readonly share: ComputeShare
  private policy: Promise<CQNPolicy> | undefined
  private compute: Compute | undefined
  private readonly actions: number

  /**
   * @param share lets agents of a population run on one compute
   * @throws UsageError for options that do not exist, other actions than discrete ones, and images whose channels come last
   */
  constructor(observation_space: Space, action_space: Space, options: CQNOptions = {}, share?: ComputeShare) {
    checkOptions('CQN', options, CQN_OPTIONS)
    this.observation_space = observation_space
    this.action_space = action_space
    this.options = options
    this.index = options.index ?? 0
    this.mut = options.mut ?? null
    this.actions = actionCountOf(action_space)
    if (options.actor_network === undefined) checkChannelsFirst(observation_space)
    this.random = RandomTree.fromSeed(options.seed ?? 0)
    const range = imageRangeOf(observation_space)
    const modelConfig = {
      obs_shape: obsShapeOf(observation_space),
      action_shape: this.actions,
      normalize_images: (options.normalize_images ?? true) && range !== null,
      image_range: range ?? [0, 255],
      net_config: { ...options.net_config },
    }
    this.model =
      options.actor_network?.copy() ??
      createModel({ type: 'agilerl_q', ...modelConfig }, { random: this.random.stream('model') })
    const noisy_net = [...this.model.modules()].some((module) => module instanceof NoisyLinear)
    this.cfg = { ...policyConfig(options), noisy_net, model: modelConfig }
    this.share = share ?? new ComputeShare(() => computeFor(this.cfg))
    const { hp_config } = options
    if (hp_config instanceof HyperparameterConfig) this.hp_config = hp_config
    else this.hp_config = hp_config ? new HyperparameterConfig(hp_config) : HyperparameterConfig.around(this)
  }

  get batch_size(): number {
    return this.cfg.learn.batch_size
  }

  get lr(): number {
    return this.cfg.learn.learning_rate
  }

  get learn_step(): number {
    return this.cfg.collect.n_sample ?? 1
  }

  get gamma(): number {
    return this.cfg.discount_factor
  }

  get tau(): number {
    return this.cfg.learn.target_theta
  }

  get double(): boolean {
    return this.cfg.double
  }

  get cql_alpha(): number {
    return this.cfg.learn.cql_alpha
  }

  get td_weight(): number {
    return this.cfg.learn.td_weight
  }

  get net_config(): Readonly<Record<string, unknown>> | null {
    return this.options.net_config ?? null
  }

  /** Whether its network was given as `actor_network`, so that there is no `net_config` to make it from. */
  get has_own_network(): boolean {
    return this.options.actor_network !== undefined
  }

  /** The online network. */
  get_policy(): Model {
    return this.model
  }

  /**
   * Actions for one observation (a number), or for a batch (Int32Array). With probability epsilon, for each row by itself, a random
   * legal action, else the best legal one. (AgileRL tosses one coin for the whole batch.)
   * @throws UsageError for a mask of the wrong size or without a legal action
   */
  async getAction(obs: Obs, epsilon?: number, action_mask?: ActionMask | null): Promise<number>
  async getAction(
    obs: NumberList,
    epsilon?: number,
    action_mask?: ActionMask | ActionMaskBatch | null,
  ): Promise<number | Int32Array>
  async getAction(obs: ObsBatch, epsilon?: number, action_mask?: ActionMaskBatch | null): Promise<Int32Array>
  async getAction(
    obs: Obs | NumberList | ObsBatch,
    epsilon = 0,
    action_mask: ActionMask | ActionMaskBatch | null = null,
  ): Promise<number | Int32Array> {
    if (!(epsilon >= 0 && epsilon <= 1))
      throw new UsageError(`epsilon is ${epsilon}, expected a probability.`)
    const { rows, single } = obsRows(obs, this.observation_space)
    const masks = action_mask === null ? [] : maskRows(action_mask, rows.length, this.actions)
    const out = await this.act({ ...rows }, { ...masks }, epsilon)
    return single ? Number(out[0]) : Int32Array.from(rows, (_, i) => Number(out[i]))
  }

  private async act(
    obs: Record<number, Obs>,
    masks: Record<number, ActionMask>,
    epsilon: number,
  ): Promise<Record<number, Action>> {
    const inputs = maskedObs(obs, masks, this.actions, this.observation_space)
    const policy = await this.ready()
    const out =
      epsilon > 0
        ? await policy.collect_mode.forward(inputs, { eps: epsilon })
        : await policy.eval_mode.forward(inputs)
    return Object.fromEntries(Object.entries(out).map(([id, { action }]) => [id, action]))
  }

  /**
   * One update from a batch of obs, action, reward, next_obs and done (columns [B] or [B, 1]), target network included.
   * @returns the loss
   */
  async learn(experiences: Batch): Promise<number> {
    const policy = await this.ready()
    const output = (await policy.learn_mode.forward(experiences)) as LearnOutput
    return output['total_loss'] as number
  }

  /**
   * Mean return of the greedy policy over `loop` rounds of one episode in every environment, appended to {@link fitness}.
   * Episodes are cut after `max_steps` steps (null: only where the environment ends them). An `action_mask` in the observation forbids actions, and so
   * does one in the info of the step before; a reset has no info, so that the latter leaves the first action of an episode free.
   * @throws UsageError for options that do not exist, no whole numbers above 0, or a mask of another size or without a legal action
   */
  async test(env: TestEnv, options: { max_steps?: number | null; loop?: number } = {}): Promise<number> {
    checkOptions('CQN.test', options, ['max_steps', 'loop'])
    const { max_steps = null, loop = 3 } = options
    checkCount('CQN.test', 'loop', loop)
    if (max_steps !== null) checkCount('CQN.test', 'max_steps', max_steps)
    let total = 0
    for (let i = 0; i < loop; i++)
      total += await meanReturn(env, (obs, masks) => this.act(obs, masks, 0), max_steps)
    const score = total / loop
    this.fitness.push(score)
    return score
  }

  /** An independent copy: networks, optimizer, random streams and the lists. `index` replaces the agent's number. */
  async clone(index: number = this.index): Promise<CQN> {
    const twin = new CQN(this.observation_space, this.action_space, this.options, this.share)
    await twin.load_state_dict(await this.state_dict())
    twin.index = index
    return twin
  }

  /**
   * An agent with some other arguments, and this one's number, lists and random streams. Its network and optimizer are new: what of the old ones
   * it is to have, its maker gives it. Ranges of hyper-parameters go over, those too that were made around the old values.
   */
  successor(changes: Partial<CQNOptions>): CQN {
    const options = { ...withChanges(this.options, changes), hp_config: this.hp_config }
    const next = new CQN(this.observation_space, this.action_space, options, this.share)
    next.random.load_state_dict(this.random.state_dict())
    const { index, mut, steps, scores, fitness } = this
    Object.assign(next, { index, mut, steps: [...steps], scores: [...scores], fitness: [...fitness] })
    return next
  }

  /** Everything that {@link save_checkpoint} saves. */
  async state_dict(): Promise<StateTree> {
    const policy = await this.ready()
    const { index, mut, steps, scores, fitness } = this
    return {
      policy: policy.learn_mode.state_dict(),
      random: this.random.state_dict(),
      agent: { index, mut, steps: [...steps], scores: [...scores], fitness: [...fitness] },
    }
  }

  /** @throws CheckpointError when the state is not of such an agent; nothing is changed then */
  async load_state_dict(state: StateTree): Promise<void> {
    const { policy: learned, random, agent } = state
    if (!isTree(learned) || !isTree(random) || !isTree(agent)) {
      throw new CheckpointError(
        `The state is not of a CQN agent: it has ${Object.keys(state).join(', ') || 'nothing'}, expected policy, random, agent.`,
      )
    }
    const policy = await this.ready()
    policy.learn_mode.load_state_dict(learned)
    this.random.load_state_dict(random)
    const { index, mut, steps, scores, fitness } = agent as unknown as Pick<
      CQN,
      'index' | 'mut' | 'steps' | 'scores' | 'fitness'
    >
    Object.assign(this, { index, mut, steps: [...steps], scores: [...scores], fitness: [...fitness] })
  }

  /** The agent as a state and what is needed to make it anew: {@link CQN.restored}. */
  async snapshot(): Promise<{ tree: StateTree; meta: JsonRecord }> {
    const { actor_network, hp_config: _ranges, ...options } = this.options
    const meta = {
      agent: 'CQN',
      custom_network: actor_network !== undefined,
      options: {
        ...defined(options as Record<string, unknown>),
        hp_config: this.hp_config.toJSON(),
      } as JsonValue,
      observation_space: this.observation_space.toJSON() as JsonValue,
      action_space: this.action_space.toJSON() as JsonValue,
    }
    return { tree: await this.state_dict(), meta }
  }

  /** Writes the agent to one safetensors file, from which {@link CQN.load} makes it anew. */
  async save_checkpoint(path: string): Promise<void> {
    const { tree, meta } = await this.snapshot()
    saveState(path, tree, meta)
  }

  /**
   * Makes this agent the one of a checkpoint: network, optimizer, hyper-parameters, lists and random streams. Its device stays.
   * @throws CheckpointError, with nothing changed, for a file that no agent wrote, or one of other spaces
   */
  async load_checkpoint(path: string): Promise<void> {
    const { tree, meta } = checkpointOf(path)
    const [observation_space, action_space] = spacesOf(meta)
    if (!observation_space.equals(this.observation_space) || !action_space.equals(this.action_space)) {
      throw new CheckpointError(
        `Cannot load "${path}": its agent has observations ${observation_space} and actions ${action_space}, this one ${this.observation_space} and ${this.action_space}. Use CQN.load(path).`,
      )
    }
    const { device = 'cpu', actor_network } = this.options
    const own = meta['custom_network'] === true && actor_network !== undefined ? { actor_network } : {}
    const saved = await CQN.restored(tree, meta, { device, ...own }, this.share)
    await this.clean_up()
    const { options, cfg, model, random, hp_config, policy, compute } = saved
    const { index, mut, steps, scores, fitness } = saved
    Object.assign(this, { options, cfg, model, random, hp_config, policy, compute })
    Object.assign(this, { index, mut, steps, scores, fitness })
  }

  /**
   * The agent of a checkpoint. One that was made with `actor_network` needs such a network again.
   * @throws CheckpointError for a file that no agent wrote
   */
  static async load(path: string, options: Pick<CQNOptions, 'actor_network' | 'device'> = {}): Promise<CQN> {
    checkOptions('CQN.load', options, ['actor_network', 'device'])
    const { tree, meta } = checkpointOf(path)
    return CQN.restored(tree, meta, options)
  }

  /**
   * The agent of a {@link snapshot}. @param options replace those that it was made with @param share the compute that it runs on
   * @throws CheckpointError when it has a network of its own and none is given
   */
  static async restored(
    tree: StateTree,
    meta: JsonRecord,
    options: Partial<CQNOptions> = {},
    share?: ComputeShare,
  ): Promise<CQN> {
    if (meta['custom_network'] === true && options.actor_network === undefined) {
      throw new CheckpointError('The agent has a network of its own. Give one like it as actor_network.')
    }
    const saved = meta['options'] as unknown as SavedOptions
    const given = defined(options as Record<string, unknown>)
    const agent = new CQN(...spacesOf(meta), { ...saved, ...given }, share)
    try {
      await agent.load_state_dict(tree)
    } catch (error) {
      await agent.clean_up()
      throw error
    }
    return agent
  }

  /** `size` agents with indices 0 to size - 1 and weights of their own (seed + index). */
  static population(
    size: number,
    observation_space: Space,
    action_space: Space,
    kwargs: Omit<CQNOptions, 'index'> = {},
  ): CQN[] {
    if (!Number.isInteger(size) || size < 1)
      throw new UsageError(`A population of ${size} is not possible: give a whole number > 0.`)
    const share = new ComputeShare(() => computeFor({ ...policyConfig(kwargs) }))
    const seed = kwargs.seed ?? 0
    return Array.from(
      { length: size },
      (_, index) => new CQN(observation_space, action_space, { ...kwargs, index, seed: seed + index }, share),
    )
  }

  /** The end of the agent: lets go of its programs and, when no clone or member of the population is left, of the runtime. */
  async clean_up(): Promise<void> {
    if (this.policy === undefined) return
    await this.policy
    this.policy = undefined
    if (this.compute !== undefined) await this.share.leave(this.compute)
    this.compute = undefined
  }

  private ready(): Promise<CQNPolicy> {
    this.policy ??= this.share.join().then((compute) => {
      const { cfg, model } = this
      this.compute = compute
      return new CQNPolicy(cfg, { compute, random: this.random.branch('policy'), model })
    })
    return this.policy
  }
}

/** @throws CheckpointError for a file that no agent wrote */
function checkpointOf(path: string): { tree: StateTree; meta: JsonRecord } {
  const { tree, meta } = loadState(path)
  if (meta['agent'] === 'CQN' && !isAgentMeta(meta)) return { tree, meta }
  throw new CheckpointError(`Cannot load "${path}": it was not written by CQN.save_checkpoint.`)
}

function spacesOf(meta: JsonRecord): [observation_space: Space, action_space: Space] {
  return [spaceFromJSON(meta['observation_space']), spaceFromJSON(meta['action_space'])]
}

function isTree(value: unknown): value is StateTree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
