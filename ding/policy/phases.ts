import type { SchemaDefinition } from '../config/index.js'

/** Keys below `learn` of policies that can learn from data first and online then; names and defaults are those of CORL's finetune. */
export const phaseKeys = {
  offline_iterations: {
    doc: 'Offline to online: updates from the dataset alone, before the switch.',
    format: 'nonnegative_int',
    default: 1_000_000,
  },
  online_iterations: {
    doc: 'Offline to online: env steps after the switch.',
    format: 'nonnegative_int',
    default: 1_000_000,
  },
} as const satisfies SchemaDefinition
