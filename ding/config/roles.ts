import type { RegistryName } from '../registry/index.js'

/** A part of a run that a config names by its type. */
export interface Role {
  /** Its section in create_config; '' when it has none. */
  readonly section: string
  readonly registry: RegistryName
  /** Where its config sits. */
  readonly place: readonly string[]
  /** The type when the config names none; undefined: it must name one, unless the role is optional. */
  readonly fallback?: string
  readonly optional?: boolean
}

/** The roles and their conventional places (DI-engine's tree), outer ones before those inside them. */
export const ROLES: readonly Role[] = [
  { section: 'env', registry: 'env', place: ['env'] },
  { section: 'policy', registry: 'policy', place: ['policy'] },
  { section: 'env_manager', registry: 'env_manager', place: ['env', 'manager'], fallback: 'base' },
  { section: 'learner', registry: 'learner', place: ['policy', 'learn', 'learner'], fallback: 'base' },
  {
    section: 'collector',
    registry: 'serial_collector',
    place: ['policy', 'collect', 'collector'],
    fallback: 'sample',
  },
  {
    section: 'evaluator',
    registry: 'serial_evaluator',
    place: ['policy', 'eval', 'evaluator'],
    fallback: 'interaction',
  },
  {
    section: 'replay_buffer',
    registry: 'buffer',
    place: ['policy', 'other', 'replay_buffer'],
    fallback: 'advanced',
  },
  { section: 'commander', registry: 'commander', place: ['policy', 'other', 'commander'], optional: true },
  { section: 'exchange', registry: 'exchange', place: ['policy', 'other', 'exchange'], optional: true },
]

/** The model, whose type is policy.model.type or the policy's default model. */
export const MODEL_ROLE: Role = { section: '', registry: 'model', place: ['policy', 'model'], optional: true }

/** What the config system needs of a registry. */
export interface RegistryLike {
  readonly name: string
  get(name: string): unknown
  has(name: string): boolean
  query(): string[]
}

/** The registries that types are looked up in. */
export type Registries = Readonly<Record<RegistryName, RegistryLike>>
