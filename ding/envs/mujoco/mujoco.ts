import { EnvError, RuntimeUnavailableError } from '../../utils/index.js'

// The only file that knows the package @mujoco/mujoco. Its arrays are untyped views on a WebAssembly heap that become
// empty when the heap grows, and nothing in it is garbage-collected; what leaves this file is typed, alive and closed by hand.

/** Arrays of the running simulation, as in MuJoCo's mjData. */
type DataArray =
  | 'qpos'
  | 'qvel'
  | 'ctrl'
  | 'qacc_warmstart'
  | 'qfrc_actuator'
  | 'qfrc_constraint'
  | 'xpos'
  | 'xipos'
  | 'site_xpos'
  | 'geom_xpos'
  | 'geom_xmat'
  | 'cinert'
  | 'cvel'
  | 'cfrc_ext'
  | 'ten_length'
  | 'ten_velocity'

interface Handle {
  delete(): void
}

interface RawModel extends Handle {
  readonly nq: number
  readonly nv: number
  readonly nu: number
  readonly nbody: number
  readonly opt: Readonly<Record<string, unknown>> & { readonly timestep: number }
  readonly stat: Readonly<Record<string, unknown>>
  readonly [field: string]: unknown
}

interface RawData extends Handle, Readonly<Record<DataArray, Float64Array>> {
  readonly ncon: number
  readonly nefc: number
  readonly maxuse_arena: number
}

interface RawBuffer extends Handle {
  GetView(): Float64Array
}

interface RawModule {
  readonly MjModel: { from_xml_string(xml: string): RawModel }
  readonly MjData: new (model: RawModel) => RawData
  readonly DoubleBuffer: new (size: number) => RawBuffer
  readonly mjtObj: Readonly<Record<string, { readonly value: number } | undefined>>
  readonly mjtState: { readonly mjSTATE_INTEGRATION: { readonly value: number } }
  mj_step(model: RawModel, data: RawData): void
  mj_forward(model: RawModel, data: RawData): void
  mj_rnePostConstraint(model: RawModel, data: RawData): void
  mj_resetData(model: RawModel, data: RawData): void
  mj_stateSize(model: RawModel, parts: number): number
  mj_getState(model: RawModel, data: RawData, out: RawBuffer, parts: number): void
  mj_setState(model: RawModel, data: RawData, state: Float64Array, parts: number): void
  mj_name2id(model: RawModel, kind: number, name: string): number
  mj_version(): number
}

type LoadModule = (options: {
  print: (text: string) => void
  printErr: (text: string) => void
}) => Promise<RawModule>

export interface ModelOptions {
  /**
   * Halves the margins of all geoms, which must be equal, so that the sum of two (MuJoCo >= 3.5) is what the larger of the two
   * was before.
   */
  readonly legacy_contact_margin?: boolean
  /**
   * Size of each simulation's arena, as in `256K`, when the model's text has no `<size>`; left out, MuJoCo's own default, which
   * takes 13.6 MB each.
   */
  readonly memory?: string
}

let loading: Promise<Mujoco> | undefined

/**
 * MuJoCo, one instance a thread, loaded at the first call (about 0.2 s and 60 MB).
 * @throws RuntimeUnavailableError when the package is not installed or does not load
 */
export function loadMujoco(): Promise<Mujoco> {
  loading ??= load().catch((error: unknown) => {
    loading = undefined
    throw error
  })
  return loading
}

async function load(): Promise<Mujoco> {
  try {
    const { default: loadModule } = (await import('@mujoco/mujoco')) as unknown as { default: LoadModule }
    const warn = (text: string): void => process.emitWarning(text, 'MuJoCoWarning')
    return new Mujoco(await loadModule({ print: warn, printErr: warn }))
  } catch (cause) {
    throw new RuntimeUnavailableError(
      'MuJoCo did not load. The MuJoCo environments need the package @mujoco/mujoco: npm install @mujoco/mujoco@3.14.0',
      { cause },
    )
  }
}

/** A compiled model and how many simulations use it. */
interface SharedModel {
  readonly raw: RawModel
  users: number
}

/** The loaded physics engine. Models are compiled once and shared by the simulations of the thread. */
export class Mujoco {
  readonly #models = new Map<string, SharedModel>()
  readonly #module: RawModule

  constructor(module: RawModule) {
    this.#module = module
  }

  /** As in 3014000 for 3.14.0. */
  get version(): number {
    return this.#module.mj_version()
  }

  /** Compiled models that are in use. */
  get modelCount(): number {
    return this.#models.size
  }

  /**
   * Starts a simulation of a model at its initial position. Close it when done.
   * @param xml MJCF text
   * @throws EnvError when the text does not compile, its margins differ under `legacy_contact_margin`, or the 2 GiB heap is full
   */
  simulate(xml: string, options: ModelOptions = {}): Simulation {
    const { legacy_contact_margin = false, memory } = options
    const text = memory === undefined ? xml : withMemory(xml, memory)
    const key = `${legacy_contact_margin} ${text}`
    let shared = this.#models.get(key)
    if (shared === undefined) {
      shared = { raw: this.compile(text, legacy_contact_margin), users: 0 }
      this.#models.set(key, shared)
    }
    const { raw } = shared
    shared.users++
    const release = (): void => {
      shared.users--
      if (shared.users > 0) return
      this.#models.delete(key)
      raw.delete()
    }
    try {
      return new Simulation(this.#module, raw, new this.#module.MjData(raw), release)
    } catch (cause) {
      release()
      throw new EnvError(
        'MuJoCo has no memory for another simulation: close() environments that are done, or spread them over worker threads',
        { cause },
      )
    }
  }

  private compile(xml: string, legacyMargin: boolean): RawModel {
    let model: RawModel
    try {
      model = this.#module.MjModel.from_xml_string(xml)
    } catch (cause) {
      const hint = /<include\b|\bfile\s*=/.test(xml)
        ? '. It names other files, which are not read: put what <include> takes in into the text itself, and use shapes in place of meshes, ' +
          'height fields and textures from files'
        : ''
      throw new EnvError(`The MuJoCo model does not compile: ${(cause as Error).message}${hint}`, { cause })
    }
    if (legacyMargin) {
      const margins = model['geom_margin'] as Float64Array
      const first = margins[0] ?? 0
      if (margins.some((margin) => margin !== first)) {
        model.delete()
        throw new EnvError(
          'legacy_contact_margin: the geoms of this model have different margins, for which the rule of MuJoCo before 3.5 ' +
            'cannot be had; set it to false',
        )
      }
      margins.fill(first / 2)
    }
    return model
  }
}

/** The text with a size for the arena, unless it has a `<size>` of its own. */
function withMemory(xml: string, memory: string): string {
  return /<size[\s/>]/.test(xml)
    ? xml
    : xml.replace(/<mujoco[^>]*>/, (tag) => `${tag}<size memory="${memory}"/>`)
}

/** One running simulation of a model. The arrays are live: write into them, but do not keep them past the next call. */
export class Simulation {
  readonly nq: number
  readonly nv: number
  readonly nu: number
  readonly nbody: number
  /** s, of one physics step. */
  readonly timestep: number
  // Private in this strong sense because printing the package's objects, as a test's message does, calls getters that throw.
  readonly #module: RawModule
  readonly #model: RawModel
  #data: RawData | undefined
  readonly #release: () => void
  readonly #views = new Map<DataArray, Float64Array>()

  constructor(module: RawModule, model: RawModel, data: RawData, release: () => void) {
    this.#module = module
    this.#model = model
    this.#data = data
    this.#release = release
    this.nq = model.nq
    this.nv = model.nv
    this.nu = model.nu
    this.nbody = model.nbody
    this.timestep = model.opt.timestep
  }

  get qpos(): Float64Array {
    return this.live('qpos')
  }
  get qvel(): Float64Array {
    return this.live('qvel')
  }
  get ctrl(): Float64Array {
    return this.live('ctrl')
  }
  get qacc_warmstart(): Float64Array {
    return this.live('qacc_warmstart')
  }
  get qfrc_actuator(): Float64Array {
    return this.live('qfrc_actuator')
  }
  get qfrc_constraint(): Float64Array {
    return this.live('qfrc_constraint')
  }
  /** Positions of the bodies' frames, [nbody, 3]. */
  get xpos(): Float64Array {
    return this.live('xpos')
  }
  /** Positions of the bodies' centres of mass, [nbody, 3]. */
  get xipos(): Float64Array {
    return this.live('xipos')
  }
  get site_xpos(): Float64Array {
    return this.live('site_xpos')
  }
  /** Positions of the geoms, [ngeom, 3]. */
  get geom_xpos(): Float64Array {
    return this.live('geom_xpos')
  }
  /** Orientations of the geoms as rotation matrices, [ngeom, 3, 3]. */
  get geom_xmat(): Float64Array {
    return this.live('geom_xmat')
  }
  get cinert(): Float64Array {
    return this.live('cinert')
  }
  get cvel(): Float64Array {
    return this.live('cvel')
  }
  /** Contact forces on the bodies, torque then force, [nbody, 6]; of the last rnePostConstraint(). */
  get cfrc_ext(): Float64Array {
    return this.live('cfrc_ext')
  }
  get ten_length(): Float64Array {
    return this.live('ten_length')
  }
  get ten_velocity(): Float64Array {
    return this.live('ten_velocity')
  }

  /** Contacts and rows of the constraint solver at the moment, and the most bytes of the arena that were ever in use. */
  get usage(): { contacts: number; constraints: number; arena: number } {
    const { ncon, nefc, maxuse_arena } = this.open()
    return { contacts: ncon, constraints: nefc, arena: maxuse_arena }
  }

  /** A copy of a numeric array of the compiled model (mjModel), such as `body_mass` or `qpos0`. Flags cannot be read. */
  modelArray(field: string): number[] {
    this.open()
    const value = this.#model[field]
    if (!ArrayBuffer.isView(value))
      throw new EnvError(`A MuJoCo model has no array "${field}" that can be read`)
    return Array.from(value as unknown as ArrayLike<number>)
  }

  /** A number, or a copy of a short array, of the model's `opt` (options) or `stat` (statistics). */
  modelConstant(group: 'opt' | 'stat', field: string): number | number[] {
    this.open()
    const value = this.#model[group][field]
    if (typeof value === 'number') return value
    if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<number>)
    throw new EnvError(`A MuJoCo model has no number ${group}.${field}`)
  }

  /**
   * Number of a named part of the model.
   * @throws EnvError when there is none of that name
   */
  id(kind: 'body' | 'joint' | 'geom' | 'site' | 'actuator' | 'tendon', name: string): number {
    this.open()
    const type = this.#module.mjtObj[`mjOBJ_${kind.toUpperCase()}`]?.value ?? -1
    const id = this.#module.mj_name2id(this.#model, type, name)
    if (id < 0) throw new EnvError(`The MuJoCo model has no ${kind} named "${name}"`)
    return id
  }

  /** Physics steps with the controls as they are. */
  step(count = 1): void {
    const data = this.open()
    for (let i = 0; i < count; i++) this.#module.mj_step(this.#model, data)
  }

  /** Everything that follows from positions, velocities and controls, without a step. */
  forward(): void {
    this.#module.mj_forward(this.#model, this.open())
  }

  /** Contact forces (`cfrc_ext`), which a step leaves out. */
  rnePostConstraint(): void {
    this.#module.mj_rnePostConstraint(this.#model, this.open())
  }

  /** Back to the model's initial position, at rest, with zero controls. */
  reset(): void {
    this.#module.mj_resetData(this.#model, this.open())
  }

  /** What the next step depends on (mjSTATE_INTEGRATION: time, qpos, qvel, act, the solver's warm start, ctrl, ...). */
  state(): Float64Array {
    const { mj_stateSize, mj_getState, mjtState, DoubleBuffer } = this.#module
    const parts = mjtState.mjSTATE_INTEGRATION.value
    const data = this.open()
    const buffer = new DoubleBuffer(mj_stateSize(this.#model, parts))
    try {
      mj_getState(this.#model, data, buffer, parts)
      return buffer.GetView().slice()
    } finally {
      buffer.delete()
    }
  }

  /** Takes back what {@link state} returned; what follows from it is brought up to date, and the next step is the same to the bit. */
  setState(state: Float64Array): void {
    const data = this.open()
    const parts = this.#module.mjtState.mjSTATE_INTEGRATION.value
    const size = this.#module.mj_stateSize(this.#model, parts)
    if (state.length !== size) {
      throw new EnvError(`A MuJoCo state has ${state.length} numbers, this model's has ${size}`)
    }
    this.#module.mj_setState(this.#model, data, state, parts)
    this.#module.mj_forward(this.#model, data)
    // forward() overwrites the warm start, on which the result of the next step depends.
    this.#module.mj_setState(this.#model, data, state, parts)
  }

  get closed(): boolean {
    return this.#data === undefined
  }

  /** Frees the simulation's memory, which no garbage collector does. Closing twice does no harm. */
  close(): void {
    if (this.#data === undefined) return
    this.#data.delete()
    this.#data = undefined
    this.#views.clear()
    this.#release()
  }

  private open(): RawData {
    if (this.#data === undefined) throw new EnvError('This MuJoCo environment was closed; make a new one')
    return this.#data
  }

  /** Getting a view from the package costs up to 0.8 us, so it is kept; one that the heap's growth has emptied is fetched anew. */
  private live(name: DataArray): Float64Array {
    const view = this.#views.get(name)
    if (view !== undefined && view.length > 0) return view
    const fresh = this.open()[name]
    this.#views.set(name, fresh)
    return fresh
  }
}
