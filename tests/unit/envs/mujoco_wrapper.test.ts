import { afterEach, describe, expect, it } from 'vitest'
import {
  createEnv,
  loadMujoco,
  type Mujoco,
  type MujocoEnv,
  type Simulation,
} from '../../../ding/envs/index.js'
import { EnvError } from '../../../ding/utils/index.js'

const BALL = `<mujoco model="ball"><worldbody><geom type="plane" size="1 1 1" margin="0.02"/>
  <body name="ball" pos="0 0 0.5"><joint name="up" type="slide" axis="0 0 1"/><geom name="skin" size="0.1" margin="0.02"/></body>
  </worldbody><actuator><motor joint="up" ctrlrange="-1 1"/></actuator></mujoco>`

const open: Simulation[] = []

async function simulate(xml = BALL, options = {}): Promise<Simulation> {
  const simulation = (await loadMujoco()).simulate(xml, options)
  open.push(simulation)
  return simulation
}

afterEach(async () => {
  for (const simulation of open.splice(0)) simulation.close()
  expect((await loadMujoco()).modelCount).toBe(0)
})

describe('the MuJoCo wrapper', () => {
  it('loads once a thread', async () => {
    const mujoco: Mujoco = await loadMujoco()
    expect(await loadMujoco()).toBe(mujoco)
    expect(mujoco.version).toBe(3_014_000)
  })

  it('keeps its arrays alive when the heap grows', async () => {
    const small = await simulate(BALL, { memory: '256K' })
    const beside = await simulate(BALL, { memory: '256K' })
    small.step(3)
    const { qpos } = small
    // Allocations of this size make the heap grow, which empties all views that anyone holds.
    for (let i = 0; i < 8; i++) await simulate(BALL, { memory: '64M' })
    expect(qpos).toHaveLength(0)
    expect(small.qpos).toHaveLength(1)
    small.ctrl[0] = 0.5
    beside.ctrl[0] = 0
    beside.step(3)
    beside.ctrl[0] = 0.5
    small.step(10)
    beside.step(10)
    expect(small.qpos[0]).toBe(beside.qpos[0])
    expect(small.qpos[0]).not.toBe(0)
  })

  it('shares compiled models and frees the last', async () => {
    const mujoco = await loadMujoco()
    const [a, b, c] = [
      await simulate(),
      await simulate(),
      await simulate(BALL, { legacy_contact_margin: true }),
    ]
    expect(mujoco.modelCount).toBe(2)
    a.close()
    a.close()
    expect(mujoco.modelCount).toBe(2)
    b.close()
    c.close()
    expect(mujoco.modelCount).toBe(0)
    expect(() => a.step()).toThrow(/closed/)
    expect(() => a.qpos).toThrow(EnvError)
  })

  it('halves margins for the old rule', async () => {
    expect((await simulate()).modelArray('geom_margin')).toEqual([0.02, 0.02])
    expect((await simulate(BALL, { legacy_contact_margin: true })).modelArray('geom_margin')).toEqual([
      0.01, 0.01,
    ])
  })

  it('takes back a state to the bit, warm start included', async () => {
    const simulation = await simulate()
    simulation.step(200)
    expect(simulation.usage.contacts).toBe(1)
    const state = simulation.state()
    simulation.step(30)
    const after = simulation.state()
    simulation.reset()
    simulation.setState(state)
    expect(simulation.state()).toEqual(state)
    simulation.step(30)
    expect(simulation.state()).toEqual(after)
    expect(() => simulation.setState(state.subarray(1))).toThrow(/has \d+ numbers/)
  })

  it('names what is wrong', async () => {
    const simulation = await simulate()
    expect(simulation.id('body', 'ball')).toBe(1)
    expect(() => simulation.id('joint', 'left')).toThrow(/no joint named "left"/)
    expect(() => simulation.modelArray('jnt_limits')).toThrow(/no array "jnt_limits"/)
    expect(() => simulation.modelConstant('opt', 'colour')).toThrow(/opt\.colour/)
    expect(simulation.modelConstant('opt', 'gravity')).toEqual([0, 0, -9.81])
    simulation.forward()
    const skin = simulation.id('geom', 'skin')
    expect(Array.from(simulation.geom_xpos.subarray(3 * skin))).toEqual([0, 0, 0.5])
    expect(Array.from(simulation.geom_xmat.subarray(9 * skin))).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1])
    await expect(simulate('<mujoco><worldbody><geom size="a"/></worldbody></mujoco>')).rejects.toThrow(
      /does not compile: (?!.*other files).*size/s,
    )
    await expect(simulate('<mujoco><include file="arm.xml"/></mujoco>')).rejects.toThrow(
      /does not compile: .*names other files, which are not read/s,
    )
  })

  it('survives the making and closing of 300 environments', async () => {
    let heap = 0
    for (let i = 0; i < 300; i++) {
      const type = i % 2 === 0 ? 'HalfCheetah-v5' : 'Humanoid-v5'
      const env = (await createEnv({ type, cfg: {} })) as MujocoEnv
      env.reset()
      env.step(env.random_action())
      // The heap only ever grows: its size tells what was never given back.
      const { byteLength } = env.simulation.qpos.buffer
      if (i === 20) heap = byteLength
      if (i > 20) expect(byteLength).toBe(heap)
      env.close()
    }
  })
})
