/** A planar one-legged hopper: torso, thigh, leg, foot. All geoms have a contact margin of 1 mm. */
export const HOPPER = `
<mujoco model="hopper">
  <option integrator="RK4"/>
  <default>
    <geom condim="1" friction="0.9 0.005 0.0001" margin="0.001" solimp="0.8 0.8 0.01 0.5 2"/>
    <motor ctrlrange="-1 1" gear="200"/>
  </default>
  <worldbody>
    <geom name="floor" type="plane" size="20 20 0.125" condim="3" friction="1 0.005 0.0001"/>
    <body name="torso" pos="0 0 1.25">
      <joint name="rootx" type="slide" pos="0 0 -1.25" axis="1 0 0"/>
      <joint name="rootz" type="slide" pos="0 0 -1.25" axis="0 0 1" ref="1.25"/>
      <joint name="rooty" axis="0 1 0"/>
      <geom name="torso_geom" type="capsule" fromto="0 0 0.2 0 0 -0.2" size="0.05"/>
      <body name="thigh" pos="0 0 -0.2">
        <joint name="thigh_joint" axis="0 -1 0" range="-150 0" damping="1" armature="1"/>
        <geom name="thigh_geom" type="capsule" fromto="0 0 0 0 0 -0.45" size="0.05"/>
        <body name="leg" pos="0 0 -0.7">
          <joint name="leg_joint" pos="0 0 0.25" axis="0 -1 0" range="-150 0" damping="1" armature="1"/>
          <geom name="leg_geom" type="capsule" fromto="0 0 0.25 0 0 -0.25" size="0.04"/>
          <body name="foot" pos="0.13 0 -0.35">
            <joint name="foot_joint" pos="-0.13 0 0.1" axis="0 -1 0" range="-45 45" damping="1" armature="1"/>
            <geom name="foot_geom" type="capsule" fromto="-0.26 0 0.1 0.13 0 0.1" size="0.06" friction="2 0.005 0.0001"/>
          </body>
        </body>
      </body>
    </body>
  </worldbody>
  <actuator>
    <motor joint="thigh_joint"/>
    <motor joint="leg_joint"/>
    <motor joint="foot_joint"/>
  </actuator>
</mujoco>
`
