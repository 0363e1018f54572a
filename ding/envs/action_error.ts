import { EnvError } from '../utils/index.js'

/**
 * An action is not of the action space. The caller is at fault, not the env: env managers pass it on at once instead of
 * giving the env another try.
 */
export class ActionError extends EnvError {}
