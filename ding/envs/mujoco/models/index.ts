/**
 * The models as MJCF text, written for this project from the published dimensions, masses and contact parameters: compiled,
 * they agree with what Gymnasium's models compile to up to rounding (tests/parity, `mujoco_facts`). Their collision geoms
 * have the published margins; the rule by which two margins combine is set when a model is compiled.
 */
export { ANT } from './ant.js'
export { HALF_CHEETAH } from './half_cheetah.js'
export { HOPPER } from './hopper.js'
export { HUMANOID } from './humanoid.js'
export { HUMANOID_STANDUP } from './humanoid_standup.js'
export { INVERTED_DOUBLE_PENDULUM } from './inverted_double_pendulum.js'
export { INVERTED_PENDULUM } from './inverted_pendulum.js'
export { pusher } from './pusher.js'
export { REACHER } from './reacher.js'
export { SWIMMER } from './swimmer.js'
export { walker2d } from './walker2d.js'
