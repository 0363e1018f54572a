/** Registers every env and wrapper that comes with the library; imported by the face and by env workers. */
import './box2d/index.js'
import './classic_control/index.js'
import './goal/index.js'
import './minatar/index.js'
import './mujoco/index.js'
import './no_env.js'
import './toy_text/index.js'
import './wrappers/index.js'
