import type { Simulation } from '../../ding/envs/index.js'
import { ENV_REGISTRY } from '../../ding/registry/index.js'
import { isRecord } from './golden.js'
import { nativeMujocoEnv } from './mujoco_envs.js'
import type { CaseResult, FileResult } from './types.js'

/**
 * Numbers of a compiled model, relative to the largest of their kind (but at least 1): what rounding in the compiler may do,
 * which starts from our text and not from the published one. Flags (limited or not) cannot be read through the package; the
 * replayed episodes show them.
 */
const TOLERANCE = 1e-12

type Facts = Record<string, unknown>

const GEOM_TYPES = ['plane', 'hfield', 'sphere', 'capsule', 'ellipsoid', 'cylinder', 'box', 'mesh']
const JOINT_TYPES = ['free', 'ball', 'slide', 'hinge']
/** Shown in the fact sheets in place of a name where a part has none. */
const NAMELESS = new Set(['', 'emsc'])

/** Field of the fact sheet -> array of mjModel, for each list of parts. */
const FIELDS = {
  bodies: {
    parent: 'body_parentid',
    pos: 'body_pos',
    ipos: 'body_ipos',
    mass: 'body_mass',
    inertia: 'body_inertia',
    subtreemass: 'body_subtreemass',
    invweight0: 'body_invweight0',
    gravcomp: 'body_gravcomp',
  },
  joints: {
    body: 'jnt_bodyid',
    qposadr: 'jnt_qposadr',
    dofadr: 'jnt_dofadr',
    pos: 'jnt_pos',
    axis: 'jnt_axis',
    range: 'jnt_range',
    margin: 'jnt_margin',
    solref_limit: 'jnt_solref',
    solimp_limit: 'jnt_solimp',
  },
  dofs: {
    joint: 'dof_jntid',
    body: 'dof_bodyid',
    armature: 'dof_armature',
    frictionloss: 'dof_frictionloss',
    invweight0: 'dof_invweight0',
    M0: 'dof_M0',
  },
  geoms: {
    body: 'geom_bodyid',
    pos: 'geom_pos',
    contype: 'geom_contype',
    conaffinity: 'geom_conaffinity',
    condim: 'geom_condim',
    priority: 'geom_priority',
    friction: 'geom_friction',
    margin: 'geom_margin',
    gap: 'geom_gap',
    solref: 'geom_solref',
    solimp: 'geom_solimp',
    solmix: 'geom_solmix',
    rbound: 'geom_rbound',
  },
  actuators: {
    gear: 'actuator_gear',
    ctrlrange: 'actuator_ctrlrange',
    forcerange: 'actuator_forcerange',
    gaintype: 'actuator_gaintype',
    gainprm: 'actuator_gainprm',
    biastype: 'actuator_biastype',
    biasprm: 'actuator_biasprm',
    dyntype: 'actuator_dyntype',
  },
} as const

/** Fields that MuJoCo keeps as a linear coefficient and higher ones; the fact sheets have the linear one. */
const LINEAR = { joints: { stiffness: 'jnt_stiffness' }, dofs: { damping: 'dof_damping' } } as const

function numbers(value: unknown): number[] {
  if (typeof value === 'number') return [value]
  if (Array.isArray(value)) return value.flatMap(numbers)
  throw new Error(`${JSON.stringify(value)} in the fact sheet is no number`)
}

function rows(facts: Facts, part: string): Facts[] {
  return Array.isArray(facts[part]) ? facts[part].filter(isRecord) : []
}

/** Largest difference over the largest expected number, or over 1 if that is smaller. */
function error(ours: readonly number[], theirs: readonly number[]): number {
  if (ours.length !== theirs.length) return Number.POSITIVE_INFINITY
  const scale = Math.max(1, ...theirs.map(Math.abs))
  return Math.max(0, ...theirs.map((v, i) => (Object.is(v, ours[i]) ? 0 : Math.abs(v - ours[i]!) / scale)))
}

/** Largest difference of two quaternions; q and -q are the same rotation. */
function sameRotation(ours: readonly number[], theirs: readonly number[]): number {
  const sign = ours.reduce((sum, v, i) => sum + v * theirs[i]!, 0) < 0 ? -1 : 1
  return error(
    ours.map((v) => sign * v),
    theirs,
  )
}

class Sheet {
  readonly cases: CaseResult[] = []

  constructor(
    private readonly model: string,
    readonly facts: Facts,
    readonly simulation: Simulation,
  ) {}

  compare(what: string, ours: readonly number[], theirs: unknown): void {
    this.add(what, error(ours, numbers(theirs)))
  }

  add(what: string, maxError: number): void {
    this.cases.push({
      name: `${this.model} ${what}`,
      maxError,
      tolerance: TOLERANCE,
      pass: maxError <= TOLERANCE,
    })
  }

  /** An array of the model, one row for each of `count` parts. */
  rowsOf(field: string, count: number): number[][] {
    const flat = this.simulation.modelArray(field)
    const width = count === 0 ? 0 : flat.length / count
    return Array.from({ length: count }, (_, i) => flat.slice(i * width, (i + 1) * width))
  }
}

function compareParts(sheet: Sheet): void {
  for (const [part, fields] of Object.entries(FIELDS)) {
    const theirs = rows(sheet.facts, part)
    for (const [key, field] of Object.entries(fields)) {
      const ours = sheet.rowsOf(field, theirs.length)
      sheet.compare(
        `${part} ${key}`,
        ours.flat(),
        theirs.map((row) => row[key]),
      )
    }
  }
  for (const [part, fields] of Object.entries(LINEAR)) {
    const theirs = rows(sheet.facts, part)
    for (const [key, field] of Object.entries(fields)) {
      const ours = sheet.rowsOf(field, theirs.length)
      sheet.compare(
        `${part} ${key}`,
        ours.map((row) => row[0]!),
        theirs.map((row) => row[key]),
      )
    }
  }
}

function compareShapes(sheet: Sheet): void {
  const { facts } = sheet
  const geoms = rows(facts, 'geoms')
  const types = sheet.rowsOf('geom_type', geoms.length).map(([type]) => GEOM_TYPES[type!])
  sheet.add('geoms type', types.every((type, i) => type === geoms[i]!['type']) ? 0 : Number.POSITIVE_INFINITY)
  // MuJoCo ignores the numbers of `size` that a shape does not use.
  const used = { sphere: 1, capsule: 2, cylinder: 2 } as Record<string, number>
  const sizes = sheet.rowsOf('geom_size', geoms.length)
  const cut = (i: number, size: readonly number[]) => size.slice(0, used[String(geoms[i]!['type'])] ?? 3)
  sheet.compare(
    'geoms size',
    sizes.flatMap((size, i) => cut(i, size)),
    geoms.map((geom, i) => cut(i, numbers(geom['size']))),
  )
  const joints = rows(facts, 'joints')
  const kinds = sheet.rowsOf('jnt_type', joints.length).map(([type]) => JOINT_TYPES[type!])
  sheet.add(
    'joints type',
    kinds.every((kind, i) => kind === joints[i]!['type']) ? 0 : Number.POSITIVE_INFINITY,
  )
  for (const [part, key, field] of [
    ['bodies', 'quat', 'body_quat'],
    ['geoms', 'quat', 'geom_quat'],
  ] as const) {
    const theirs = rows(facts, part)
    const ours = sheet.rowsOf(field, theirs.length)
    sheet.add(
      `${part} ${key}`,
      Math.max(0, ...theirs.map((row, i) => sameRotation(ours[i]!, numbers(row[key])))),
    )
  }
  const targets = sheet.rowsOf('actuator_trnid', rows(facts, 'actuators').length).map(([target]) => target!)
  sheet.compare(
    'actuators target',
    targets,
    rows(facts, 'actuators').map((row) => row['target']),
  )
}

/** Inertia tensors in the bodies' frames: principal axes are not unique where two moments are equal. */
function compareTensors(sheet: Sheet): void {
  const theirs = rows(sheet.facts, 'bodies')
  const inertia = sheet.rowsOf('body_inertia', theirs.length)
  const quat = sheet.rowsOf('body_iquat', theirs.length)
  sheet.compare(
    'bodies inertia tensor',
    inertia.flatMap((moments, i) => tensor(moments, quat[i]!)),
    theirs.map((body) => tensor(numbers(body['inertia']), numbers(body['iquat']))),
  )
}

function tensor(moments: readonly number[], [w, x, y, z]: readonly number[]): number[] {
  const r = [
    [1 - 2 * (y! * y! + z! * z!), 2 * (x! * y! - w! * z!), 2 * (x! * z! + w! * y!)],
    [2 * (x! * y! + w! * z!), 1 - 2 * (x! * x! + z! * z!), 2 * (y! * z! - w! * x!)],
    [2 * (x! * z! - w! * y!), 2 * (y! * z! + w! * x!), 1 - 2 * (x! * x! + y! * y!)],
  ]
  return r.flatMap((a) => r.map((b) => a.reduce((sum, v, k) => sum + v * moments[k]! * b[k]!, 0)))
}

function compareNames(sheet: Sheet): void {
  const kinds = {
    bodies: 'body',
    joints: 'joint',
    geoms: 'geom',
    actuators: 'actuator',
    sites: 'site',
  } as const
  let wrong = 0
  for (const [part, kind] of Object.entries(kinds)) {
    for (const row of rows(sheet.facts, part)) {
      const name = String(row['name'])
      if (!NAMELESS.has(name) && sheet.simulation.id(kind as 'body', name) !== row['id']) wrong++
    }
  }
  sheet.add('names', wrong)
}

function compareWhole(sheet: Sheet, dt: number): void {
  const { facts, simulation } = sheet
  const { nq, nv, nu, nbody } = simulation
  const counts = ['nq', 'nv', 'nu', 'nbody'].map((key) => facts[key])
  sheet.compare('counts', [nq, nv, nu, nbody], counts)
  sheet.compare('qpos0', simulation.modelArray('qpos0'), facts['qpos0'])
  sheet.compare('qpos_spring', simulation.modelArray('qpos_spring'), facts['qpos_spring'])
  sheet.compare('dt', [dt], facts['dt'])
  for (const [group, part] of [
    ['opt', 'option'],
    ['stat', 'statistic'],
  ] as const) {
    for (const [key, theirs] of Object.entries(isRecord(facts[part]) ? facts[part] : {})) {
      sheet.compare(`${part} ${key}`, [simulation.modelConstant(group, key)].flat(), theirs)
    }
  }
  for (const [i, tendon] of rows(facts, 'tendons').entries()) {
    const wraps = rows(tendon, 'wrap')
    const start = simulation.modelArray('tendon_adr')[i]!
    const slice = (field: string) => simulation.modelArray(field).slice(start, start + wraps.length)
    sheet.compare(
      `tendon ${String(tendon['name'])}`,
      [...slice('wrap_objid'), ...slice('wrap_prm')],
      [...wraps.map((wrap) => wrap['objid']), ...wraps.map((wrap) => wrap['prm'])],
    )
  }
}

/** Where everything is, and which forces act, at the initial position: catches what no single array shows. */
function compareAtRest(sheet: Sheet): void {
  const { simulation } = sheet
  const rest = isRecord(sheet.facts['at_qpos0']) ? sheet.facts['at_qpos0'] : {}
  simulation.reset()
  simulation.forward()
  sheet.compare('xpos at rest', Array.from(simulation.xpos), rest['xpos'])
  sheet.compare('xipos at rest', Array.from(simulation.xipos), rest['xipos'])
  const { contacts, constraints } = simulation.usage
  sheet.compare('contacts at rest', [contacts, constraints], [rest['ncon'], rest['nefc']])
}

/** Compares the model that an environment compiles, with today's rule for contact margins, with a fact sheet. */
export async function mujocoFacts(json: unknown, fileName: string): Promise<FileResult> {
  if (!isRecord(json) || typeof json['env'] !== 'string')
    return { skipped: `${fileName}: names no environment` }
  const id = json['env']
  if (!ENV_REGISTRY.has(id)) return { skipped: `${id}: not built` }
  const env = await nativeMujocoEnv(id, { legacy_contact_margin: false })
  try {
    const sheet = new Sheet(String(json['model'] ?? id), json, env.simulation)
    compareWhole(sheet, env.dt)
    compareParts(sheet)
    compareShapes(sheet)
    compareTensors(sheet)
    compareNames(sheet)
    compareAtRest(sheet)
    return { cases: sheet.cases }
  } finally {
    env.close()
  }
}
