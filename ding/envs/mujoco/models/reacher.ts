/** A planar arm of two links and a target that can be placed; nothing collides. */
export const REACHER = `
<mujoco model="reacher">
  <compiler angle="radian"/>
  <option timestep="0.01" integrator="RK4"/>
  <default>
    <joint damping="1" armature="1"/>
    <geom contype="0" conaffinity="0" friction="1 0.1 0.1"/>
    <motor ctrlrange="-1 1" gear="200"/>
  </default>
  <worldbody>
    <geom name="ground" type="plane" size="1 1 10"/>
    <geom name="sideS" type="capsule" fromto="-0.3 -0.3 0.01 0.3 -0.3 0.01" size="0.02"/>
    <geom name="sideE" type="capsule" fromto="0.3 -0.3 0.01 0.3 0.3 0.01" size="0.02"/>
    <geom name="sideN" type="capsule" fromto="-0.3 0.3 0.01 0.3 0.3 0.01" size="0.02"/>
    <geom name="sideW" type="capsule" fromto="-0.3 -0.3 0.01 -0.3 0.3 0.01" size="0.02"/>
    <geom name="root" type="cylinder" size="0.011" fromto="0 0 0 0 0 0.02"/>
    <body name="body0" pos="0 0 0.01">
      <joint name="joint0" axis="0 0 1"/>
      <geom name="link0" type="capsule" fromto="0 0 0 0.1 0 0" size="0.01" conaffinity="1"/>
      <body name="body1" pos="0.1 0 0">
        <joint name="joint1" axis="0 0 1" range="-3 3"/>
        <geom name="link1" type="capsule" fromto="0 0 0 0.1 0 0" size="0.01" conaffinity="1"/>
        <body name="fingertip" pos="0.11 0 0">
          <geom name="fingertip" size="0.01" conaffinity="1"/>
        </body>
      </body>
    </body>
    <body name="target" pos="0.1 -0.1 0.01">
      <joint name="target_x" type="slide" axis="1 0 0" range="-0.27 0.27" ref="0.1" damping="0" armature="0"/>
      <joint name="target_y" type="slide" axis="0 1 0" range="-0.27 0.27" ref="-0.1" damping="0" armature="0"/>
      <geom name="target" size="0.009"/>
    </body>
  </worldbody>
  <actuator>
    <motor joint="joint0"/>
    <motor joint="joint1"/>
  </actuator>
</mujoco>
`
