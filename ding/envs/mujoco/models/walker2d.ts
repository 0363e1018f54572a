/**
 * A planar walker with two legs. In the model of v4 the right foot slides more easily than the left one (0.9 against 1.9),
 * in that of v5 both have 1.9.
 */
export const walker2d = (rightFootFriction: number): string => `
<mujoco model="walker2d">
  <option integrator="RK4"/>
  <default>
    <joint damping="0.1" armature="0.01"/>
    <geom conaffinity="0" friction="0.9 0.1 0.1"/>
    <motor ctrlrange="-1 1" gear="100"/>
  </default>
  <worldbody>
    <geom name="floor" type="plane" size="40 40 40" conaffinity="1" friction="0.7 0.1 0.1"/>
    <body name="torso" pos="0 0 1.25">
      <joint name="rootx" type="slide" pos="0 0 -1.25" axis="1 0 0" damping="0" armature="0"/>
      <joint name="rootz" type="slide" pos="0 0 -1.25" axis="0 0 1" ref="1.25" damping="0" armature="0"/>
      <joint name="rooty" axis="0 1 0" damping="0" armature="0"/>
      <geom name="torso_geom" type="capsule" fromto="0 0 0.2 0 0 -0.2" size="0.05"/>
      <body name="thigh" pos="0 0 -0.2">
        <joint name="thigh_joint" axis="0 -1 0" range="-150 0"/>
        <geom name="thigh_geom" type="capsule" fromto="0 0 0 0 0 -0.45" size="0.05"/>
        <body name="leg" pos="0 0 -0.7">
          <joint name="leg_joint" pos="0 0 0.25" axis="0 -1 0" range="-150 0"/>
          <geom name="leg_geom" type="capsule" fromto="0 0 0.25 0 0 -0.25" size="0.04"/>
          <body name="foot" pos="0.2 0 -0.35">
            <joint name="foot_joint" pos="-0.2 0 0.1" axis="0 -1 0" range="-45 45"/>
            <geom name="foot_geom" type="capsule" fromto="-0.2 0 0.1 0 0 0.1" size="0.06" friction="${rightFootFriction} 0.1 0.1"/>
          </body>
        </body>
      </body>
      <body name="thigh_left" pos="0 0 -0.2">
        <joint name="thigh_left_joint" axis="0 -1 0" range="-150 0"/>
        <geom name="thigh_left_geom" type="capsule" fromto="0 0 0 0 0 -0.45" size="0.05"/>
        <body name="leg_left" pos="0 0 -0.7">
          <joint name="leg_left_joint" pos="0 0 0.25" axis="0 -1 0" range="-150 0"/>
          <geom name="leg_left_geom" type="capsule" fromto="0 0 0.25 0 0 -0.25" size="0.04"/>
          <body name="foot_left" pos="0.2 0 -0.35">
            <joint name="foot_left_joint" pos="-0.2 0 0.1" axis="0 -1 0" range="-45 45"/>
            <geom name="foot_left_geom" type="capsule" fromto="-0.2 0 0.1 0 0 0.1" size="0.06" friction="1.9 0.1 0.1"/>
          </body>
        </body>
      </body>
    </body>
  </worldbody>
  <actuator>
    <motor joint="thigh_joint"/>
    <motor joint="leg_joint"/>
    <motor joint="foot_joint"/>
    <motor joint="thigh_left_joint"/>
    <motor joint="leg_left_joint"/>
    <motor joint="foot_left_joint"/>
  </actuator>
</mujoco>
`
